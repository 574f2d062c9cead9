/* SPDX-License-Identifier: BSD-3-Clause */
/* timerset: see timerset.h.
 *
 * Invariants, under ts->lock:
 *   a run's entries ascend in (when, order); live == those that are no holes
 *   tail - head <= 2 * live + HOLES after each removal
 *   run[w].ring[t->index % cap].t == t                        when t->where == w < TIMER_RUNS
 *   slot[key[i].slot].pos == i, slot[t->index].t == t         in the heap, i < n
 *   (key[(i-1)/4].when, .order) < (key[i].when, .order)       for 0 < i < n
 *
 * Memory is mapped and unmapped under the lock. That is rare: sizes double and halve, the latter at
 * a quarter, so that they do not swing. */
#include "sched/timerset.h"
#include "base/throw.h"
#include "os/linux/vm.h"

enum {
    HEAP_ARY = 4,
    RUN_MIN = 128, /* entries of a run's first mapping */
    HOLES = 64,    /* that a run may have beside as many as it has timers */
    /* Keys before the heap's first in its mapping: four children then share one cache line. */
    HEAP_PAD = 3,
    HEAP_MIN = PAGE / sizeof(struct timer_key),
};
_Static_assert(sizeof(struct timer_key) * HEAP_ARY == 64, "children share a cache line");

void timers_init(struct timers *ts)
{
    *ts = (struct timers){.minwhen = INT64_MAX};
    mutex_init(&ts->lock, LOCK_TIMERS);
}

static bool before(const struct timer_key *a, const struct timer_key *b)
{
    return a->when < b->when || (a->when == b->when && (int32_t)(a->order - b->order) < 0);
}

/* --- runs ----------------------------------------------------------------------------------- */

/* The same as head == tail, but one word: two that were just written apart and are read together
 * wait until the writes, which may be behind others that missed the cache, have arrived there. */
static bool run_empty(const struct timer_run *r)
{
    return r->live == 0;
}

static struct timer_entry *run_at(const struct timer_run *r, uint32_t i)
{
    return &r->ring[i & (r->cap - 1)];
}

static struct timer_key *run_last(const struct timer_run *r)
{
    return &run_at(r, r->tail - 1)->key;
}

static size_t run_bytes(uint32_t cap)
{
    return (cap * sizeof(struct timer_entry) + PAGE - 1) & ~(size_t)(PAGE - 1);
}

static noinline bool run_resize(struct timer_run *r, uint32_t cap)
{
    struct timer_run new = *r;

    if (cap > UINT32_MAX / 2)
        return false;
    new.ring = vm_map(run_bytes(cap));
    if (!new.ring)
        return false;
    new.cap = cap;
    for (uint32_t i = r->head; i != r->tail; i++)
        *run_at(&new, i) = *run_at(r, i);
    if (r->ring)
        vm_unmap(r->ring, run_bytes(r->cap));
    *r = new;
    return true;
}

static bool run_append(struct timer_run *r, struct timer_key key, struct timer *t)
{
    if (unlikely(r->tail - r->head == r->cap) && !run_resize(r, r->cap ? r->cap * 2 : RUN_MIN))
        return false;
    t->index = r->tail;
    *run_at(r, r->tail++) = (struct timer_entry){key, t};
    r->live++;
    return true;
}

static noinline void run_compact(struct timer_run *r)
{
    uint32_t to = r->head;

    for (uint32_t i = r->head; i != r->tail; i++) {
        struct timer_entry e = *run_at(r, i);

        if (!e.t)
            continue;
        e.t->index = to;
        *run_at(r, to++) = e;
    }
    r->tail = to;
}

/* Entry i, which is a timer's, becomes a hole. */
static void run_remove(struct timer_run *r, uint32_t i)
{
    run_at(r, i)->t = NULL;
    r->live--;
    if (run_empty(r))
        r->tail = r->head;
    while (!run_empty(r) && !run_at(r, r->head)->t)
        r->head++;
    while (!run_empty(r) && !run_at(r, r->tail - 1)->t)
        r->tail--;
    if (unlikely(r->tail - r->head > 2 * r->live + HOLES))
        run_compact(r);
    if (unlikely(r->cap > RUN_MIN && r->tail - r->head < r->cap / 4))
        run_resize(r, r->cap / 2);
}

