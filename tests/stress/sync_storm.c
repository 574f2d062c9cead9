/* SPDX-License-Identifier: BSD-3-Clause */
/* Goroutines and threads that do whatever can be done with mutexes, rwmutexes, wait groups, conds,
 * semaphores, onces, maps, pools, contexts and groups, chosen at random, with limits that pass
 * before, while and after they wait, and with holders that yield, sleep or overrun their slice.
 *
 * In rounds: within one, each object's own law holds at every step (one holder, no more permits
 * than there are, a thing from a pool in one hand); at the end of one everybody has come through,
 * so no wake-up was lost, and the sums agree. */
/* quick at 1, 2 and 8 Ps: GAMP_STRESS_SECONDS=5 */
#include "harness/test.h"

#include <gamp.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ACTORS = 12, THREADS = 2, PUTTERS = 3, DEEDS = 60, PERMITS = 5, KEYS = 4, ONCES = 64 };

typedef uint64_t rng;

struct thing {
    _Atomic int hands;
};

static struct {
    gamp_mutex mutex;
    int inside;
    gamp_rwmutex rwmutex;
    _Atomic int readers, writers;
    gamp_sem sem;
    _Atomic long permits; /* taken */
    gamp_mutex queue_mutex;
    gamp_cond cond;
    long queued;
    gamp_once once[ONCES];
    _Atomic int ran[ONCES];
    gamp_map *map;
    _Atomic long added[KEYS];
    gamp_pool pool;
    _Atomic long things, freed;
    gamp_waitgroup ends;
    _Atomic long timeouts, deeds;
    bool changing; /* the number of Ps */
} t;

static uint64_t below(rng *r, uint64_t n)
{
    return test_rand(r) % n;
}

static gamp_time limit(rng *r)
{
    switch (below(r, 4)) {
    case 0:
        return 0;
    case 1:
        return GAMP_NEVER;
    default:
        return gamp_now() + (gamp_duration)below(r, 200000);
    }
}

/* Whether a timed form got it. */
static bool got(int err)
{
    CHECK(err == 0 || err == -ETIMEDOUT);
    t.timeouts += err != 0;
    return err == 0;
}

static void spin(int64_t ns)
{
    int64_t until = test_nanotime() + ns;

    while (test_nanotime() < until)
        ;
}

/* What a holder does meanwhile. */
static void hold(rng *r)
{
    switch (below(r, 64)) {
    case 0:
        gamp_sleep((gamp_duration)below(r, 100000));
        break;
    case 1:
        spin((int64_t)below(r, 100000));
        break;
    case 2:
        if (below(r, 100) == 0)
            spin(15 * GAMP_MILLISECOND);
        break;
    case 3:
    case 4:
    case 5:
    case 6:
    case 7:
    case 8:
        gamp_gosched();
        break;
    default:
        break;
    }
}

static void do_mutex(rng *r)
{
    switch (below(r, 4)) {
    case 0:
        if (!gamp_mutex_trylock(&t.mutex))
            return;
        break;
    case 1:
        gamp_mutex_lock(&t.mutex);
        break;
    default:
        if (!got(gamp_mutex_lock_until(&t.mutex, limit(r))))
            return;
    }
    CHECK_EQ(t.inside++, 0);
    hold(r);
    CHECK_EQ(--t.inside, 0);
    gamp_mutex_unlock(&t.mutex);
}

static void do_read(rng *r)
{
    switch (below(r, 3)) {
    case 0:
        if (!gamp_rwmutex_tryrlock(&t.rwmutex))
            return;
        break;
    case 1:
        gamp_rwmutex_rlock(&t.rwmutex);
        break;
    default:
        if (!got(gamp_rwmutex_rlock_until(&t.rwmutex, limit(r))))
            return;
    }
    t.readers++;
    CHECK_EQ(t.writers, 0);
    hold(r);
    CHECK_EQ(t.writers, 0);
    t.readers--;
    gamp_rwmutex_runlock(&t.rwmutex);
}

static void do_write(rng *r)
{
    switch (below(r, 3)) {
    case 0:
        if (!gamp_rwmutex_trylock(&t.rwmutex))
            return;
        break;
    case 1:
        gamp_rwmutex_lock(&t.rwmutex);
        break;
    default:
        if (!got(gamp_rwmutex_lock_until(&t.rwmutex, limit(r))))
            return;
    }
    CHECK_EQ(t.writers++, 0);
    CHECK_EQ(t.readers, 0);
    hold(r);
    CHECK_EQ(t.readers, 0);
    CHECK_EQ(--t.writers, 0);
    gamp_rwmutex_unlock(&t.rwmutex);
}

static void do_sem(rng *r)
{
    long n = (long)below(r, PERMITS + 1), now;

    switch (below(r, 3)) {
    case 0:
        if (!gamp_sem_tryacquire(&t.sem, n))
            return;
        break;
    case 1:
        gamp_sem_acquire(&t.sem, n);
        break;
    default:
        if (!got(gamp_sem_acquire_until(&t.sem, n, limit(r))))
            return;
    }
    now = atomic_fetch_add(&t.permits, n) + n;
    CHECK_LE(now, PERMITS);
    hold(r);
    t.permits -= n;
    gamp_sem_release(&t.sem, n);
}

