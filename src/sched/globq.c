/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/globq.h"
#include "base/throw.h"
#include "os/linux/clock.h"
#include "sched/begin.h"
#include "sched/schedt.h"

enum { HOG_PATIENCE = 20 * 1000 * 1000 };

static void publish(void)
{
    store_relaxed(&sched.runqsize, sched.runq.n + sched.hogq.n + sched.held[HELD_OTHER].q.n +
                                       sched.held[HELD_STOPPED].q.n);
    store_relaxed(&sched.runqshort, sched.runq.n);
}

void globrunqput(struct g *gp)
{
    gqueue_push(&sched.runq, gp);
    publish();
}

void globrunqputhead(struct g *gp)
{
    gqueue_push_front(&sched.runq, gp);
    publish();
}

void globrunqputhog(struct g *gp)
{
    if (sched.hogq.n == 0)
        sched.hogsince = nanotime();
    gqueue_push(&sched.hogq, gp);
    publish();
}

void globrunqput_yielded(struct p *pp)
{
    gqueue_push_all(&sched.runq, &pp->yielded);
    publish();
}

void globrunqputbatch(struct gqueue *q)
{
    lock(&sched.lock);
    gqueue_push_all(&sched.runq, q);
    publish();
    unlock(&sched.lock);
}

void globrunqputheld(struct g *gp, enum held_kind kind)
{
    gqueue_push(&sched.held[kind].q, gp);
    publish();
}

struct g *globrunqget_held(enum held_kind kind)
{
    struct g *gp = gqueue_pop(&sched.held[kind].q);

    publish();
    return gp;
}

void globrunqput_held(void)
{
    struct gqueue q = {NULL, NULL, 0};

    for (int k = 0; k < HELD_KINDS; k++)
        gqueue_push_all(&q, &sched.held[k].q);
    gqueue_push_all(&q, &sched.runq);
    sched.runq = q;
    publish();
}

static struct g *hog_get(void)
{
    struct g *gp = gqueue_pop(&sched.hogq);

    if (gp)
        sched.hogsince = nanotime();
    publish();
    return gp;
}

struct g *globrunqget_pinned(const struct m *but)
{
    struct g *prev = NULL, *gp;

    for (gp = sched.hogq.head; gp; prev = gp, gp = gp->schedlink)
        if (gp->x && gp->run.pinm && gp->run.pinm != but)
            break;
    if (!gp)
        return NULL;
    if (!prev)
        return hog_get();
    prev->schedlink = gp->schedlink;
    if (sched.hogq.tail == gp)
        sched.hogq.tail = prev;
    sched.hogq.n--;
    publish();
    return gp;
}

struct g *globrunqget_short(struct p *pp, uint32_t max)
{
    uint32_t procs = (uint32_t)load_relaxed(&gomaxprocs);
    uint32_t n = sched.runq.n / procs + 1;
    struct g *gp;

    debug_invariant(mutex_held(&sched.lock));
    if ((gp = begin_next()) != NULL)
        return gp;
    if (sched.hogq.n > 0 && nanotime() - sched.hogsince > HOG_PATIENCE)
        return hog_get();
    gp = gqueue_pop(&sched.runq);
    if (!gp)
        return NULL;
    n = MIN(n, RUNQ_CAP / 2);
    if (max > 0)
        n = MIN(n, max);
    runqputbatch(pp, &sched.runq, n - 1);
    publish();
    return gp;
}

uint32_t globrunqsize(void)
{
    uint32_t n = load_relaxed(&sched.runqsize);

    for (int32_t i = 0; i < load_acquire(&gomaxprocs); i++)
        n += load_relaxed(&allp[i]->yielded.n);
    return n;
}

bool runqwaits(struct p *pp)
{
    return !runqempty(pp) || load_relaxed(&pp->yielded.n) != 0;
}

bool others_wait(struct p *pp)
{
    return load_relaxed(&sched.runqsize) != 0 || runqwaits(pp);
}

struct g *globrunqget(struct p *pp, uint32_t max)
{
    struct g *gp = globrunqget_short(pp, max);

    return gp ? gp : hog_get();
}

struct g *globrunqget_any(struct p *pp)
{
    struct g *gp = globrunqget(pp, 0);

    return gp ? gp : begin_any();
}