static void run_free(struct timer_run *r)
{
    if (r->ring)
        vm_unmap(r->ring, run_bytes(r->cap));
    *r = (struct timer_run){0};
}

/* --- the heap ------------------------------------------------------------------------------- */

static void place(struct timer_heap *h, uint32_t i, struct timer_key k)
{
    h->key[i] = k;
    h->slot[k.slot].pos = i;
}

static void sift_up(struct timer_heap *h, uint32_t i, struct timer_key k)
{
    while (i > 0) {
        uint32_t parent = (i - 1) / HEAP_ARY;

        if (!before(&k, &h->key[parent]))
            break;
        place(h, i, h->key[parent]);
        i = parent;
    }
    place(h, i, k);
}

static void sift_down(struct timer_heap *h, uint32_t i, struct timer_key k)
{
    for (;;) {
        uint64_t first = (uint64_t)i * HEAP_ARY + 1;
        uint32_t least, end;

        if (first >= h->n)
            break;
        least = (uint32_t)first;
        end = (uint32_t)MIN(first + HEAP_ARY, (uint64_t)h->n);
        for (uint32_t c = least + 1; c < end; c++)
            if (before(&h->key[c], &h->key[least]))
                least = c;
        if (!before(&h->key[least], &k))
            break;
        place(h, i, h->key[least]);
        i = least;
    }
    place(h, i, k);
}

/* One mapping holds both arrays; one word of it is two keys' or one slot's share. */
static size_t heap_bytes(uint32_t cap)
{
    return (cap + (size_t)HEAP_PAD) * (sizeof(struct timer_key) + sizeof(struct timer_slot));
}

static void heap_unmap(const struct timer_heap *h)
{
    if (h->key)
        vm_unmap(h->key - HEAP_PAD, heap_bytes(h->cap));
}

/* cap + HEAP_PAD is a power of two. A lesser heap numbers its timers anew. */
static bool heap_resize(struct timer_heap *h, uint32_t cap)
{
    struct timer_heap new = *h;
    struct timer_key *base = vm_map(heap_bytes(cap));

    if (!base)
        return false;
    new.cap = cap;
    new.key = base + HEAP_PAD;
    new.slot = (struct timer_slot *)(base + HEAP_PAD + cap + 1);
    if (cap < h->cap)
        new.slots = h->n;
    else
        for (uint32_t i = 0; i < h->slots; i++)
            new.slot[i] = h->slot[i];
    for (uint32_t i = 0; i < h->n; i++) {
        new.key[i] = h->key[i];
        if (cap < h->cap) {
            struct timer *t = h->slot[h->key[i].slot].t;

            new.slot[i] = (struct timer_slot){t, i};
            new.key[i].slot = i;
            t->index = i;
        }
    }
    heap_unmap(h);
    *h = new;
    return true;
}

static bool heap_reserve(struct timer_heap *h, uint64_t extra)
{
    uint64_t need = h->n + extra;
    uint64_t size = MAX(h->cap + (uint64_t)HEAP_PAD, (uint64_t)HEAP_MIN);

    if (likely(need <= h->cap))
        return true;
    while (size - HEAP_PAD < need)
        size *= 2;
    return size <= UINT32_MAX / 2 && heap_resize(h, (uint32_t)size - HEAP_PAD);
}

static noinline bool heap_add(struct timer_heap *h, struct timer_key key, struct timer *t)
{
    if (!heap_reserve(h, 1))
        return false;
    if (h->n < h->slots) {
        key.slot = h->free;
        h->free = h->slot[key.slot].pos;
    } else {
        key.slot = h->slots++;
    }
    h->slot[key.slot].t = t;
    t->index = key.slot;
    sift_up(h, h->n++, key);
    return true;
}

