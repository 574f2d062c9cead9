/* SPDX-License-Identifier: BSD-3-Clause */
/* api_time: the door of gamp/time.h. */
#include "api/api_time.h"
#include "os/linux/clock.h"
#include "sched/entry.h"
#include "sched/panic.h"
#include "sched/park.h"
#include "std/gtime.h"
#include "sync/objmem.h"
#include <gamp/chan.h>

gamp_time gamp_now(void)
{
    return nanotime();
}

void gamp_sleep(gamp_duration d)
{
    if (d <= 0)
        return;
    gamp_enter();
    sleep_until(time_add(nanotime(), d));
    gamp_leave();
}

/* like is what the new one begins with; its channel's reference becomes the timer's, or goes. */
static gamp_timer *timer_new(const gamp_timer *like, gamp_duration d)
{
    gamp_timer *t;

    late_run();
    t = objmem_alloc(sizeof *t);
    if (!t) {
        gamp_chan_unref(like->c);
        return NULL;
    }
    *t = *like;
    gtime_init(t);
    gamp_enter();
    gtime_reset(t, d);
    gamp_leave();
    return t;
}

static gamp_timer *chan_timer(gamp_duration d, bool ticker)
{
    gamp_chan *c = gamp_chan_of(gamp_time, 1);

    return c ? timer_new(&(gamp_timer){.c = c, .ticker = ticker}, d) : NULL;
}

gamp_timer *gamp_timer_new(gamp_duration d)
{
    return chan_timer(d, false);
}

gamp_timer *gamp_ticker_new(gamp_duration d)
{
    if (d <= 0)
        gopanic("non-positive interval for NewTicker");
    return chan_timer(d, true);
}

gamp_timer *gamp_after_func(gamp_duration d, void (*fn)(void *), void *arg)
{
    uintptr_t pc = (uintptr_t)__builtin_return_address(0);

    if (!fn)
        gopanic("gamp_after_func of a NULL function");
    return timer_new(&(gamp_timer){.fn = fn, .arg = arg, .pc = pc}, d);
}

gamp_chan *gamp_timer_chan(gamp_timer *t)
{
    return t ? t->c : NULL;
}

bool gamp_timer_stop(gamp_timer *t)
{
    bool was;

    if (!t)
        gopanic("time: Stop called on uninitialized Timer");
    gamp_enter();
    was = gtime_stop(t);
    gamp_leave();
    return was;
}

bool gamp_timer_reset(gamp_timer *t, gamp_duration d)
{
    bool was;

    if (!t)
        gopanic("time: Reset called on uninitialized Timer");
    if (t->ticker && d <= 0)
        gopanic("non-positive interval for Ticker.Reset");
    gamp_enter();
    was = gtime_reset(t, d);
    gamp_leave();
    return was;
}

void gamp_timer_free(gamp_timer *t)
{
    if (!t)
        return;
    late_run();
    gamp_enter();
    gtime_stop(t);
    gamp_leave();
    /* It panics when somebody waits there; t is then as after a stop. */
    gamp_chan_unref(t->c);
    if (gtime_release(t))
        objmem_free(t);
}
