/* SPDX-License-Identifier: BSD-3-Clause */
/* timer: per-P 4-ary heaps of points in time.
 *
 * A timer is memory of its user (it may lie on a parked goroutine's stack). It is in one heap or in
 * none; t->ts says which and changes only under that heap's lock. Stopping takes it out at once, so
 * heaps hold no dead timers.
 *
 * When it is due, f(arg, seq, now) is called by an M in the scheduler with a P and no lock held, on
 * g0: f must not block; it may ready goroutines, start them, lock what timers wait under. f, arg
 * and seq are read out before the heap is unlocked: a timer's memory may go as soon as it is out of
 * the heap, so f must live with a stale arg; timed waits use wait_claim's ticket as seq for that.
 *
 * The caller keeps two calls for one timer from racing, other than with its firing.
 * Ties are served in the order of arming.
 *
 * Arming never fails: when a heap's array cannot grow, timers wait in a list of it, slower and
 * among equals in no order, until it can.
 *
 * A timer in memory that lives on has a count of owners, *refs: each call of f is given one, under
 * the heap's lock, and f gives it back; once timer_stop has returned no call can be given one. */
#ifndef GAMP_SCHED_TIMER_H
#define GAMP_SCHED_TIMER_H

#include "lock/mutex.h"

struct timers;

struct timer {
    int64_t when;
    int64_t period; /* > 0: armed again at when + k * period, late ones dropped, phase kept */
    void (*f)(void *arg, uintptr_t seq, int64_t now);
    void *arg;
    uintptr_t seq;
    uint32_t *refs;     /* NULL, or owners, atomic; see above */
    struct timers *ts;  /* atomic; NULL: in no heap */
    struct timer *link; /* in ts's spilled; ts's lock */
    uint32_t index;     /* in ts's heap, or TIMER_SPILLED; ts's lock */
};

#define TIMER_SPILLED UINT32_MAX

struct timer_entry {
    int64_t when;
    uint64_t order;
    struct timer *t;
};

struct timers {
    struct mutex lock; /* LOCK_TIMERS */
    uint32_t n, cap;
    struct timer_entry *heap;
    struct timer *spilled; /* that the array has no room for; last armed first */
    uint64_t order;
    int64_t minwhen; /* atomic; of the earliest, INT64_MAX when there is none */
};

/* Arms t (not armed) at t->when. Always 0. */
int timer_start(struct timer *t);
/* Disarms. true: it was armed and f will not be called for it; false: it was not, or f has been or
 * is being called. */
bool timer_stop(struct timer *t);

void timers_init(struct timers *ts);
/* Runs what is due at now; returns the next point in time, INT64_MAX for none. */
int64_t timers_run(struct timers *ts, int64_t now, bool *ran);
/* Moves all of from's timers to the heap to; for a P that goes. */
void timers_move(struct timers *to, struct timers *from);

#endif