static noinline void heap_remove(struct timer_heap *h, uint32_t number)
{
    uint32_t i = h->slot[number].pos;
    struct timer_key last = h->key[--h->n];

    h->slot[number].pos = h->free;
    h->free = number;
    if (i < h->n) {
        if (i > 0 && before(&last, &h->key[(i - 1) / HEAP_ARY]))
            sift_up(h, i, last);
        else
            sift_down(h, i, last);
    }
    if (unlikely(h->n < h->cap / 4 && h->cap >= 2 * (HEAP_MIN - HEAP_PAD)))
        heap_resize(h, (h->cap + HEAP_PAD) / 2 - HEAP_PAD);
}

static void heap_free(struct timer_heap *h)
{
    heap_unmap(h);
    *h = (struct timer_heap){0};
}

/* --- the set -------------------------------------------------------------------------------- */

uint32_t timers_count(const struct timers *ts)
{
    uint32_t n = load_relaxed(&ts->heap.n);

    for (int w = 0; w < TIMER_RUNS; w++)
        n += load_relaxed(&ts->run[w].live);
    return n;
}

/* A run's only timer goes to the heap. */
static noinline bool run_vacate(struct timers *ts, uint32_t w)
{
    struct timer_run *r = &ts->run[w];
    struct timer_entry e = *run_at(r, r->head);

    if (!heap_add(&ts->heap, e.key, e.t))
        return false;
    e.t->where = TIMER_HEAP;
    r->tail = r->head;
    r->live = 0;
    return true;
}

/* The run for a timer of this key; TIMER_RUNS: none. */
static uint32_t choose_run(struct timers *ts, const struct timer_key *key)
{
    uint32_t best = TIMER_RUNS, empty = TIMER_RUNS, lone = TIMER_RUNS;

    for (uint32_t w = 0; w < TIMER_RUNS; w++) {
        const struct timer_run *r = &ts->run[w];

        if (run_empty(r))
            empty = w;
        else if (!before(key, run_last(r)))
            best = best == TIMER_RUNS || before(run_last(&ts->run[best]), run_last(r)) ? w : best;
        else if (r->live == 1)
            lone = w;
    }
    if (best < TIMER_RUNS)
        return best;
    if (empty < TIMER_RUNS)
        return empty;
    return lone < TIMER_RUNS && run_vacate(ts, lone) ? lone : TIMER_RUNS;
}

static noinline void insert_aside(struct timers *ts, struct timer_key key, struct timer *t)
{
    if (heap_add(&ts->heap, key, t)) {
        t->where = TIMER_HEAP;
    } else {
        t->where = TIMER_SPILLED;
        t->link = ts->spilled;
        ts->spilled = t;
    }
}

static void insert(struct timers *ts, struct timer_key key, struct timer *t)
{
    uint32_t w = choose_run(ts, &key);

    if (likely(w < TIMER_RUNS) && likely(run_append(&ts->run[w], key, t)))
        t->where = w;
    else
        insert_aside(ts, key, t);
}

void timers_insert(struct timers *ts, struct timer *t)
{
    insert(ts, (struct timer_key){t->when, ts->order++, 0}, t);
}

