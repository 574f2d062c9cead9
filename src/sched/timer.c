/* SPDX-License-Identifier: BSD-3-Clause */
/* timer: the 4-ary heap. Four children fit less than two cache lines and halve the levels of a
 * binary heap.
 *
 * Invariants, under ts->lock:
 *   heap[i].t->index == i and heap[i].t->ts == ts           for i < n
 *   (heap[(i-1)/4].when, .order) < (heap[i].when, .order)   for 0 < i < n; orders are unique
 *   minwhen == the least when of heap and spilled, INT64_MAX when both are empty
 *
 * t->ts goes from NULL to a heap and from heap to heap or to NULL only under the lock of the heap
 * that it names. timer_stop reads it without a lock to learn which to take, and looks again
 * under it.
 * Pairs: the store_release(t->ts, NULL) of a firing with timer_stop's load_acquire: it is the last
 * touch of t, so an owner that reads NULL may reuse the memory.
 *
 * minwhen is read without the lock by those who look for work or are about to sleep. Pairs: the
 * fence after it fell with the one of a poller between saying until when it sleeps and its last
 * look at the heaps: either it sees the new minwhen or wakenetpoller sees how long it sleeps.
 *
 * Entries hold a copy of `when`, so a sift touches the timers only to write their index.
 *
 * Rejected: marking timers deleted and sweeping them later (a storm of resets fills the heap, and
 * a timer on a stack could not go); a timing wheel (it rounds, and to find the next point in time
 * is what idle Ms need most). */
#include "sched/timer.h"
#include "base/throw.h"
#include "os/linux/clock.h"
#include "os/linux/vm.h"
#include "sched/m.h"
#include "sched/p.h"
#include "sched/proc.h"

enum {
    HEAP_ARY = 4,
    /* Callbacks run with no lock; this many are taken out at a time, to lock less often. */
    RUN_BATCH = 8,
};

/* Entries in a heap's first mapping. */
#define HEAP_MIN ((uint32_t)(PAGE / sizeof(struct timer_entry)))

struct call {
    void (*f)(void *arg, uintptr_t seq, int64_t now);
    void *arg;
    uintptr_t seq;
};

void timers_init(struct timers *ts)
{
    mutex_init(&ts->lock, LOCK_TIMERS);
    ts->n = ts->cap = 0;
    ts->heap = NULL;
    ts->spilled = NULL;
    ts->order = 0;
    store_relaxed(&ts->minwhen, INT64_MAX);
}

/* The heap of the caller's P; a thread without one uses that of P 0, which never goes. */
struct timers *timers_here(void)
{
    struct g *gp = getg();
    struct p *pp = gp ? gp->run.m->p : NULL;

    return pp ? &pp->timers : &allp[0]->timers;
}

static bool before(const struct timer_entry *a, const struct timer_entry *b)
{
    return a->when < b->when || (a->when == b->when && a->order < b->order);
}

static void place(struct timers *ts, uint32_t i, struct timer_entry e)
{
    ts->heap[i] = e;
    e.t->index = i;
}

static void sift_up(struct timers *ts, uint32_t i, struct timer_entry e)
{
    while (i > 0) {
        uint32_t parent = (i - 1) / HEAP_ARY;

        if (!before(&e, &ts->heap[parent]))
            break;
        place(ts, i, ts->heap[parent]);
        i = parent;
    }
    place(ts, i, e);
}

static void sift_down(struct timers *ts, uint32_t i, struct timer_entry e)
{
    for (;;) {
        uint64_t first = (uint64_t)i * HEAP_ARY + 1;
        uint32_t least, end;

        if (first >= ts->n)
            break;
        least = (uint32_t)first;
        end = (uint32_t)MIN(first + HEAP_ARY, (uint64_t)ts->n);
        for (uint32_t c = least + 1; c < end; c++)
            if (before(&ts->heap[c], &ts->heap[least]))
                least = c;
        if (!before(&ts->heap[least], &e))
            break;
        place(ts, i, ts->heap[least]);
        i = least;
    }
    place(ts, i, e);
}

