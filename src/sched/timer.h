/* SPDX-License-Identifier: BSD-3-Clause */
/* timer: points in time that something is to happen at; each P has a set of them.
 *
 * A timer is memory of its user (it may lie on a parked goroutine's stack). It is in one set
 * (timerset.h) or in none; t->ts says which and changes only under that set's lock. Stopping takes
 * it out at once: no set knows a dead timer.
 *
 * When it is due, f(arg, seq, now) is called by an M in the scheduler with a P and no lock held, on
 * g0: f must not block; it may ready goroutines, start them, lock what timers wait under. f, arg
 * and seq are read out before the set is unlocked: a timer's memory may go as soon as it is out of
 * the set, so f must live with a stale arg; timed waits use wait_claim's ticket as seq for that.
 *
 * The caller keeps two calls for one timer from racing, other than with its firing.
 * Ties are served in the order of arming.
 *
 * Arming never fails: when a set cannot grow, timers wait in a list of it, slower and
 * among equals in no order, until it can.
 *
 * A timer in memory that lives on has a count of owners, *refs: each call of f is given one, under
 * the set's lock, and f gives it back; once timer_stop has returned no call can be given one. */
#ifndef GAMP_SCHED_TIMER_H
#define GAMP_SCHED_TIMER_H

#include "sched/timerset.h"

/* Arms t (not armed) at t->when. Always 0. */
int timer_start(struct timer *t);
/* Disarms. true: it was armed and f will not be called for it; false: it was not, or f has been or
 * is being called. */
bool timer_stop(struct timer *t);

/* Runs what is due at now; returns the next point in time, INT64_MAX for none. */
int64_t timers_run(struct timers *ts, int64_t now, bool *ran);
/* The same, for the earliest max of them; what is left is due still. */
int64_t timers_run_some(struct timers *ts, int64_t now, uint32_t max, bool *ran);
/* Moves all of from's timers to the set to; for a P that goes. */
void timers_move(struct timers *to, struct timers *from);

#endif
