/* SPDX-License-Identifier: BSD-3-Clause */
/* begin: which goroutines begin while threads run out.
 *
 * A goroutine that preemption stopped keeps its thread. With as many of those as there may be
 * threads, none is left for one that an event wakes. Threads run out where few more may be made
 * (gamp_config.max_threads) or the last attempt to make one failed. From then on (sched.scarce) a
 * goroutine that has never run may have to wait until another has given its thread back, for it
 * could be the next to keep one: begun ones have the Ps in turn meanwhile. How many threads must be
 * left for it depends on its function:
 *   by which a thread is kept now     a reserve of 2 to 4. That many goroutines of other functions
 *                                     can then be mistaken for harmless, each function once
 *   any other                         one besides its own
 * With one fewer it begins if none was stopped since the last one like it began, or 100 ms after
 * that: so a crowd of short ones runs at its speed, and one that others spin for comes. With fewer
 * still it does so if nothing but goroutines that compute could wake another: no timer, descriptor,
 * signal or thread of the program's, nor one that blocks in foreign code and comes back.
 * Whatever the threads, one begins when its P would be idle else.
 *
 *   runnable -> held -> running           sched.held[], moved under sched.lock: begin_hold by the M
 *                                         that found it, begin_next and begin_any by one that looks
 *                                         for work
 *   held -> runnable                      all, ahead of what waits, when threads are to be had
 *                                         again (begin_update)
 * They count as runnable: in sched.runqsize, in reports, and against a deadlock.
 *
 * Nothing of this is looked at while threads are to be had. sched.direct is 0 while they are not,
 * so every goroutine passes schedule(), where it is decided.
 *
 * Rejected: to hold back all that have never run (a server's handlers, beside goroutines that
 * compute for ever, would never begin); to hold back those that have run before and computed (they
 * may have what the others wait for). */
#ifndef GAMP_SCHED_BEGIN_H
#define GAMP_SCHED_BEGIN_H

#include "sched/schedt.h"

/* All but begin_hold and begin_left_hog: sched.lock held. */

/* How many Ms are to be kept idle: more while goroutines are stopped, so that it shows in time when
 * no more can be made. */
int32_t begin_spare(void);

void begin_update_now(void);
/* What it depends on has changed: idle Ms, Ms that may be made, stopped goroutines. */
static inline void begin_update(void)
{
    if (unlikely(sched.nmhogs > 0 || sched.scarce))
        begin_update_now();
}

/* gp is being stopped, and keeps m. */
void begin_stopped(struct m *m, const struct g *gp);
/* On m: its goroutine that had been stopped has left it. */
void begin_left_hog(struct m *m);

/* While threads are scarce, of what findrunnable has found: true: it is held back. */
bool begin_hold(struct g *gp);
/* One of those held back whose time has come, or NULL. The caller is no hog's M. */
struct g *begin_next(void);
/* Any of them. */
struct g *begin_any(void);
/* An idle M would get one from begin_next. */
bool begin_due(void);

static inline bool begin_waits(void)
{
    return sched.held[0].q.n + sched.held[1].q.n > 0;
}

#endif
