/* SPDX-License-Identifier: BSD-3-Clause */
/* Timers against a plain model: order, ties, phase, saturation, moves, memory that cannot
 * be had, a crowd of a million, and stops that race with firings on other threads. The floors above
 * and the mappings are stubs of this file, so that the clock is the test's and memory can fail. */
#include "base/throw_up.h"
#include "lock/lockrank_up.h"
#include "os/linux/vm.h"
#include "sched/m.h"
#include "sched/p.h"
#include "sched/proc.h"
#include "sched/timer.h"
#include "harness/test.h"
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

__thread struct g *gamp_tls_g;
struct p p0;
static struct p p1;
struct p *allp[MAXPROCS] = {&p0, &p1};
static struct m m1;
static struct g g1;

static int64_t woken_for; /* of the last wakenetpoller */
static int wakes;
static int fail_map; /* the next so many mappings fail */
static size_t mapped;

struct lockrank_held *lockrank_held(void)
{
    return NULL;
}

void throw_report(const char *message)
{
    fprintf(stderr, "fatal error: %s\n", message);
    abort();
}

void wakenetpoller(int64_t when)
{
    woken_for = when;
    wakes++;
}

void *vm_map(size_t n)
{
    void *p;

    if (fail_map > 0 && fail_map--)
        return NULL;
    p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mapped += n;
    return p == MAP_FAILED ? NULL : p;
}

void *vm_remap(void *p, size_t old, size_t n)
{
    if (n > old && fail_map > 0 && fail_map--)
        return NULL;
    mapped += n - old;
    p = mremap(p, old, n, MREMAP_MAYMOVE);
    return p == MAP_FAILED ? NULL : p;
}

void vm_unmap(void *p, size_t n)
{
    mapped -= n;
    munmap(p, n);
}

static uint64_t seed;

static uint64_t rnd(void)
{
    return test_rand(&seed);
}

/* What fired, in order. */
static struct fired {
    void *arg;
    uintptr_t seq;
    int64_t now;
} * fired;
static size_t nfired;

static void fire(void *arg, uintptr_t seq, int64_t now)
{
    fired[nfired++] = (struct fired){arg, seq, now};
}

static void reset(size_t n)
{
    mapped = 0;
    timers_init(&p0.timers);
    timers_init(&p1.timers);
    m1.p = &p1;
    g1.run.m = &m1;
    gamp_tls_g = NULL;
    free(fired);
    fired = calloc(n + 1, sizeof *fired);
    nfired = 0;
    wakes = 0;
    seed = test_seed();
}

static bool ascend(const struct timer_key *a, const struct timer_key *b)
{
    return a->when < b->when || (a->when == b->when && a->order < b->order);
}

static int64_t run_check(struct timers *ts, uint32_t where)
{
    const struct timer_run *r = &ts->run[where];
    const struct timer_key *last = NULL;
    uint32_t live = 0;

    CHECK(r->tail - r->head <= r->cap && (r->cap & (r->cap - 1)) == 0);
    for (uint32_t i = r->head; i != r->tail; i++) {
        const struct timer_entry *e = &r->ring[i % r->cap];

        CHECK(e->t || (i != r->head && i != r->tail - 1));
        if (!e->t)
            continue;
        CHECK(e->t->index == i && e->t->where == where && e->t->ts == ts);
        CHECK(e->t->when == e->key.when && (!last || ascend(last, &e->key)));
        last = &e->key;
        live++;
    }
    CHECK(live == r->live && r->tail - r->head <= 2 * live + 64);
    return live > 0 ? r->ring[r->head % r->cap].key.when : INT64_MAX;
}

static void set_check(struct timers *ts)
{
    const struct timer_heap *h = &ts->heap;
    int64_t min = INT64_MAX;
    uint32_t count = 0;

    for (uint32_t w = 0; w < TIMER_RUNS; w++) {
        int64_t when = run_check(ts, w);

        min = MIN(min, when);
        count += ts->run[w].live;
    }
    for (uint32_t i = 0; i < h->n; i++) {
        const struct timer_key *k = &h->key[i];
        const struct timer *t = h->slot[k->slot].t;

        CHECK(h->slot[k->slot].pos == i && t->index == k->slot && t->where == TIMER_HEAP);
        CHECK(t->ts == ts && t->when == k->when);
        CHECK(i == 0 || ascend(&h->key[(i - 1) / 4], k));
        min = MIN(min, k->when);
    }
    CHECK(h->n <= h->slots && h->slots <= h->cap && timers_count(ts) == count + h->n);
    for (struct timer *t = ts->spilled; t; t = t->link) {
        CHECK(t->where == TIMER_SPILLED && t->ts == ts);
        min = MIN(min, t->when);
    }
    CHECK(ts->minwhen == min);
}

