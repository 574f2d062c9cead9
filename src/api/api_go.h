/* SPDX-License-Identifier: BSD-3-Clause */
/* api_go: the door for gamp/go.h. */
#ifndef GAMP_API_API_GO_H
#define GAMP_API_API_GO_H

#endif
