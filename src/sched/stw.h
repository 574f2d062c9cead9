/* SPDX-License-Identifier: BSD-3-Clause */
/* stw: stopping the world, and changing the number of Ps while it stands. */
#ifndef GAMP_SCHED_STW_H
#define GAMP_SCHED_STW_H

#include "sched/p.h"

/* Inside the runtime, on a goroutine or a foreign thread. When it returns, no goroutine runs with a
 * P but the caller; those in the kernel, or stopped in the handler, have none. False, on a foreign
 * thread: the program came to its end meanwhile, and nothing was stopped; a goroutine does not
 * return then. */
bool stoptheworld(void);
/* procs: as gomaxprocs stands. */
void starttheworld(void);
/* The world is stopped. When memory is short there are fewer Ps than n. 0; -ENOMEM: not one. */
int procresize(int32_t n);
/* sched.direct follows phase and gcwaiting; after either changed, sched.lock held or before others
 * run. */
void direct_update(void);
/* Sets the number of Ps; stops and starts the world. Returns the number before. */
int32_t gomaxprocs_set(int32_t n);

#endif