static int64_t run(struct timers *ts, int64_t now, bool *ran)
{
    bool r = false;
    int64_t next = timers_run(ts, now, &r);

    if (ran)
        *ran = r;
    set_check(ts);
    return next;
}

/* Random arming, stopping and running; the model is an array with the order of arming. */
TEST(model)
{
    enum { N = 500, ROUNDS = 200000 };
    static struct timer t[N];
    static struct {
        bool armed;
        uint64_t order;
    } model[N];
    uint64_t order = 0;
    int64_t now = 1000;

    memset(t, 0, sizeof t);
    memset(model, 0, sizeof model);
    reset(N);
    for (int round = 0; round < ROUNDS; round++) {
        size_t i = rnd() % N;

        switch (rnd() % 4) {
        case 0:
        case 1:
            if (model[i].armed)
                break;
            t[i] = (struct timer){.when = now + (int64_t)(rnd() % 200) - 20,
                                  .f = fire,
                                  .arg = &t[i],
                                  .seq = (uintptr_t)order};
            CHECK(timer_start(&t[i]) == 0);
            model[i].armed = true;
            model[i].order = order++;
            break;
        case 2:
            CHECK(timer_stop(&t[i]) == model[i].armed);
            model[i].armed = false;
            break;
        default:
            if (rnd() % 8)
                break;
            now += (int64_t)(rnd() % 100);
            nfired = 0;
            run(&p0.timers, now, NULL);
            for (size_t k = 0; k < nfired; k++) {
                size_t f = (size_t)((struct timer *)fired[k].arg - t);

                CHECK(model[f].armed && t[f].when <= now && fired[k].now == now);
                CHECK(fired[k].seq == model[f].order);
                CHECK(!t[f].ts);
                model[f].armed = false;
                if (k > 0) {
                    struct timer *before = fired[k - 1].arg;

                    CHECK(before->when < t[f].when ||
                          (before->when == t[f].when && fired[k - 1].seq < fired[k].seq));
                }
            }
            for (size_t k = 0; k < N; k++)
                CHECK(!model[k].armed || t[k].when > now);
        }
    }
}

TEST(ties)
{
    enum { N = 1000 };
    static struct timer t[N];

    reset(N);
    for (int i = 0; i < N; i++) {
        t[i] = (struct timer){.when = 77, .f = fire, .arg = &t[i]};
        CHECK(timer_start(&t[i]) == 0);
    }
    /* Taking some out must not disturb the order of the others. */
    for (int i = 0; i < N; i += 3)
        CHECK(timer_stop(&t[i]));
    CHECK(run(&p0.timers, 76, NULL) == 77 && nfired == 0);
    CHECK(run(&p0.timers, 77, NULL) == INT64_MAX);
    for (size_t k = 0, i = 0; k < nfired; k++, i++) {
        i += i % 3 == 0;
        CHECK(fired[k].arg == &t[i]);
    }
}

TEST(period)
{
    struct timer t = {.when = 100, .period = 10, .f = fire, .arg = &t, .seq = 9};
    bool ran;

    reset(100);
    CHECK(timer_start(&t) == 0);
    CHECK(run(&p0.timers, 99, &ran) == 100 && !ran);
    CHECK(run(&p0.timers, 100, &ran) == 110 && ran && nfired == 1);
    /* Late: one call, and the phase stays. */
    CHECK(run(&p0.timers, 157, &ran) == 160 && nfired == 2 && fired[1].seq == 9);
    CHECK(run(&p0.timers, 160, &ran) == 170 && nfired == 3);
    CHECK(timer_stop(&t));
    CHECK(!timer_stop(&t));
    CHECK(run(&p0.timers, 1000, &ran) == INT64_MAX && !ran && nfired == 3);

    /* Saturation: the next point cannot be said, so it never comes. */
    t = (struct timer){.when = 5, .period = INT64_MAX - 2, .f = fire, .arg = &t};
    CHECK(timer_start(&t) == 0);
    CHECK(run(&p0.timers, 6, &ran) == INT64_MAX && nfired == 4);
    CHECK(run(&p0.timers, INT64_MAX, &ran) == INT64_MAX && !ran);
    CHECK(timer_stop(&t));

    /* As late as can be: no overflow on the way to the next. */
    t = (struct timer){.when = INT64_MIN, .period = 3, .f = fire, .arg = &t};
    CHECK(timer_start(&t) == 0);
    CHECK(run(&p0.timers, INT64_MAX - 10, &ran) > INT64_MAX - 10 && nfired == 5);
    CHECK(t.when <= INT64_MAX - 7 && (uint64_t)(t.when - INT64_MAX + 10) <= 3);
    CHECK(timer_stop(&t));
}