/* The link that leads to the earliest of the spilled; there is one. */
static struct timer **spilled_first(struct timers *ts)
{
    struct timer **first = &ts->spilled;

    for (struct timer **at = &(*first)->link; *at; at = &(*at)->link)
        if ((*at)->when <= (*first)->when)
            first = at;
    return first;
}

static void set_minwhen(struct timers *ts)
{
    int64_t when = ts->n > 0 ? ts->heap[0].when : INT64_MAX;

    if (unlikely(ts->spilled))
        when = MIN(when, (*spilled_first(ts))->when);
    store_relaxed(&ts->minwhen, when);
}

static size_t bytes(uint32_t cap)
{
    return cap * sizeof(struct timer_entry);
}

/* Makes room for extra more, if it can. Kernel calls under the lock are rare: the array doubles. */
static bool reserve(struct timers *ts, uint64_t extra)
{
    uint64_t need = ts->n + extra;
    uint64_t cap = MAX(ts->cap, HEAP_MIN);
    void *heap;

    if (need <= ts->cap)
        return true;
    while (cap < need)
        cap *= 2;
    if (cap >= TIMER_SPILLED)
        return false;
    if (ts->heap)
        heap = vm_remap(ts->heap, bytes(ts->cap), bytes((uint32_t)cap));
    else
        heap = vm_map(bytes((uint32_t)cap));
    if (!heap)
        return false;
    ts->heap = heap;
    ts->cap = (uint32_t)cap;
    return true;
}

/* After a crowd has gone its memory goes too; at a quarter, so that it does not swing. */
static void shrink(struct timers *ts)
{
    uint32_t cap = ts->cap / 2;
    void *heap;

    if (ts->n >= ts->cap / 4 || cap < HEAP_MIN)
        return;
    heap = vm_remap(ts->heap, bytes(ts->cap), bytes(cap));
    if (heap) {
        ts->heap = heap;
        ts->cap = cap;
    }
}

static void heap_push(struct timers *ts, struct timer *t)
{
    if (likely(reserve(ts, 1))) {
        sift_up(ts, ts->n++, (struct timer_entry){t->when, ts->order++, t});
    } else {
        t->index = TIMER_SPILLED;
        t->link = ts->spilled;
        ts->spilled = t;
    }
    set_minwhen(ts);
}

/* Takes it out and leaves t->ts to the caller. */
static void heap_remove(struct timers *ts, struct timer *t)
{
    uint32_t i = t->index;

    if (unlikely(i == TIMER_SPILLED)) {
        struct timer **at = &ts->spilled;

        while (*at != t)
            at = &(*at)->link;
        *at = t->link;
    } else {
        struct timer_entry last = ts->heap[--ts->n];

        if (i < ts->n) {
            if (i > 0 && before(&last, &ts->heap[(i - 1) / HEAP_ARY]))
                sift_up(ts, i, last);
            else
                sift_down(ts, i, last);
        }
        shrink(ts);
    }
    set_minwhen(ts);
}

/* Back into the heap with those that had no room, as many as there is room for now. */
static cold_path void unspill(struct timers *ts)
{
    while (ts->spilled && reserve(ts, 1)) {
        struct timer *t = ts->spilled;

        ts->spilled = t->link;
        sift_up(ts, ts->n++, (struct timer_entry){t->when, ts->order++, t});
    }
    set_minwhen(ts);
}

int timer_start(struct timer *t)
{
    struct timers *ts = timers_here();
    int64_t when = t->when;
    bool first;

    debug_invariant(!load_relaxed(&t->ts));
    lock(&ts->lock);
    first = when < load_relaxed(&ts->minwhen);
    heap_push(ts, t);
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
            heap_remove(ts, t);
            store_relaxed(&t->ts, NULL);
            unlock(&ts->lock);
            return true;
        }
        /* It fired, or went to another heap with its P's others. */
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