void timers_remove(struct timers *ts, struct timer *t)
{
    if (likely(t->where < TIMER_RUNS)) {
        run_remove(&ts->run[t->where], t->index);
    } else if (t->where == TIMER_HEAP) {
        heap_remove(&ts->heap, t->index);
    } else {
        struct timer **at = &ts->spilled;

        while (*at != t)
            at = &(*at)->link;
        *at = t->link;
    }
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

/* The first key of all but the spilled, and where it is; NULL when there is none. */
static const struct timer_key *first_key(const struct timers *ts, uint32_t *where)
{
    const struct timer_key *first = NULL;

    for (uint32_t w = 0; w < TIMER_RUNS; w++) {
        const struct timer_run *r = &ts->run[w];
        const struct timer_key *key;

        if (run_empty(r))
            continue;
        key = &run_at(r, r->head)->key;
        if (!first || before(key, first)) {
            first = key;
            *where = w;
        }
    }
    if (ts->heap.n > 0 && (!first || before(&ts->heap.key[0], first))) {
        first = &ts->heap.key[0];
        *where = TIMER_HEAP;
    }
    return first;
}

static bool due(int64_t when, int64_t now)
{
    return when <= now && when != INT64_MAX;
}

void timers_fetch(const struct timers *ts, uint32_t n)
{
    uint32_t where;
    const struct timer_run *r;

    if (!first_key(ts, &where) || where == TIMER_HEAP)
        return;
    r = &ts->run[where];
    n = MIN(n, r->tail - r->head);
    for (uint32_t i = 0; i < n; i++)
        __builtin_prefetch(run_at(r, r->head + i)->t, 1);
}

struct timer *timers_pop_due(struct timers *ts, int64_t now)
{
    uint32_t where;
    const struct timer_key *first = first_key(ts, &where);
    struct timer *t;

    if (unlikely(ts->spilled)) {
        struct timer **at = spilled_first(ts);

        t = *at;
        if (!first || t->when < first->when) {
            if (!due(t->when, now))
                return NULL;
            *at = t->link;
            return t;
        }
    }
    if (!first || !due(first->when, now))
        return NULL;
    if (likely(where < TIMER_RUNS)) {
        struct timer_run *r = &ts->run[where];

        t = run_at(r, r->head)->t;
        run_remove(r, r->head);
    } else {
        t = ts->heap.slot[first->slot].t;
        heap_remove(&ts->heap, first->slot);
    }
    return t;
}

void timers_set_minwhen(struct timers *ts)
{
    uint32_t where;
    const struct timer_key *first = first_key(ts, &where);
    int64_t when = first ? first->when : INT64_MAX;

    if (unlikely(ts->spilled))
        when = MIN(when, (*spilled_first(ts))->when);
    store_relaxed(&ts->minwhen, when);
}

void timers_unspill(struct timers *ts)
{
    struct timer *t;

    while ((t = ts->spilled) != NULL && heap_reserve(&ts->heap, 1)) {
        ts->spilled = t->link;
        timers_insert(ts, t);
    }
}

/* Calls f for each that is not spilled, the runs' in their order. */
static void each(struct timers *ts, void (*f)(struct timers *, struct timer_key *, struct timer *),
                 struct timers *arg)
{
    for (int w = 0; w < TIMER_RUNS; w++) {
        struct timer_run *r = &ts->run[w];

        for (uint32_t i = r->head; i != r->tail; i++)
            if (run_at(r, i)->t)
                f(arg, &run_at(r, i)->key, run_at(r, i)->t);
    }
    for (uint32_t i = 0; i < ts->heap.n; i++)
        f(arg, &ts->heap.key[i], ts->heap.slot[ts->heap.key[i].slot].t);
}

static void put_after(struct timers *to, struct timer_key *key, struct timer *t)
{
    (void)t;
    key->order += to->order;
}

static void bring(struct timers *to, struct timer_key *key, struct timer *t)
{
    store_relaxed(&t->ts, to);
    insert(to, *key, t);
}

static void name_set(struct timers *to, struct timer_key *key, struct timer *t)
{
    (void)key;
    store_relaxed(&t->ts, to);
}

static void swap_timers(struct timers *a, struct timers *b)
{
    struct timers was = *a;

    for (int w = 0; w < TIMER_RUNS; w++) {
        a->run[w] = b->run[w];
        b->run[w] = was.run[w];
    }
    a->heap = b->heap;
    b->heap = was.heap;
}

void timers_absorb(struct timers *to, struct timers *from)
{
    struct timer *t;

    each(from, put_after, to);
    to->order += from->order;
    /* The lesser crowd moves into the memory of the greater, so more is seldom needed. */
    if (timers_count(from) > timers_count(to)) {
        swap_timers(to, from);
        each(to, name_set, to);
    }
    each(from, bring, to);
    while ((t = from->spilled) != NULL) {
        from->spilled = t->link;
        t->link = to->spilled;
        to->spilled = t;
        store_relaxed(&t->ts, to);
    }
    for (int w = 0; w < TIMER_RUNS; w++)
        run_free(&from->run[w]);
    heap_free(&from->heap);
    from->order = 0;
}