TEST(never)
{
    struct timer never = {.when = INT64_MAX, .f = fire}, soon = {.when = 50, .f = fire};

    reset(4);
    CHECK(timer_start(&never) == 0 && wakes == 0);
    CHECK(timer_start(&soon) == 0 && wakes == 1 && woken_for == 50);
    CHECK(run(&p0.timers, 50, NULL) == INT64_MAX && nfired == 1);
    CHECK(run(&p0.timers, INT64_MAX, NULL) == INT64_MAX && nfired == 1);
    CHECK(timer_stop(&never));
}

/* Only one that is earlier than all others wakes the poller. */
TEST(wake)
{
    struct timer a = {.when = 50, .f = fire}, b = {.when = 60, .f = fire},
                 c = {.when = 50, .f = fire}, d = {.when = 40, .f = fire};

    reset(4);
    CHECK(timer_start(&a) == 0 && wakes == 1 && woken_for == 50);
    CHECK(timer_start(&b) == 0 && wakes == 1);
    CHECK(timer_start(&c) == 0 && wakes == 1);
    CHECK(timer_start(&d) == 0 && wakes == 2 && woken_for == 40);
    run(&p0.timers, 100, NULL);
    CHECK(nfired == 4);
}

static void rearm(void *arg, uintptr_t seq, int64_t now)
{
    struct timer *t = arg;

    fire(arg, seq, now);
    if (seq > 0) {
        t->seq--;
        t->when = now + 1;
        CHECK(timer_start(t) == 0);
    }
}

static void stop_other(void *arg, uintptr_t seq, int64_t now)
{
    fire(arg, seq, now);
    CHECK(timer_stop(arg));
}

/* Callbacks run without the lock: they may arm and stop. */
TEST(callbacks)
{
    struct timer a = {.when = 10, .f = rearm, .arg = &a, .seq = 3};
    struct timer c = {.when = 100, .f = fire}, b = {.when = 20, .f = stop_other, .arg = &c};

    reset(100);
    CHECK(timer_start(&a) == 0 && timer_start(&b) == 0 && timer_start(&c) == 0);
    CHECK(run(&p0.timers, 10, NULL) == 11);
    for (int64_t now = 11; now < 200; now++)
        run(&p0.timers, now, NULL);
    CHECK(nfired == 5);
}

TEST(heaps)
{
    struct timer here = {.when = 10, .f = fire}, there = {.when = 20, .f = fire};

    reset(4);
    CHECK(timer_start(&here) == 0 && here.ts == &p0.timers);
    gamp_tls_g = &g1;
    CHECK(timer_start(&there) == 0 && there.ts == &p1.timers);
    CHECK(timer_stop(&here));
    m1.p = NULL;
    CHECK(timer_start(&here) == 0 && here.ts == &p0.timers);
    CHECK(run(&p1.timers, 100, NULL) == INT64_MAX && nfired == 1);
    CHECK(run(&p0.timers, 100, NULL) == INT64_MAX && nfired == 2);
}

/* The count of armings wraps. */
TEST(ties_wrap)
{
    enum { N = 1000 };
    static struct timer t[N];

    reset(N);
    p0.timers.order = UINT32_MAX - N / 2;
    for (int i = 0; i < N; i++) {
        /* Every other one in the heap: its run's tail is later. */
        t[i] = (struct timer){.when = i % 2 ? 50 : 77, .f = fire, .arg = &t[i]};
        CHECK(timer_start(&t[i]) == 0);
    }
    run(&p0.timers, 77, NULL);
    CHECK(nfired == N);
    for (size_t k = 1; k < nfired; k++)
        CHECK(k == N / 2 || fired[k - 1].arg < fired[k].arg);
}

