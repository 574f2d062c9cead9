/* SPDX-License-Identifier: BSD-3-Clause */
/* mstart: what the files about Ms share among themselves. */
#ifndef GAMP_SCHED_MSTART_H
#define GAMP_SCHED_MSTART_H

#include "sched/m.h"

struct p;

/* The M's scheduling life; returns on m0 at the program's end, and on a thread that is to end. */
void mstart1(struct m *m);
/* g0's bounds: the upper 64 KiB that are left of the thread's own stack. */
void m0_bounds(struct m *m);
void thread_sigmask_all(void); /* blocks every signal on the calling thread */

/* sched.lock held; it is released. m goes on with pp (NULL: without). */
void wake_m(struct m *m, struct p *pp);
/* sched.lock held; it is released. Sleeps unless a P was handed already; true: with a P now. */
bool sleep_m(struct m *m, enum parkedin where);

/* sched.lock held: pp is out of the way of a stop of the world. */
void stw_stopped(struct p *pp);

int sysmon_start(void); /* 0 or -errno */
void sysmon_wake(void);
/* Ends a long nap of sysmon's. */
void sysmon_rouse(void);

#endif