static void put(rng *r)
{
    for (int i = 0; i < DEEDS; i++) {
        gamp_mutex_lock(&t.queue_mutex);
        t.queued++;
        if (below(r, 16))
            gamp_cond_signal(&t.cond);
        else
            gamp_cond_broadcast(&t.cond);
        gamp_mutex_unlock(&t.queue_mutex);
        hold(r);
    }
}

/* As many as put() puts: a signal that is lost leaves somebody here. */
static void get(rng *r)
{
    for (int i = 0; i < DEEDS; i++) {
        gamp_mutex_lock(&t.queue_mutex);
        while (t.queued == 0) {
            if (below(r, 2))
                gamp_cond_wait(&t.cond, &t.queue_mutex);
            else
                got(gamp_cond_wait_until(&t.cond, &t.queue_mutex, limit(r)));
        }
        t.queued--;
        gamp_mutex_unlock(&t.queue_mutex);
    }
}

struct once_arg {
    int i;
    rng *r;
};

static void run_once(void *arg)
{
    struct once_arg *a = arg;

    hold(a->r);
    t.ran[a->i]++;
}

static void do_once(rng *r)
{
    struct once_arg a = {(int)below(r, ONCES), r};

    gamp_once_do(&t.once[a.i], run_once, &a);
    CHECK_EQ(t.ran[a.i], 1);
}

static void do_map(rng *r)
{
    static const char *const names[KEYS] = {"a", "bb", "ccc", "dddd"};
    int i = (int)below(r, KEYS);
    gamp_bytes key = {names[i], strlen(names[i])};
    void *v;

    for (;;) {
        if (below(r, 8) == 0) {
            /* Out, and in again with what it had: whoever finds none begins at 0. */
            if (gamp_map_load_and_delete(t.map, key, &v))
                t.added[i] -= (long)(uintptr_t)v;
            return;
        }
        CHECK_GE(gamp_map_load_or_store(t.map, key, NULL, &v), 0);
        hold(r);
        if (gamp_map_compare_and_swap(t.map, key, v, (void *)((uintptr_t)v + 1)))
            break;
    }
    t.added[i]++;
}

static void *new_thing(void)
{
    t.things++;
    return calloc(1, sizeof(struct thing));
}

static void free_thing(void *x)
{
    t.freed++;
    free(x);
}

static void do_pool(rng *r)
{
    struct thing *x = gamp_pool_get(&t.pool);

    CHECK(x != NULL);
    CHECK_EQ(x->hands++, 0);
    hold(r);
    CHECK_EQ(--x->hands, 0);
    gamp_pool_put(&t.pool, x);
}

static void child(gamp_waitgroup *wg, _Atomic int *left, rng r)
{
    hold(&r);
    do_mutex(&r);
    --*left;
    if (wg)
        gamp_waitgroup_done(wg);
}

static void wait_too(gamp_waitgroup *wg, _Atomic int *left, gamp_chan *c)
{
    gamp_waitgroup_wait(wg);
    CHECK_EQ(*left, 0);
    gamp_chan_send(c, NULL);
}

/* On the caller's stack, which is something else as soon as the last wait is over. */
static void do_waitgroup(rng *r)
{
    gamp_waitgroup wg = {0};
    int n = 1 + (int)below(r, 3);
    _Atomic int left = n;
    gamp_chan *c = below(r, 2) ? gamp_chan_new(0, 0) : NULL;

    gamp_waitgroup_add(&wg, n);
    if (c)
        CHECK_EQ(gamp_go(wait_too, &wg, &left, c), 0);
    for (int i = 0; i < n; i++)
        CHECK_EQ(gamp_go(child, &wg, &left, test_rand(r)), 0);
    while (below(r, 2) && !got(gamp_waitgroup_wait_until(&wg, limit(r))))
        ;
    gamp_waitgroup_wait(&wg);
    CHECK_EQ(left, 0);
    if (c) {
        CHECK(gamp_chan_recv(c, NULL));
        gamp_chan_unref(c);
    }
    memset(&wg, 0xff, sizeof wg);
}

struct member {
    rng r;
    _Atomic int *alive;
};

static int wait_or_work(gamp_context *ctx, void *arg)
{
    struct member *m = arg;
    int result = 0;

    ++*m->alive;
    switch (below(&m->r, 3)) {
    case 0:
        CHECK(!gamp_chan_recv(gamp_context_done(ctx), NULL));
        CHECK_NE(gamp_context_err(ctx), 0);
        break;
    case 1:
        if (gamp_select(GAMP_RECV(gamp_context_done(ctx), (void *)NULL),
                        GAMP_AT(gamp_now() + (gamp_duration)below(&m->r, 200000))) == 0)
            CHECK_NE(gamp_context_err(ctx), 0);
        break;
    default:
        do_sem(&m->r);
        result = below(&m->r, 2) ? -EIO : 0;
    }
    --*m->alive;
    return result;
}