TEST(some)
{
    enum { N = 100 };
    static struct timer t[N];
    bool ran = false;

    reset(N);
    for (int i = 0; i < N; i++) {
        t[i] = (struct timer){.when = i / 2, .f = fire, .arg = &t[i]};
        CHECK(timer_start(&t[i]) == 0);
    }
    CHECK(timers_run_some(&p0.timers, 1000, 0, &ran) == 0 && !ran && nfired == 0);
    CHECK(timers_run_some(&p0.timers, 1000, 5, &ran) == 2 && ran && nfired == 5);
    CHECK(timers_run_some(&p0.timers, 1000, 50, &ran) == 27 && nfired == 55);
    CHECK(timers_run_some(&p0.timers, 40, 50, &ran) == 41 && nfired == 82);
    set_check(&p0.timers);
    CHECK(run(&p0.timers, 1000, &ran) == INT64_MAX && nfired == N);
    for (int i = 0; i < N; i++)
        CHECK(fired[i].arg == &t[i]);
}

/* Timers for a few fixed times from now, as sleeps and deadlines are, need no heap. */
TEST(fixed_times)
{
    enum { N = 4000, KINDS = 4 };
    static const int64_t kind[KINDS] = {7000, 40, 900, 100000};
    static struct timer t[N];
    int64_t now = 0;

    reset(3 * N);
    for (int round = 0; round < 3 * N; round++) {
        struct timer *it = &t[round % N];

        now += (int64_t)(rnd() % 3);
        timer_stop(it);
        *it = (struct timer){.when = now + kind[rnd() % KINDS], .f = fire, .arg = it};
        CHECK(timer_start(it) == 0 && it->where < TIMER_RUNS);
        run(&p0.timers, now, NULL);
        CHECK(p0.timers.heap.n == 0);
    }
    run(&p0.timers, INT64_MAX, NULL);
    CHECK(nfired > N);
}

/* Lone timers for far points in time do not keep the runs from the many. */
TEST(lone)
{
    enum { FAR = 2 * TIMER_RUNS, N = 1000 };
    static struct timer far[FAR], t[N];

    reset(FAR + N);
    for (int i = 0; i < FAR; i++) {
        far[i] = (struct timer){.when = 1000000 - i, .f = fire, .arg = &far[i]};
        CHECK(timer_start(&far[i]) == 0);
    }
    for (int i = 0; i < N; i++) {
        t[i] = (struct timer){.when = i, .f = fire, .arg = &t[i]};
        CHECK(timer_start(&t[i]) == 0 && t[i].where < TIMER_RUNS);
        set_check(&p0.timers);
    }
    for (int i = 0; i < FAR; i += 2)
        CHECK(timer_stop(&far[i]));
    CHECK(run(&p0.timers, N, NULL) == 1000000 - FAR + 1 && nfired == N);
    CHECK(run(&p0.timers, 1000000, NULL) == INT64_MAX && nfired == N + FAR / 2);
}

/* A storm of resets: what is stopped in a run's middle takes no memory for long. */
TEST(storm)
{
    enum { N = 500, RESETS = 200000 };
    static struct timer t[N];

    memset(t, 0, sizeof t);
    reset(N);
    for (int i = 0; i < RESETS; i++) {
        struct timer *it = &t[rnd() % N];

        timer_stop(it);
        *it = (struct timer){.when = i + 100000, .f = fire, .arg = it};
        CHECK(timer_start(it) == 0);
        if (i % 1000 == 0)
            set_check(&p0.timers);
    }
    CHECK(mapped <= (size_t)TIMER_RUNS * 4 * N * sizeof(struct timer_entry));
    for (int i = 0; i < N; i++)
        timer_stop(&t[i]);
    set_check(&p0.timers);
    CHECK(timers_count(&p0.timers) == 0);
}

/* A P that goes leaves no memory. */
TEST(memory)
{
    enum { N = 3000 };
    static struct timer t[N];

    reset(N);
    for (int i = 0; i < N; i++) {
        t[i] = (struct timer){.when = (int64_t)(rnd() % 1000), .f = fire, .arg = &t[i]};
        gamp_tls_g = i < N / 3 ? NULL : &g1;
        CHECK(timer_start(&t[i]) == 0);
    }
    CHECK(p1.timers.heap.n > 0 && timers_count(&p1.timers) > p1.timers.heap.n);
    timers_move(&p0.timers, &p1.timers);
    run(&p0.timers, 1000, NULL);
    CHECK(nfired == N && mapped > 0);
    timers_move(&p1.timers, &p0.timers);
    CHECK(mapped == 0);
}

