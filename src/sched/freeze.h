/* SPDX-License-Identifier: BSD-3-Clause */
/* freeze: at the process's end by a report: the goroutines that run on other threads are stopped
 * wherever they are, in the preemption signal's handler, so that their stacks can be shown. None
 * goes on; system calls that are cut short by it matter no more. */
#ifndef GAMP_SCHED_FREEZE_H
#define GAMP_SCHED_FREEZE_H

#include "base/compiler.h"

/* The caller reports. Waits until all have stopped, half a second at most: a thread that blocks the
 * signal cannot be had. Takes no lock. */
void freezetheworld(void);
/* In the handler: does not return once the world freezes, unless on the reporting thread. */
void freeze_check(const void *context);

#endif
