/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/newproc.h"
#include "base/race.h"
#include "event/event.h"
#include "mem/stack.h"
#include "sched/direct.h"
#include "sched/globq.h"
#include "sched/gstack.h"
#include "sched/proc.h"
#include "sched/schedt.h"
#include <errno.h>

enum { GOID_BATCH = 16, GFREE_BATCH = 32, CREDIT_BATCH = 64, NAME_MAX_ = 31 };

static bool gfree_refill(struct gqueue *to, uint32_t want)
{
    lock(&sched.gflock);
    while (to->n < want && sched.gfree.head)
        gqueue_push(to, gqueue_pop(&sched.gfree));
    unlock(&sched.gflock);
    return to->n > 0 || g_alloc(to, want) > 0;
}

static struct g *gfget(struct p *pp)
{
    struct gqueue one = {NULL, NULL, 0};
    struct gqueue *q = pp ? &pp->gfree : &one;

    if (!q->head && !gfree_refill(q, pp ? GFREE_BATCH : 1))
        return NULL;
    return gqueue_pop(q);
}

static void gfree_return(struct p *pp, struct g *gp)
{
    if (pp) {
        gqueue_push_front(&pp->gfree, gp);
        return;
    }
    lock(&sched.gflock);
    gqueue_push_front(&sched.gfree, gp);
    unlock(&sched.gflock);
}

static uint64_t goid_next(struct p *pp)
{
    if (!pp)
        return fetch_add_relaxed(&sched.goidgen, 1) + 1;
    if (pp->goidcache == pp->goidcacheend) {
        pp->goidcache = fetch_add_relaxed(&sched.goidgen, GOID_BATCH) + 1;
        pp->goidcacheend = pp->goidcache + GOID_BATCH;
    }
    return pp->goidcache++;
}

/* One stack of class 0 is promised, from the P's credit. */
static int promise(struct p *pp)
{
    if (!pp)
        return stack_promise(0, 1);
    if (pp->stackcredit == 0) {
        if (stack_promise(0, CREDIT_BATCH) == 0)
            pp->stackcredit = CREDIT_BATCH;
        else if (stack_promise(0, 1) == 0)
            pp->stackcredit = 1;
        else
            return -ENOMEM;
    }
    pp->stackcredit--;
    return 0;
}

/* A goroutine with options gets its stack now, of its own class. */
static int bind_options(struct g *gp, const struct newproc_options *o)
{
    int class = stack_class(o->stack_size ? o->stack_size : sched.stack_size);
    uintptr_t slot;

    if (class < 0)
        return -ENOMEM;
    if (stack_promise(class, 1) < 0)
        return -ENOMEM;
    stack_take(class, &slot, 1);
    gbind_slot(gp, slot, class);
    if (o->name)
        for (int i = 0; i < NAME_MAX_ && o->name[i]; i++)
            gp->x->name[i] = o->name[i];
    return 0;
}

static void enqueue(struct p *pp, struct g *gp)
{
    if (pp) {
        ready_on(pp, gp, true);
        return;
    }
    lock(&sched.lock);
    globrunqput(gp);
    unlock(&sched.lock);
    wakep();
}

int newproc(const struct newproc_options *o, void (*fn)(void), const uintptr_t *args, unsigned n,
            enum gkind kind, uintptr_t pc)
{
    static const struct newproc_options plain;
    struct p *pp = getm()->p;
    struct g *gp;
    int err;

    if (load_relaxed(&sched.phase) != PHASE_RUN)
        return -EPERM;
    gp = gfget(pp);
    if (!gp)
        return -ENOMEM;
    gp->start.fn = fn;
    for (unsigned i = 0; i < n; i++)
        gp->start.args[i] = args[i];
    gp->x = NULL;
    gp->kind = (uint8_t)kind;
    gp->flags = 0;
    gp->gopc = pc;
    if (!o && sched.stack_size)
        o = &plain;
    err = o && (o->stack_size || o->name || sched.stack_size) ? bind_options(gp, o) : promise(pp);
    if (err) {
        gfree_return(pp, gp);
        return err;
    }
    gp->goid = goid_next(pp);
    if (kind == GNORMAL) {
        if (pp)
            count_owned(&pp->created);
        else
            fetch_add_relaxed(&sched.created_foreign, 1);
    }
    race_release(gp);
    event_emit(EV_GO_CREATE, gp->goid, pc);
    casgstatus(gp, readgstatus(gp), Grunnable);
    enqueue(pp, gp);
    return 0;
}
