/* SPDX-License-Identifier: BSD-3-Clause */
/* gostart: runs a goroutine's function, and then its end.
 *
 * A goroutine that returns while the next runnable one has not run yet leaves it its stack as it
 * is: no switch, no trip through the caches. So short goroutines run one after the other on one hot
 * stack. */
#include "sched/gostart.h"
#include "base/race.h"
#include "base/throw.h"
#include "event/event.h"
#include "sched/direct.h"
#include "sched/entry.h"
#include "sched/gstack.h"
#include "sched/newproc.h"
#include "sched/schedt.h"
#include "sched/switch_g.h"
#include <stdlib.h>

static void gfput(struct p *pp, struct g *gp)
{
    enum { SPILL = 64, KEEP = 32 };

    gp->schedlink = NULL;
    gqueue_push_front(&pp->gfree, gp);
    if (pp->gfree.n >= SPILL) {
        struct gqueue q = {NULL, NULL, 0};

        while (pp->gfree.n > KEEP)
            gqueue_push(&q, gqueue_pop(&pp->gfree));
        lock(&sched.gflock);
        gqueue_push_all(&sched.gfree, &q);
        unlock(&sched.gflock);
    }
}

static void end_g(struct p *pp, struct g *gp)
{
    event_emit(EV_GO_END, gp->goid, 0);
    casgstatus(gp, Grunning, Gdead);
    if (gp->kind == GNORMAL && !(gp->flags & GFLAG_OVER))
        count_owned(&pp->ended);
}

void goroutine_over(void)
{
    struct g *gp = getg();

    if (gp->kind != GNORMAL || (gp->flags & GFLAG_OVER))
        return;
    gp->flags |= GFLAG_OVER;
    count_owned(&gp->run.m->p->ended);
}

static void commit_exit(struct m *m, struct g *gp)
{
    end_g(m->p, gp);
    gunbind(gp, m->p);
    gfput(m->p, gp);
}

void goexit0(void)
{
    struct g *gp = getg();
    struct m *m = gp->run.m;
    struct g *next;
    bool inherit = false;

    if (m->lockedg == gp) {
        /* Locked at its end: the thread may be in any state, so it ends too. */
        m->lockedg = NULL;
        gp->run.lockedm = NULL;
        m->dying = true;
    }
    m->commitg = gp;
    m->commit = commit_exit;
    next = m->dying ? NULL : direct_next(m, &inherit);
    if (next)
        run_prepare(m, next, inherit);
    else
        setg(m->g0);
    gswitch(gp, next ? next : m->g0, true);
    throw("goexit0: a dead goroutine was scheduled");
}

/* gp's function has returned, and this is its outermost frame. Answers the goroutine that goes on
 * in its place, or does not return. */
static struct g *next_here(struct g *gp)
{
    struct m *m = gp->run.m;
    struct p *pp = m->p;
    struct gx *x = gp->x;
    struct g *next;
    bool inherit = false;

    if (m->lockedg == gp || x->stack_class != 0 || RACE_TSAN || RACE_ASAN)
        goexit0();
    next = direct_next(m, &inherit);
    if (next && !next->x) {
        end_g(pp, gp);
        gp->x = NULL;
        gfput(pp, gp);
        pp->stackcredit++;
        gbind_running(next, x);
        run_prepare(m, next, inherit);
        return next;
    }
    m->commitg = gp;
    m->commit = commit_exit;
    if (next)
        run_prepare(m, next, inherit);
    else
        setg(m->g0);
    gswitch(gp, next ? next : m->g0, true);
    throw("gostart: a dead goroutine was scheduled");
}

static noinline void call(const struct gstart *s)
{
    void (*fn)(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t);

    /* Both ABIs pass six words in registers, and a callee that takes fewer does not look at the
     * rest. */
    fn = (void (*)(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t))(
             uintptr_t)s->fn;
    fn(s->args[0], s->args[1], s->args[2], s->args[3], s->args[4], s->args[5]);
}

void gostart(void)
{
    struct g *gp = getg();

    aftersw(gp);
    for (;;) {
        cxa_clear(gp->run.m);
        *gp->run.m->errnop = 0;
        race_acquire(gp);
        gamp_leave();
        call(&gp->x->start);
        if (unlikely(load_relaxed(&sched.forked)))
            exit(0); /* the child's only thread ends, as a thread's function does */
        gamp_enter();
        gp = next_here(gp);
    }
}
