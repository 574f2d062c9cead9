/* SPDX-License-Identifier: BSD-3-Clause */
/* globq: the global queues: sched.runq, sched.hogq for goroutines that used up their slice, and
 * sched.held for those that wait for threads.
 *
 * Those that an event woke, or that are new, run before hogs; a hog waits no longer than
 * HOG_PATIENCE while there are others, and each 61st look at the queues serves it first. */
#ifndef GAMP_SCHED_GLOBQ_H
#define GAMP_SCHED_GLOBQ_H

#include "sched/g.h"

struct m;
struct p;

/* Of a function of which a goroutine was stopped in the preemption handler, or of another. */
enum held_kind { HELD_OTHER, HELD_STOPPED, HELD_KINDS };

/* sched.lock held. */
void globrunqput(struct g *gp);
void globrunqputhead(struct g *gp);
void globrunqputhog(struct g *gp);
void globrunqput_yielded(struct p *pp); /* all that yielded on pp, in their order */
/* Takes a share of runq: one to return, the rest into pp's ring (max 0: no limit but the share).
 * NULL: empty. Hogs are taken one at a time, and first when their time has come. */
struct g *globrunqget(struct p *pp, uint32_t max);
/* The P would be idle: one that is held back rather than none. */
struct g *globrunqget_any(struct p *pp);
struct g *globrunqget_short(struct p *pp, uint32_t max); /* never a hog, unless overdue */
/* The first hog that an M other than but holds, asleep in the preemption handler; NULL: none. For
 * when there is no other M to be had. */
struct g *globrunqget_pinned(const struct m *but);
/* Those that are held back (sched/begin.h): one to the tail, from the head, all before runq. */
void globrunqputheld(struct g *gp, enum held_kind kind);
struct g *globrunqget_held(enum held_kind kind);
void globrunqput_held(void);
/* Takes sched.lock. */
void globrunqputbatch(struct gqueue *q);

/* Any thread; racy. Those on their way to the queues' tail are among them. */
uint32_t globrunqsize(void);
bool runqwaits(struct p *pp);   /* goroutines wait in the queues of pp */
bool others_wait(struct p *pp); /* or in the global ones */

#endif
