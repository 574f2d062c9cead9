/* SPDX-License-Identifier: BSD-3-Clause */
/* api_debug: the door for gamp/debug.h. */
#ifndef GAMP_API_API_DEBUG_H
#define GAMP_API_API_DEBUG_H

#endif
