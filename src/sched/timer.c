/* SPDX-License-Identifier: BSD-3-Clause */
/* timer: arming, stopping, running.
 *
 * Invariants, under ts->lock:
 *   t->ts == ts for what is in the set; t->when is its key's
 *   minwhen == the least when in the set, INT64_MAX when there is none
 *
 * t->ts goes from NULL to a set and from set to set or to NULL only under the lock of the set
 * that it names. timer_stop reads it without a lock to learn which to take, and looks again
 * under it.
 * Pairs: the store_release(t->ts, NULL) of a firing with timer_stop's load_acquire: it is the last
 * touch of t, so an owner that reads NULL may reuse the memory.
 *
 * minwhen is read without the lock by those who look for work or are about to sleep. Pairs: the
 * fence after it fell with the one of a poller between saying until when it sleeps and its last
 * look at the sets: either it sees the new minwhen or wakenetpoller sees how long it sleeps.
 *
 * In a crowd each timer that fires, and what it wakes, is memory that no cache holds. So a batch is
 * taken out first and looked at then, and what is looked at next is on its way meanwhile. */
#include "sched/timer.h"
#include "base/throw.h"
#include "os/linux/clock.h"
#include "sched/m.h"
#include "sched/p.h"
#include "sched/proc.h"

/* Callbacks run with no lock; this many are taken out at a time, to lock less often and to have
 * their memory fetched together. */
enum { RUN_BATCH = 32 };

struct call {
    void (*f)(void *arg, uintptr_t seq, int64_t now);
    void *arg;
    uintptr_t seq;
};

/* The set of the caller's P; a thread without one uses that of P 0, which never goes. */
struct timers *timers_here(void)
{
    struct g *gp = getg();
    struct p *pp = gp ? gp->run.m->p : NULL;

    return pp ? &pp->timers : &allp[0]->timers;
}

int timer_start(struct timer *t)
{
    struct timers *ts = timers_here();
    int64_t when = t->when;
    bool first;

    debug_invariant(!load_relaxed(&t->ts));
    lock(&ts->lock);
    first = when < load_relaxed(&ts->minwhen);
    timers_insert(ts, t);
    if (first)
        store_relaxed(&ts->minwhen, when);
    /* Relaxed: those who act on it take the lock first. */
    store_relaxed(&t->ts, ts);
    unlock(&ts->lock);
    /* From here on t may have fired and be gone. */
    if (first) {
        fence_seqcst();
        wakenetpoller(when);
    }
    return 0;
}

bool timer_stop(struct timer *t)
{
    struct timers *ts;

    while ((ts = load_acquire(&t->ts)) != NULL) {
        lock(&ts->lock);
        if (load_relaxed(&t->ts) == ts) {
            timers_remove(ts, t);
            if (t->when == load_relaxed(&ts->minwhen))
                timers_set_minwhen(ts);
            store_relaxed(&t->ts, NULL);
            unlock(&ts->lock);
            return true;
        }
        /* It fired, or went to another set with its P's others. */
        unlock(&ts->lock);
    }
    return false;
}

/* The next point in phase that is still to come; unsigned, so that nothing overflows. */
static int64_t next_in_phase(int64_t when, int64_t period, int64_t now)
{
    uint64_t late = (uint64_t)now - (uint64_t)when;

    late -= late % (uint64_t)period;
    return time_add((int64_t)((uint64_t)when + late), period);
}

/* What is to be called for t, which is out of the set; a periodic one is armed again. Otherwise its
 * memory may go once ts is NULL. */
static struct call fire(struct timers *ts, struct timer *t, int64_t now)
{
    struct call c = {t->f, t->arg, t->seq};

    if (t->refs)
        /* Relaxed: an owner lets go only after timer_stop, which this lock orders. */
        fetch_add_relaxed(t->refs, 1);
    if (t->period > 0) {
        t->when = next_in_phase(t->when, t->period, now);
        timers_insert(ts, t);
    } else {
        store_release(&t->ts, NULL);
    }
    return c;
}

/* Takes up to max that are due at now, in their order. */
static int take_due(struct timers *ts, int64_t now, int max, struct call *calls)
{
    struct timer *batch[RUN_BATCH];
    int n = 0;

    lock(&ts->lock);
    if (unlikely(ts->spilled))
        timers_unspill(ts);
    timers_fetch(ts, (uint32_t)max);
    while (n < max && (batch[n] = timers_pop_due(ts, now)) != NULL) {
        __builtin_prefetch(&batch[n]->f, 1);
        __builtin_prefetch(&batch[n]->ts, 1);
        n++;
    }
    for (int i = 0; i < n; i++) {
        calls[i] = fire(ts, batch[i], now);
        __builtin_prefetch(calls[i].arg, 1);
        __builtin_prefetch((void *)((uintptr_t)calls[i].arg + 64), 1);
    }
    timers_set_minwhen(ts);
    unlock(&ts->lock);
    return n;
}

int64_t timers_run_some(struct timers *ts, int64_t now, uint32_t max, bool *ran)
{
    struct call calls[RUN_BATCH];
    /* Relaxed: one armed a moment later wakes the poller. */
    int64_t next = load_relaxed(&ts->minwhen);
    int n;

    if (next > now || next == INT64_MAX)
        return next;
    do {
        n = take_due(ts, now, (int)MIN(max, (uint32_t)RUN_BATCH), calls);
        for (int i = 0; i < n; i++)
            calls[i].f(calls[i].arg, calls[i].seq, now);
        if (n > 0)
            *ran = true;
        max -= (uint32_t)n;
    } while (n == RUN_BATCH && max > 0);
    return load_relaxed(&ts->minwhen);
}

int64_t timers_run(struct timers *ts, int64_t now, bool *ran)
{
    return timers_run_some(ts, now, UINT32_MAX, ran);
}

/* Both are locked, in order of address: threads without a P may use either meanwhile. */
static void lock_two(struct timers *a, struct timers *b)
{
    lock(a < b ? &a->lock : &b->lock);
    lock(a < b ? &b->lock : &a->lock);
}

void timers_move(struct timers *to, struct timers *from)
{
    lock_two(to, from);
    timers_absorb(to, from);
    timers_set_minwhen(from);
    timers_set_minwhen(to);
    unlock(&from->lock);
    unlock(&to->lock);
}