static void do_group(rng *r)
{
    struct member members[4];
    _Atomic int alive = 0;
    gamp_context *ctx =
        gamp_context_with_timeout(gamp_context_background(), (gamp_duration)below(r, 300000));
    gamp_group g;
    int err;

    CHECK(ctx != NULL);
    CHECK_EQ(gamp_group_init(&g, ctx), 0);
    if (below(r, 2))
        gamp_group_set_limit(&g, 1 + (int)below(r, 3));
    for (int i = 0; i < 4; i++) {
        members[i] = (struct member){test_rand(r), &alive};
        CHECK_EQ(gamp_group_go(&g, wait_or_work, &members[i]), 0);
    }
    if (below(r, 2))
        gamp_context_cancel(ctx, -EINTR);
    err = gamp_group_wait(&g);
    CHECK(err == 0 || err == -EIO);
    CHECK_EQ(alive, 0);
    gamp_context_unref(ctx);
}

static void (*const deeds[])(rng *) = {
    do_mutex, do_mutex, do_read, do_read, do_write,     do_sem,
    do_sem,   do_once,  do_map,  do_pool, do_waitgroup, do_group,
};

static void act(int id, rng r)
{
    if (id < PUTTERS)
        put(&r);
    else if (id < 2 * PUTTERS)
        get(&r);
    for (int i = 0; i < DEEDS; i++) {
        deeds[below(&r, sizeof deeds / sizeof deeds[0])](&r);
        t.deeds++;
        if (t.changing && below(&r, 100) == 0)
            gamp_gomaxprocs(1 + (int)below(&r, 8));
    }
    gamp_waitgroup_done(&t.ends);
}

static void *act_as_thread(void *arg)
{
    act(INT_MAX, *(rng *)arg);
    return NULL;
}

static bool add_up(gamp_bytes key, void *value, void *arg)
{
    (void)key;
    *(long *)arg += (long)(uintptr_t)value;
    return true;
}

static void begin_round(void)
{
    memset(t.once, 0, sizeof t.once);
    memset((void *)t.ran, 0, sizeof t.ran);
    memset((void *)t.added, 0, sizeof t.added);
    t.map = gamp_map_new();
    CHECK(t.map != NULL);
    t.things = t.freed = 0;
    gamp_sem_init(&t.sem, PERMITS);
    gamp_pool_init(&t.pool, new_thing, free_thing);
    gamp_waitgroup_add(&t.ends, ACTORS + THREADS);
}

static void end_round(void)
{
    long sum = 0, added = 0;

    CHECK(gamp_mutex_trylock(&t.mutex));
    gamp_mutex_unlock(&t.mutex);
    CHECK(gamp_rwmutex_trylock(&t.rwmutex));
    gamp_rwmutex_unlock(&t.rwmutex);
    CHECK_EQ(t.permits, 0);
    CHECK(gamp_sem_tryacquire(&t.sem, PERMITS));
    CHECK(!gamp_sem_tryacquire(&t.sem, 1));
    CHECK_EQ(t.queued, 0);
    gamp_map_range(t.map, add_up, &sum);
    for (int i = 0; i < KEYS; i++)
        added += t.added[i];
    CHECK_EQ(sum, added);
    gamp_map_free(t.map);
    gamp_pool_free(&t.pool);
    CHECK_EQ(t.things, t.freed);
}

static void play(rng *r)
{
    pthread_t thread[THREADS];
    rng seeds[THREADS];

    begin_round();
    for (int i = 0; i < THREADS; i++) {
        seeds[i] = test_rand(r);
        CHECK_EQ(pthread_create(&thread[i], NULL, act_as_thread, &seeds[i]), 0);
    }
    for (int i = 0; i < ACTORS; i++)
        CHECK_EQ(gamp_go(act, i, test_rand(r)), 0);
    gamp_waitgroup_wait(&t.ends);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_join(thread[i], NULL), 0);
    end_round();
}

/* For half the time that was asked for. */
static void storm(void)
{
    const char *seconds = getenv("GAMP_STRESS_SECONDS");
    int64_t until = test_nanotime() + (seconds ? atoi(seconds) : 60) * GAMP_SECOND / 2;
    rng r = test_seed();
    long rounds;

    for (rounds = 0; rounds == 0 || test_nanotime() < until; rounds++)
        play(&r);
    printf("%ld rounds, %ld deeds, %ld waits timed out\n", rounds, t.deeds, t.timeouts);
    CHECK_GT(t.timeouts, 0);
}

TEST_GO_WITHIN(all_come_through, 300)
{
    storm();
}

TEST_GO_WITHIN(all_come_through_while_ps_come_and_go, 300)
{
    t.changing = true;
    storm();
}
