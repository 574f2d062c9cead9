/* SPDX-License-Identifier: BSD-3-Clause */
/* api_panic: the door for gamp/panic.h. */
#ifndef GAMP_API_API_PANIC_H
#define GAMP_API_API_PANIC_H

#endif
