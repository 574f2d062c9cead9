/* SPDX-License-Identifier: BSD-3-Clause */
/* gtime: see gtime.h.
 *
 * Lock order: t->lock, then the channel's, the timers' or the scheduler's.
 *
 * A goroutine that cannot be had when an after_func is due (no memory, no stack) is asked for again
 * every RETRY, until it comes or the timer is stopped: there is nobody to return the error to, and
 * fn may be what ends somebody's wait.
 *
 * Rejected: closing over the channel of a stopped timer (Go's timers do not); sending without the
 * lock and filtering in receive, as Go does since 1.23, because receive would have to know of
 * timers. */
#include "std/gtime.h"
#include "base/race.h"
#include "base/throw.h"
#include "os/linux/clock.h"
#include "sched/newproc.h"
#include "sync/chan.h"
#include "sync/objmem.h"
#include <errno.h>

enum { RETRY = 10 * 1000 * 1000 };

static void arm(struct gamp_timer *t, int64_t when)
{
    race_release(t);
    t->timer.when = when;
    invariant(timer_start(&t->timer) == 0);
}

static void send_tick(struct gamp_timer *t, int64_t now)
{
    /* Two calls for one ticker may overtake each other on their way here. */
    if (now <= t->sent)
        return;
    t->sent = now;
    /* Full: the tick is dropped. Closed by the program, against the rules: it is dropped too. */
    chantrysend(t->c, &now);
}

static void start_fn(struct gamp_timer *t, int64_t now)
{
    uintptr_t arg = (uintptr_t)t->arg;

    if (newproc(NULL, (void (*)(void))t->fn, &arg, 1, GNORMAL, t->pc) != -ENOMEM)
        return;
    t->pending = true;
    arm(t, time_add(now, RETRY));
}

static void dispose(struct late *l)
{
    objmem_free(container_of(l, struct gamp_timer, late));
}

static void fire(void *arg, uintptr_t seq, int64_t now)
{
    struct gamp_timer *t = arg;

    lock(&t->lock);
    if (t->pending && seq == t->timer.seq) {
        /* What was done before the arming is seen by who gets the value, and by fn. */
        race_acquire(t);
        t->pending = t->ticker;
        if (t->c)
            send_tick(t, now);
        else
            start_fn(t, now);
    }
    unlock(&t->lock);
    if (gtime_release(t))
        late_add(&t->late, dispose);
}

void gtime_init(struct gamp_timer *t)
{
    mutex_init(&t->lock, LOCK_SYNC);
    t->refs = 1;
    t->timer.f = fire;
    t->timer.arg = t;
    t->timer.refs = &t->refs;
}

/* With t->lock. A call still in flight afterwards finds another seq. */
static bool disarm(struct gamp_timer *t)
{
    bool was = t->pending;
    gamp_time stale;

    t->pending = false;
    timer_stop(&t->timer);
    t->timer.seq++;
    t->sent = INT64_MIN;
    return (t->c && chantryrecv(t->c, &stale) == 0) || was;
}

bool gtime_stop(struct gamp_timer *t)
{
    bool was;

    lock(&t->lock);
    was = disarm(t);
    unlock(&t->lock);
    return was;
}

bool gtime_reset(struct gamp_timer *t, gamp_duration d)
{
    bool was;

    lock(&t->lock);
    was = disarm(t);
    t->pending = true;
    t->timer.period = t->ticker ? d : 0;
    arm(t, time_add(nanotime(), d));
    unlock(&t->lock);
    return was;
}

bool gtime_release(struct gamp_timer *t)
{
    /* Acquire and release: the last owner sees what the others did with it. */
    race_release(&t->refs);
    if (fetch_add_acqrel(&t->refs, (uint32_t)-1) != 1)
        return false;
    race_acquire(&t->refs);
    return true;
}
