/* SPDX-License-Identifier: BSD-3-Clause */
/* group: see group.h. */
#include "std/group.h"
#include "base/list.h"
#include "base/race.h"
#include "lock/mutex.h"
#include "sched/entry.h"
#include "sched/newproc.h"
#include "sched/park.h"
#include "std/context.h"
#include <gamp/panic.h>

/* On the stack of a parked caller. */
struct place_waiter {
    struct place_waiter *next;
    struct g *gp;
};

_Static_assert(sizeof(struct mutex) <= 2 * sizeof(uint32_t), "the room that gamp_group has for it");

static struct mutex *group_lock(gamp_group *g)
{
    return (struct mutex *)(void *)&g->lock;
}

void group_init(gamp_group *g, gamp_context *ctx)
{
    *g = (gamp_group){.ctx = ctx};
    mutex_init(group_lock(g), LOCK_SYNC);
}

bool group_set_limit(gamp_group *g, int n, int *running)
{
    lock(group_lock(g));
    *running = g->running;
    if (g->running == 0)
        g->limit = n > 0 ? n : 0;
    unlock(group_lock(g));
    return *running == 0;
}

bool group_enter(gamp_group *g, bool wait)
{
    struct place_waiter w = {NULL, getg()};

    lock(group_lock(g));
    if (g->limit == 0 || g->running < g->limit) {
        g->running++;
        unlock(group_lock(g));
        race_acquire(g);
        return true;
    }
    if (!wait) {
        unlock(group_lock(g));
        return false;
    }
    if (g->head)
        ((struct place_waiter *)g->tail)->next = &w;
    else
        g->head = &w;
    g->tail = &w;
    goparkunlock(group_lock(g), WAIT_GROUP);
    race_acquire(g);
    return true;
}

/* One has ended, or was not started. When it was the last, g may be gone as soon as the lock is
 * free. */
static void leave(gamp_group *g)
{
    struct place_waiter *w;
    struct g *wake = NULL;

    race_release(g);
    lock(group_lock(g));
    w = g->head;
    if (w) {
        g->head = w->next;
        wake = w->gp;
    } else if (--g->running == 0) {
        wake = g->waiter;
        g->waiter = NULL;
    }
    unlock(group_lock(g));
    if (wake)
        goready(wake);
}

/* Outside the runtime: fn has come to its end, or was left. */
static void member_done(gamp_group *g)
{
    gamp_enter();
    goroutine_over();
    leave(g);
    gamp_leave();
}

static void member_result(gamp_group *g, int result)
{
    bool first;

    gamp_enter();
    lock(group_lock(g));
    first = g->result == 0;
    if (first)
        g->result = result;
    unlock(group_lock(g));
    if (first)
        context_cancel(g->ctx->canceler, result);
    gamp_leave();
}

static void member(gamp_group *g, int (*fn)(gamp_context *, void *), void *arg)
{
    int result;

    gamp_defer(member_done, g);
    result = fn(g->ctx, arg);
    if (result != 0)
        member_result(g, result);
}

int group_start(gamp_group *g, int (*fn)(gamp_context *, void *), void *arg, uintptr_t pc)
{
    uintptr_t args[] = {(uintptr_t)g, (uintptr_t)fn, (uintptr_t)arg};
    int err = newproc(NULL, (void (*)(void))member, args, ARRAY_LEN(args), GNORMAL, pc);

    if (err < 0)
        leave(g);
    return err;
}

int group_wait(gamp_group *g)
{
    lock(group_lock(g));
    if (g->running > 0) {
        g->waiter = getg();
        goparkunlock(group_lock(g), WAIT_GROUP);
    } else {
        unlock(group_lock(g));
    }
    race_acquire(g);
    return g->result;
}
