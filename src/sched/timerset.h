/* SPDX-License-Identifier: BSD-3-Clause */
/* timerset: the armed timers of one P, in order of (when, arming).
 *
 * Most programs arm each timer for a fixed time from now: sleeps, deadlines, tickers. Such timers
 * come in the order in which they will be due. So a set is a few runs, rings that are sorted
 * because what would disturb their order is not put there, and a heap for what fits into none:
 *
 *   run     head -> [ 5 7 . 9 9 12 ] <- tail    put behind the tail, taken at the head; a timer
 *                                              stopped in the middle leaves a hole
 *   heap    4-ary, by number: what a sift moves is in two small arrays, not in the timers
 *   spilled a list, for when there is no memory for either: slower, and among equals in no order
 *
 * A timer goes to the run with the latest tail that is not after it, so runs sort themselves by how
 * far ahead they are. A run of one that is after it gives way, to the heap: else a lone timer for
 * next year would keep a run from everybody.
 *
 * Everything here is under ts->lock. t->where and t->index say where in ts a timer is.
 *
 * Rejected: marking timers deleted in the heap (a storm of resets fills it); a timing wheel (it
 * rounds, and to find the next point in time is what idle Ms need most); the heap alone (a pop out
 * of 100,000 took 300 ns, most of it for memory that no cache held). */
#ifndef GAMP_SCHED_TIMERSET_H
#define GAMP_SCHED_TIMERSET_H

#include "lock/mutex.h"

struct timers;

struct timer {
    int64_t when;
    int64_t period; /* > 0: armed again at when + k * period, late ones dropped, phase kept */
    void (*f)(void *arg, uintptr_t seq, int64_t now);
    void *arg;
    uintptr_t seq;
    uint32_t *refs;     /* NULL, or owners, atomic; see timer.h */
    struct timers *ts;  /* atomic; NULL: in no set */
    struct timer *link; /* in ts's spilled; ts's lock */
    uint32_t index;     /* in its run or heap; ts's lock */
    uint32_t where;     /* a run's number, TIMER_HEAP or TIMER_SPILLED; ts's lock */
};

enum { TIMER_RUNS = 4, TIMER_HEAP = TIMER_RUNS, TIMER_SPILLED };

/* Ties are in the order of arming; its count may wrap, so equals should not be 2^31 armings
 * apart. */
struct timer_key {
    int64_t when;
    uint32_t order;
    uint32_t slot; /* heap: the timer's number */
};

struct timer_entry {
    struct timer_key key;
    struct timer *t; /* NULL: stopped */
};

struct timer_run {
    struct timer_entry *ring; /* entry i, which stays i for as long as it is in, at i % cap */
    uint32_t head;            /* wraps, as tail does; no holes at head and tail - 1 */
    uint32_t cap;             /* a power of two, or 0 */
    uint32_t tail;
    uint32_t live; /* 0: head == tail */
};

struct timer_slot {
    struct timer *t;
    uint32_t pos; /* in the heap; free: the next free one */
};

struct timer_heap {
    struct timer_key *key; /* [cap] */
    struct timer_slot *slot;
    uint32_t n, cap;
    uint32_t slots; /* numbers given out so far */
    uint32_t free;  /* one of those that are free again; none when n == slots */
};

struct timers {
    struct mutex lock; /* LOCK_TIMERS */
    uint32_t order;
    int64_t minwhen; /* atomic; of the earliest, INT64_MAX when there is none */
    struct timer_run run[TIMER_RUNS];
    struct timer_heap heap;
    struct timer *spilled; /* last armed first */
};

void timers_init(struct timers *ts);
uint32_t timers_count(const struct timers *ts); /* without the spilled; a guess without the lock */
/* By t->when; t->ts is the caller's to set, and minwhen's is his to say. */
void timers_insert(struct timers *ts, struct timer *t);
void timers_remove(struct timers *ts, struct timer *t);
/* The earliest one, taken out, if it is due at now; else NULL. One at INT64_MAX never is. */
struct timer *timers_pop_due(struct timers *ts, int64_t now);
/* Has the caches fetch those that are likely to be the first n, all at once. */
void timers_fetch(const struct timers *ts, uint32_t n);
/* Those that spilled go where they belong, as many as there is memory for now. */
void timers_unspill(struct timers *ts);
void timers_set_minwhen(struct timers *ts);
/* All of from's to `to`, after its own among equals. Both are locked. */
void timers_absorb(struct timers *to, struct timers *from);

#endif
