/* SPDX-License-Identifier: BSD-3-Clause */
/* api_context: the door of gamp/context.h. */
#include "api/api_context.h"
#include "base/race.h"
#include "os/linux/clock.h"
#include "sched/entry.h"
#include "sched/panic.h"
#include "std/context.h"
#include "std/group.h"
#include <gamp/panic.h>
#include <errno.h>
#include <string.h>

gamp_context *gamp_context_background(void)
{
    return &context_background;
}

static void check_parent(const gamp_context *parent)
{
    if (!parent)
        gopanic("cannot create context from nil parent");
}

gamp_context *gamp_context_with_cancel(gamp_context *parent)
{
    check_parent(parent);
    return context_new_canceler(parent, GAMP_NEVER);
}

gamp_context *gamp_context_with_deadline(gamp_context *parent, gamp_time t)
{
    check_parent(parent);
    return context_new_canceler(parent, t);
}

gamp_context *gamp_context_with_timeout(gamp_context *parent, gamp_duration d)
{
    check_parent(parent);
    return context_new_canceler(parent, time_add(nanotime(), d));
}

gamp_context *gamp_context_with_value(gamp_context *parent, const void *key, void *value)
{
    check_parent(parent);
    return context_new_value(parent, key, value);
}

void gamp_context_cancel(gamp_context *c, int cause)
{
    if (!c)
        return;
    if (!context_is_canceler(c))
        gopanic(c->is_value ? "cancel of a value context" : "cancel of the background context");
    gamp_enter();
    context_cancel(c->canceler, cause);
    gamp_leave();
}

gamp_chan *gamp_context_done(gamp_context *c)
{
    return c->canceler ? c->canceler->done : NULL;
}

/* 0 while alive. What was done before the cancel is seen by who sees it. */
static int canceler_err(struct canceler *c)
{
    int err = c ? load_acquire(&c->err) : 0;

    if (err != 0)
        race_acquire(c);
    return err;
}

int gamp_context_err(gamp_context *c)
{
    return canceler_err(c->canceler);
}

int gamp_context_cause(gamp_context *c)
{
    /* Relaxed: err's load acquired it. */
    return canceler_err(c->canceler) != 0 ? load_relaxed(&c->canceler->cause) : 0;
}

bool gamp_context_deadline(gamp_context *c, gamp_time *t)
{
    if (t)
        *t = c->deadline;
    return c->deadline != GAMP_NEVER;
}

void *gamp_context_value(gamp_context *c, const void *key)
{
    for (; c; c = c->parent)
        if (c->is_value && c->key == key)
            return c->value;
    return NULL;
}

gamp_context *gamp_context_ref(gamp_context *c)
{
    return c ? context_ref(c) : NULL;
}

void gamp_context_unref(gamp_context *c)
{
    context_unref(c);
}

int gamp_group_init(gamp_group *g, gamp_context *parent)
{
    gamp_context *ctx = context_new_canceler(parent ? parent : &context_background, GAMP_NEVER);

    if (!ctx)
        return -ENOMEM;
    group_init(g, ctx);
    return 0;
}

void gamp_group_set_limit(gamp_group *g, int n)
{
    int running;
    bool ok;

    gamp_enter();
    ok = group_set_limit(g, n, &running);
    gamp_leave();
    if (!ok)
        gamp_panic("errgroup: modify limit while %d goroutines in the group are still active",
                   running);
}

int gamp_group_go(gamp_group *g, int (*fn)(gamp_context *, void *), void *arg)
{
    uintptr_t pc = (uintptr_t)__builtin_return_address(0);
    int err;

    gamp_enter();
    group_enter(g, true);
    err = group_start(g, fn, arg, pc);
    gamp_leave();
    return err;
}

int gamp_group_try_go(gamp_group *g, int (*fn)(gamp_context *, void *), void *arg)
{
    uintptr_t pc = (uintptr_t)__builtin_return_address(0);
    int err = -EAGAIN;

    gamp_enter();
    if (group_enter(g, false))
        err = group_start(g, fn, arg, pc);
    gamp_leave();
    return err;
}

gamp_context *gamp_group_context(gamp_group *g)
{
    return g->ctx;
}

int gamp_group_wait(gamp_group *g)
{
    gamp_context *ctx = g->ctx;
    int result;

    gamp_enter();
    result = group_wait(g);
    context_cancel(ctx->canceler, result);
    gamp_leave();
    memset(g, 0, sizeof *g);
    context_unref(ctx);
    return result;
}
