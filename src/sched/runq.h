/* SPDX-License-Identifier: BSD-3-Clause */
/* runq: the per-P ring of runnable goroutines, and runnext, which runs before it.
 * Invariant: tail - head <= RUNQ_CAP (unsigned, wraps).
 * Writers:   tail and the slots: the owner P.  head: anyone, by CAS.  runnext: the owner by
 *                                                                     exchange, a thief by CAS to
 *                                                                     NULL.
 * Pairs:     put's store_release(tail) with grab's load_acquire(tail);
 *            get's and grab's cas_release(head) with put's load_acquire(head): a slot is reused
 *            only after it was read.
 * One P:     nobody else has a P to steal for, so the owner moves head and runnext with plain
 *            stores. The number of Ps changes while the world is stopped.
 * Rejected:  a growable deque, because overflow belongs to the global queue. */
#ifndef GAMP_SCHED_RUNQ_H
#define GAMP_SCHED_RUNQ_H

#include "sched/g.h"

#define RUNQ_CAP 256u

struct runq {
    uint32_t head cacheline_aligned;
    uint32_t tail;
    struct g *runnext;
    struct g *ring[RUNQ_CAP];
};

struct p;
extern int32_t gomaxprocs; /* atomic; changes while the world is stopped */

static always_inline bool runq_is_shared(void)
{
    return load_relaxed(&gomaxprocs) != 1;
}

/* Owner only. Takes the slot at head, unless a thief was faster. */
static always_inline bool runqadvance(struct runq *q, uint32_t head)
{
    if (runq_is_shared())
        return cas_release(&q->head, head, head + 1);
    store_relaxed(&q->head, head + 1);
    return true;
}

/* Owner only. gp to the tail, when there is room. */
static always_inline bool runqput_fast(struct runq *q, struct g *gp)
{
    uint32_t t = q->tail;

    if (unlikely(t - load_acquire(&q->head) >= RUNQ_CAP))
        return false;
    store_relaxed(&q->ring[t % RUNQ_CAP], gp);
    store_release(&q->tail, t + 1);
    return true;
}

/* Owner only. gp into runnext; who was there, or NULL, is the caller's now. */
static always_inline struct g *runqput_next(struct runq *q, struct g *gp)
{
    struct g *kicked;

    /* Thieves only ever take it to NULL, so the exchange loses nothing. */
    if (runq_is_shared())
        return xchg_acqrel(&q->runnext, gp);
    kicked = load_relaxed(&q->runnext);
    store_release(&q->runnext, gp);
    return kicked;
}

/* Owner only. */
static always_inline struct g *runqget_fast(struct runq *q, bool *inherit)
{
    /* Only the owner sets runnext to something else than NULL, so one failed CAS means it was
     * stolen. */
    struct g *gp = load_relaxed(&q->runnext);

    if (gp) {
        *inherit = true;
        if (!runq_is_shared()) {
            store_relaxed(&q->runnext, NULL);
            return gp;
        }
        if (cas_acqrel(&q->runnext, gp, NULL))
            return gp;
    }
    *inherit = false;
    for (;;) {
        uint32_t h = load_acquire(&q->head);

        if (h == q->tail)
            return NULL;
        gp = load_relaxed(&q->ring[h % RUNQ_CAP]);
        if (likely(runqadvance(q, h)))
            return gp;
    }
}

/* Owner only. Exact for what the owner put; thieves may have emptied it since. */
static always_inline bool runqempty_own(struct runq *q)
{
    return load_relaxed(&q->head) == q->tail && !load_relaxed(&q->runnext);
}

/* Owner only. How many puts with next it takes without help from the global queue. */
static inline uint32_t runqroom(const struct runq *q)
{
    uint32_t used = q->tail - load_acquire(&q->head);

    return RUNQ_CAP - used + !load_relaxed(&q->runnext);
}

/* Owner only. next: into runnext, kicking the old one to the tail. A full ring sends half of itself
 * and the goroutine to the global queue. */
void runqput(struct p *pp, struct g *gp, bool next);
/* Owner only. The first max of q to the tail, as far as there is room. */
void runqputbatch(struct p *pp, struct gqueue *q, uint32_t max);
/* Owner only. inherit: it came from runnext and goes on with the slice of the one before. */
struct g *runqget(struct p *pp, bool *inherit);
/* Owner only: runnext alone. */
struct g *runqget_next(struct p *pp);
/* Owner only: the ring alone. */
struct g *runqget_ring(struct p *pp);
bool runqempty(struct p *pp);
uint32_t runqsize(struct p *pp);
/* Moves half of p2's to pp and returns one of them; pp's ring must be empty. runnext only when
 * asked. */
struct g *runqsteal(struct p *pp, struct p *p2, bool steal_runnext);

#endif
