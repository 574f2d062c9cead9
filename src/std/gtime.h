/* SPDX-License-Identifier: BSD-3-Clause */
/* gtime: timers of programs: those with a channel (one-shot or ticker) and after_func's, on top of
 * the scheduler's timers (sched/timer.h).
 *
 *           arm              due: value sent, or goroutine started
 *   idle ---------> pending ------------------------------------------> idle   (a ticker: pending)
 *     ^   stop, reset |
 *     +---------------+
 *
 * Each stop and reset begins a new arming, t->timer.seq + 1, under t->lock, takes back what is in
 * the channel, and a firing sends under the same lock and for its own arming alone. So what an old
 * arming sent is gone when stop returns, and it sends nothing afterwards.
 *
 * Owners (refs): the program's handle, and each call of the timer's function in flight. */
#ifndef GAMP_STD_GTIME_H
#define GAMP_STD_GTIME_H

#include "lock/mutex.h"
#include "sched/timer.h"
#include "std/late.h"
#include <gamp/time.h>

struct gamp_timer {
    struct timer timer; /* period 0: one-shot; seq: the arming */
    struct mutex lock;  /* LOCK_SYNC: arming, and what is below but for refs */
    uint32_t refs;      /* atomic */
    bool pending;       /* armed, and that arming has not had its effect */
    int64_t sent;       /* this arming's last tick: they come in order, though calls may not */
    bool ticker;        /* this and the rest: written once */
    gamp_chan *c;       /* NULL: after_func */
    void (*fn)(void *);
    void *arg;
    uintptr_t pc; /* who called after_func */
    struct late late;
};

/* t is zeroed memory in which ticker, c (its reference becomes t's), fn, arg and pc are set. */
void gtime_init(struct gamp_timer *t);

/* Inside the runtime. Arms it for d from now, a ticker every d; the result is stop's. */
bool gtime_reset(struct gamp_timer *t, gamp_duration d);
/* Inside the runtime. */
bool gtime_stop(struct gamp_timer *t);
/* Gives an owner's part back; the handle's only after a stop. true: the last, who frees it. */
bool gtime_release(struct gamp_timer *t);

#endif
