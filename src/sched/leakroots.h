/* SPDX-License-Identifier: BSD-3-Clause */
/* leakroots: what AddressSanitizer's search for leaks, at the process's end, must know of
 * goroutines. It looks for pointers in threads' stacks and in globals; the stacks of goroutines
 * that are still there are neither, nor are the arguments of those that have not begun. */
#ifndef GAMP_SCHED_LEAKROOTS_H
#define GAMP_SCHED_LEAKROOTS_H

#include "base/race.h"

#if RACE_ASAN
/* Once, outside the runtime. */
void leakroots_init(void);
#else
static inline void leakroots_init(void)
{
}
#endif

#endif
