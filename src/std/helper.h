/* SPDX-License-Identifier: BSD-3-Clause */
/* helper: something of the library's own to do beside its caller: in a goroutine that does not
 * count as the program's, or in a thread while no runtime runs. */
#ifndef GAMP_STD_HELPER_H
#define GAMP_STD_HELPER_H

#include "base/compiler.h"

/* Starts fn(arg), outside the runtime. It may call anything of libc. name stands in dumps. 0 or
 * -errno. Outside the runtime. */
int helper_start(void (*fn)(void *), void *arg, const char *name);

#endif
