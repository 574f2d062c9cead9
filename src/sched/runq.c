/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/runq.h"
#include "os/linux/clock.h"
#include "sched/globq.h"
#include "sched/p.h"

/* Half of the full ring and gp to the global queue. false: a thief made room meanwhile. */
static bool runqputslow(struct p *pp, struct g *gp, uint32_t h, uint32_t t)
{
    struct g *batch[RUNQ_CAP / 2];
    uint32_t n = (t - h) / 2;
    struct gqueue q = {NULL, NULL, 0};

    for (uint32_t i = 0; i < n; i++)
        batch[i] = load_relaxed(&pp->runq.ring[(h + i) % RUNQ_CAP]);
    if (!cas_release(&pp->runq.head, h, h + n))
        return false;
    for (uint32_t i = 0; i < n; i++)
        gqueue_push(&q, batch[i]);
    gqueue_push(&q, gp);
    globrunqputbatch(&q);
    return true;
}

void runqput(struct p *pp, struct g *gp, bool next)
{
    struct runq *q = &pp->runq;

    if (next && (gp = runqput_next(q, gp)) == NULL)
        return;
    for (;;) {
        uint32_t h = load_acquire(&q->head);
        uint32_t t = q->tail;

        if (likely(t - h < RUNQ_CAP)) {
            store_relaxed(&q->ring[t % RUNQ_CAP], gp);
            store_release(&q->tail, t + 1);
            return;
        }
        if (runqputslow(pp, gp, h, t))
            return;
    }
}

void runqputbatch(struct p *pp, struct gqueue *from, uint32_t max)
{
    struct runq *q = &pp->runq;
    uint32_t h = load_acquire(&q->head), t = q->tail;

    for (; max > 0 && from->head && t - h < RUNQ_CAP; max--) {
        store_relaxed(&q->ring[t % RUNQ_CAP], gqueue_pop(from));
        t++;
    }
    store_release(&q->tail, t);
}

struct g *runqget_ring(struct p *pp)
{
    struct runq *q = &pp->runq;

    for (;;) {
        uint32_t h = load_acquire(&q->head);
        struct g *gp;

        if (h == q->tail)
            return NULL;
        gp = load_relaxed(&q->ring[h % RUNQ_CAP]);
        if (likely(runqadvance(q, h)))
            return gp;
    }
}

struct g *runqget_next(struct p *pp)
{
    struct g *gp = load_relaxed(&pp->runq.runnext);

    return gp && cas_acqrel(&pp->runq.runnext, gp, NULL) ? gp : NULL;
}

struct g *runqget(struct p *pp, bool *inherit)
{
    return runqget_fast(&pp->runq, inherit);
}

bool runqempty(struct p *pp)
{
    struct runq *q = &pp->runq;

    /* A put kicks runnext to the tail: the tail read before and after must agree, or a goroutine on
     * its way between the two could be missed. */
    for (;;) {
        uint32_t h = load_acquire(&q->head);
        uint32_t t = load_acquire(&q->tail);
        struct g *next = load_acquire(&q->runnext);

        if (t == load_acquire(&q->tail))
            return h == t && !next;
    }
}

uint32_t runqsize(struct p *pp)
{
    uint32_t h = load_acquire(&pp->runq.head);
    uint32_t n = load_acquire(&pp->runq.tail) - h;

    return MIN(n, RUNQ_CAP) + (load_relaxed(&pp->runq.runnext) != NULL);
}

/* Puts half of p2's ring behind pp's tail (not yet published); how many. */
static uint32_t runqgrab(struct p *p2, struct p *pp, uint32_t t, bool steal_runnext)
{
    struct runq *q = &p2->runq;

    for (;;) {
        uint32_t h = load_acquire(&q->head);
        uint32_t n = load_acquire(&q->tail) - h;

        n = n - n / 2;
        if (n == 0) {
            struct g *next = load_acquire(&q->runnext);

            if (!steal_runnext || !next)
                return 0;
            /* Its P is about to run it, most likely: give it the time that a hand-over takes. */
            if (load_acquire(&p2->status) == Prunning)
                clock_sleep(3000);
            if (!cas_acqrel(&q->runnext, next, NULL))
                continue;
            store_relaxed(&pp->runq.ring[t % RUNQ_CAP], next);
            return 1;
        }
        if (n > RUNQ_CAP / 2) /* head and tail of different moments */
            continue;
        for (uint32_t i = 0; i < n; i++)
            store_relaxed(&pp->runq.ring[(t + i) % RUNQ_CAP],
                          load_relaxed(&q->ring[(h + i) % RUNQ_CAP]));
        if (cas_acqrel(&q->head, h, h + n))
            return n;
    }
}

struct g *runqsteal(struct p *pp, struct p *p2, bool steal_runnext)
{
    uint32_t t = pp->runq.tail;
    uint32_t n = runqgrab(p2, pp, t, steal_runnext);

    if (n == 0)
        return NULL;
    n--;
    if (n > 0)
        store_release(&pp->runq.tail, t + n);
    return load_relaxed(&pp->runq.ring[(t + n) % RUNQ_CAP]);
}
