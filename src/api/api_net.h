/* SPDX-License-Identifier: BSD-3-Clause */
/* api_net: the door for gamp/net.h. */
#ifndef GAMP_API_API_NET_H
#define GAMP_API_API_NET_H

#endif