static void move_n(size_t n0, size_t n1)
{
    struct timer *t = calloc(n0 + n1, sizeof *t);

    reset(n0 + n1);
    for (size_t i = 0; i < n0 + n1; i++) {
        t[i] = (struct timer){.when = (int64_t)(rnd() % 50), .f = fire, .arg = &t[i]};
        gamp_tls_g = i < n0 ? NULL : &g1;
        CHECK(timer_start(&t[i]) == 0);
    }
    timers_move(&p0.timers, &p1.timers);
    set_check(&p0.timers);
    set_check(&p1.timers);
    CHECK(timers_count(&p0.timers) == n0 + n1 && timers_count(&p1.timers) == 0);
    CHECK(n0 + n1 == 0 || mapped > 0);
    for (size_t i = 0; i < n0 + n1; i += 2)
        CHECK(timer_stop(&t[i]));
    run(&p0.timers, 50, NULL);
    CHECK(nfired == (n0 + n1) / 2);
    for (size_t i = 1; i < nfired; i++) {
        struct timer *a = fired[i - 1].arg, *b = fired[i].arg;

        CHECK(a->when < b->when || (a->when == b->when && a < b));
    }
    free(t);
}

TEST(move)
{
    move_n(0, 0);
    move_n(0, 5);
    move_n(5, 0);
    move_n(3, 4000);
    move_n(4000, 3);
    move_n(700, 700);
}

/* Memory that cannot be had: nothing fails, is lost or comes early, and the heap recovers. */
TEST(nomem)
{
    enum { N = 1000, ROUNDS = 30000 };
    static struct timer t[N];
    static bool armed[N];
    int64_t now = 0;
    uint32_t spilled = 0;

    memset(t, 0, sizeof t);
    memset(armed, 0, sizeof armed);
    reset(N);
    for (int round = 0; round < ROUNDS; round++) {
        size_t i = rnd() % N;

        fail_map = round / 1000 % 3 == 2 ? 0 : INT_MAX;
        if (armed[i]) {
            CHECK(timer_stop(&t[i]) && !t[i].ts);
        } else {
            t[i] = (struct timer){.when = now + (int64_t)(rnd() % 900), .f = fire, .arg = &t[i]};
            CHECK(timer_start(&t[i]) == 0 && t[i].ts == &p0.timers);
            spilled += t[i].where == TIMER_SPILLED;
        }
        armed[i] = !armed[i];
        set_check(&p0.timers);
        if (rnd() % 50)
            continue;
        now += (int64_t)(rnd() % 50);
        nfired = 0;
        run(&p0.timers, now, NULL);
        for (size_t k = 0; k < nfired; k++) {
            size_t f = (size_t)((struct timer *)fired[k].arg - t);

            CHECK(armed[f] && t[f].when <= now);
            CHECK(k == 0 || ((struct timer *)fired[k - 1].arg)->when <= t[f].when);
            armed[f] = false;
        }
        for (size_t k = 0; k < N; k++)
            CHECK(!armed[k] || t[k].when > now);
    }
    CHECK(spilled > 1000);
}

TEST(nomem_periodic)
{
    struct timer t = {.when = 10, .period = 10, .f = fire, .arg = &t};

    reset(100);
    fail_map = INT_MAX;
    CHECK(timer_start(&t) == 0 && t.where == TIMER_SPILLED);
    CHECK(run(&p0.timers, 10, NULL) == 20 && run(&p0.timers, 35, NULL) == 40 && nfired == 2);
    fail_map = 0;
    CHECK(run(&p0.timers, 40, NULL) == 50 && nfired == 3 && t.where != TIMER_SPILLED);
    CHECK(timer_stop(&t));
}