/* Takes the earliest out, or arms it again if periodic. Its memory may go once ts is NULL. */
static struct call take_first(struct timers *ts, int64_t now)
{
    bool top = ts->n > 0 && ts->heap[0].when == load_relaxed(&ts->minwhen);
    struct timer *t = top ? ts->heap[0].t : *spilled_first(ts);
    struct call c = {t->f, t->arg, t->seq};

    if (t->refs)
        /* Relaxed: an owner lets go only after timer_stop, which this lock orders. */
        fetch_add_relaxed(t->refs, 1);
    if (t->period > 0) {
        t->when = next_in_phase(t->when, t->period, now);
        if (top)
            sift_down(ts, 0, (struct timer_entry){t->when, ts->order++, t});
        set_minwhen(ts);
    } else {
        heap_remove(ts, t);
        store_release(&t->ts, NULL);
    }
    return c;
}

static bool due(const struct timers *ts, int64_t now)
{
    /* Relaxed: written under the lock, which the caller has. */
    int64_t when = load_relaxed(&ts->minwhen);

    return when <= now && when != INT64_MAX;
}

int64_t timers_run(struct timers *ts, int64_t now, bool *ran)
{
    struct call calls[RUN_BATCH];
    /* Relaxed: one armed a moment later wakes the poller. */
    int64_t next = load_relaxed(&ts->minwhen);
    int n;

    if (next > now || next == INT64_MAX)
        return next;
    do {
        n = 0;
        lock(&ts->lock);
        if (unlikely(ts->spilled))
            unspill(ts);
        while (n < RUN_BATCH && due(ts, now))
            calls[n++] = take_first(ts, now);
        unlock(&ts->lock);
        for (int i = 0; i < n; i++)
            calls[i].f(calls[i].arg, calls[i].seq, now);
        if (n > 0)
            *ran = true;
    } while (n == RUN_BATCH);
    return load_relaxed(&ts->minwhen);
}

/* Both are locked, in order of address: threads without a P may use either meanwhile. */
static void lock_two(struct timers *a, struct timers *b)
{
    lock(a < b ? &a->lock : &b->lock);
    lock(a < b ? &b->lock : &a->lock);
}

static void swap_arrays(struct timers *a, struct timers *b)
{
    struct timer_entry *heap = a->heap;
    uint32_t n = a->n, cap = a->cap;

    a->heap = b->heap;
    a->n = b->n;
    a->cap = b->cap;
    b->heap = heap;
    b->n = n;
    b->cap = cap;
}

static void spill_all(struct timers *to, struct timers *from)
{
    struct timer *t;

    while ((t = from->spilled) != NULL) {
        from->spilled = t->link;
        t->link = to->spilled;
        to->spilled = t;
        store_relaxed(&t->ts, to);
    }
}

void timers_move(struct timers *to, struct timers *from)
{
    lock_two(to, from);
    /* Those of `to` come before those of `from` among equals, and each keeps its own order. The
     * lesser crowd moves into the array of the greater, so memory is seldom needed. */
    for (uint32_t i = 0; i < from->n; i++)
        from->heap[i].order += to->order;
    to->order += from->order;
    if (from->cap > to->cap) {
        swap_arrays(to, from);
        for (uint32_t i = 0; i < to->n; i++)
            store_relaxed(&to->heap[i].t->ts, to);
    }
    reserve(to, from->n);
    for (uint32_t i = 0; i < from->n; i++) {
        struct timer_entry e = from->heap[i];

        store_relaxed(&e.t->ts, to);
        if (likely(to->n < to->cap))
            sift_up(to, to->n++, e);
        else
            heap_push(to, e.t);
    }
    spill_all(to, from);
    if (from->heap)
        vm_unmap(from->heap, bytes(from->cap));
    from->n = from->cap = 0;
    from->heap = NULL;
    from->order = 0;
    set_minwhen(from);
    set_minwhen(to);
    unlock(&from->lock);
    unlock(&to->lock);
}
