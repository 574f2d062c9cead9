/* SPDX-License-Identifier: BSD-3-Clause */
/* proc: the scheduling loop of an M, and waking others. */
#ifndef GAMP_SCHED_PROC_H
#define GAMP_SCHED_PROC_H

#include "sched/m.h"

/* Runs goroutines on g0; comes back only on an M whose thread is to end, or on m0 at the program's
 * end. */
void schedule(struct m *m);
/* Another P may have work: wakes an M for an idle P, unless one is looking already. */
void wakep(void);
/* Ready goroutines (Gwaiting) of the poller or timers into the queues, with Ms woken for idle Ps.
 * From anywhere. */
void injectglist(struct gqueue *q);
/* Somebody armed a timer for when: the one that sleeps in the poller may have to wake earlier. */
void wakenetpoller(int64_t when);
void resetspinning(struct m *m);

#endif