TEST(nomem_move)
{
    enum { N = 3000 };
    static struct timer t[N];

    memset(t, 0, sizeof t);
    reset(N);
    for (int i = 0; i < N; i++) {
        t[i] = (struct timer){.when = (int64_t)(rnd() % 1000), .f = fire, .arg = &t[i]};
        gamp_tls_g = i < N / 2 ? NULL : &g1;
        fail_map = i % (N / 2) > N / 3 ? INT_MAX : 0;
        CHECK(timer_start(&t[i]) == 0);
    }
    timers_move(&p0.timers, &p1.timers);
    set_check(&p0.timers);
    set_check(&p1.timers);
    for (int i = 0; i < N; i++)
        CHECK(t[i].ts == &p0.timers);
    run(&p0.timers, 500, NULL);
    fail_map = 0;
    run(&p0.timers, 1000, NULL);
    CHECK(nfired == N);
    for (size_t k = 1; k < nfired; k++)
        CHECK(((struct timer *)fired[k - 1].arg)->when <= ((struct timer *)fired[k].arg)->when);
}

/* Each call of f brings an owner with it, and none is given once stop has returned. */
TEST(refs)
{
    uint32_t refs = 1;
    struct timer t = {.when = 10, .period = 10, .f = fire, .refs = &refs};

    reset(10);
    CHECK(timer_start(&t) == 0);
    run(&p0.timers, 9, NULL);
    CHECK(refs == 1);
    run(&p0.timers, 10, NULL);
    run(&p0.timers, 30, NULL);
    CHECK(refs == 3 && timer_stop(&t));
    t.period = 0;
    CHECK(timer_start(&t) == 0);
    run(&p0.timers, 100, NULL);
    run(&p0.timers, 200, NULL);
    CHECK(refs == 4 && !timer_stop(&t));
}

TEST_WITHIN(million, 60)
{
    enum { N = 1000000 };
    struct timer *t = calloc(N, sizeof *t);
    size_t most;

    reset(N);
    for (size_t i = 0; i < N; i++) {
        t[i] = (struct timer){.when = (int64_t)(rnd() >> 2), .f = fire, .arg = &t[i]};
        CHECK(timer_start(&t[i]) == 0);
    }
    set_check(&p0.timers);
    most = mapped;
    for (size_t i = 0; i < N; i += 2)
        CHECK(timer_stop(&t[i]));
    run(&p0.timers, INT64_MAX, NULL);
    CHECK(nfired == N / 2 && timers_count(&p0.timers) == 0);
    for (size_t i = 1; i < nfired; i++)
        CHECK(((struct timer *)fired[i - 1].arg)->when <= ((struct timer *)fired[i].arg)->when);
    /* The crowd's memory went with it. */
    CHECK(mapped < most / 1000);
    free(t);
}

/* One thread arms and stops timers in memory that it frees right after, two others fire them: each
 * arming ends in a firing or in a stop that says true, never in both. */
enum { RACE_ROUNDS = 200000 };
static uint32_t race_fired[RACE_ROUNDS];
static bool race_over;

static void race_fire(void *arg, uintptr_t seq, int64_t now)
{
    (void)arg;
    (void)now;
    fetch_add_relaxed(&race_fired[seq], 1);
}

static void *race_runner(void *arg)
{
    bool ran;

    (void)arg;
    while (!load_acquire(&race_over))
        timers_run(&p0.timers, 1, &ran);
    return NULL;
}

TEST_WITHIN(race, 60)
{
    pthread_t runner[2];
    size_t stopped = 0;

    reset(1);
    store_release(&race_over, false);
    memset(race_fired, 0, sizeof race_fired);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&runner[i], NULL, race_runner, NULL) == 0);
    for (uintptr_t i = 0; i < RACE_ROUNDS; i++) {
        struct timer *t = malloc(sizeof *t);

        *t = (struct timer){.when = 1, .f = race_fire, .seq = i};
        CHECK(timer_start(t) == 0);
        for (uint64_t spin = rnd() % 64; spin > 0; spin--)
            cpu_pause();
        if (timer_stop(t)) {
            stopped++;
            store_relaxed(&race_fired[i], load_relaxed(&race_fired[i]) + 100);
        }
        free(t);
    }
    while (timers_count(&p0.timers) > 0)
        cpu_pause();
    store_release(&race_over, true);
    for (int i = 0; i < 2; i++)
        pthread_join(runner[i], NULL);
    for (size_t i = 0; i < RACE_ROUNDS; i++)
        CHECK(race_fired[i] == 1 || race_fired[i] == 100);
    printf("%zu of %d stopped before they fired\n", stopped, (int)RACE_ROUNDS);
}
