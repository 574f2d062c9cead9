/* SPDX-License-Identifier: BSD-3-Clause */
/* direct: who runs next on this M, without a trip through g0; shared by park.c, gostart.c and
 * proc.c. */
#ifndef GAMP_SCHED_DIRECT_H
#define GAMP_SCHED_DIRECT_H

#include "event/event.h"
#include "os/linux/clock.h"
#include "sched/gstack.h"
#include "sched/schedt.h"

/* Runs on one P between two looks at everything. */
enum { TURNS = 61, PARKS_NEXT_MAX = 16, PARKS_NEXT_SURE = 8 };
enum { SLICE_SHARED = 10 * 1000 * 1000 };

/* The local queue is empty, but some have yielded: one of those that have waited longest. */
struct g *direct_refill(struct p *pp);

/* No timer of the P can be due yet, without a look at the clock, which costs as much as a switch:
 * sysmon's last look at it is some 10 ms old at most, unless the machine is so busy that timers are
 * late anyway; then the last turn leads to them. Relaxed: another P's timer in this set that is
 * missed now is seen by the next turn. */
static always_inline bool timers_far(const struct p *pp)
{
    return load_relaxed(&pp->timers.minwhen) > load_relaxed(&sched.coarsefar);
}

/* The next run is one that begins with a look at everything. */
static always_inline bool look_due(const struct m *m)
{
    return m->switches + 1 >= m->lookat;
}

/* Counts the runs since the last time: a switch leaves that to those that come here now and
 * then. */
static inline void settle(struct m *m, struct p *pp)
{
    store_relaxed(&pp->schedtick, pp->schedtick + (m->switches - m->settled) - pp->inherited);
    m->settled = m->switches;
    pp->inherited = 0;
}

/* Time to see whether those that ran since then shared one slice. Without a look at the clock: see
 * timers_far. */
static always_inline bool slice_over(const struct p *pp)
{
    return load_relaxed(&sched.coarse) >= pp->sliceuntil;
}

/* A goroutine of the local queue that may run at once, or NULL: the scheduler must look. */
static always_inline struct g *direct_next(struct m *m, bool *inherit)
{
    struct p *pp = m->p;
    struct g *next;

    /* A stray has no P. Relaxed: who changes these also asks the M to leave. */
    if (unlikely(!load_relaxed(&sched.direct) || !pp || look_due(m) || m->lockedg ||
                 load_relaxed(&pp->preempt) || slice_over(pp)))
        return NULL;
    /* While due ones are held back, the queue's end or the last turn leads to them. */
    if (unlikely(!timers_far(pp)) && !pp->timersheld &&
        load_relaxed(&pp->timers.minwhen) <= nanotime())
        return NULL;
    next = runqget_fast(&pp->runq, inherit);
    if (unlikely(!next)) {
        if (!pp->yielded.head || !(next = direct_refill(pp)))
            return NULL;
    }
    if (*inherit && pp->readied && pp->parks_next < PARKS_NEXT_MAX)
        pp->parks_next++;
    if (unlikely(next->x && (next->run.lockedm || next->run.pinm))) {
        m->handed = next;
        m->handed_inherit = *inherit;
        return NULL;
    }
    return next;
}

/* Makes gp the M's goroutine; the switch to it comes next. */
static always_inline void run_prepare(struct m *m, struct g *gp, bool inherit)
{
    struct p *pp = m->p;

    if (unlikely(!gp->x))
        gbind(gp, pp);
    casgstatus(gp, Grunnable, Grunning);
    if (gp->run.m != m)
        gp->run.m = m;
    store_relaxed(&m->curg, gp);
    store_relaxed(&m->guard, gp->run.stackguard0);
    m->switches++;
    if (pp->readied) {
        pp->readied = false;
        store_relaxed(&pp->wakewanted, 0);
    }
    if (inherit)
        pp->inherited++;
    event_emit(EV_GO_START, gp->goid, (uint64_t)pp->id);
    setg(gp);
}

void cxa_clear(struct m *m);
void ready_on(struct p *pp, struct g *gp, bool next);

void gosched_global(void);
/* Ways to leave that only the runtime itself uses. */
void gopreempt(struct g *gp);              /* to the end of the hogs */
void park_stray(struct g *gp);             /* has no P: to the global queue */
_Noreturn void park_forever(struct g *gp); /* the program is at its end */

#endif
