/* SPDX-License-Identifier: BSD-3-Clause */
/* Timers in crowds: a million alive, storms of stops and resets, sleepers, and hogs beside them. */
#include "harness/test.h"
#include <errno.h>
#include <gamp.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define MS GAMP_MILLISECOND

static size_t crowd(size_t n)
{
    return test_slowness() > 2 ? n / 20 : n;
}

static gamp_time receive(gamp_timer *t)
{
    gamp_time at;

    CHECK(gamp_chan_recv(gamp_timer_chan(t), &at));
    return at;
}

static void count(void *arg)
{
    __atomic_fetch_add((long *)arg, 1, __ATOMIC_RELEASE);
}

TEST_GO_WITHIN(million_alive, 60)
{
    size_t n = crowd(1000000);
    gamp_timer **t = malloc(n * sizeof *t);
    uint64_t seed = test_seed();

    for (size_t i = 0; i < n; i++) {
        gamp_duration d = GAMP_HOUR + (gamp_duration)(test_rand(&seed) % GAMP_HOUR);

        t[i] = i % 2 ? gamp_timer_new(d) : gamp_ticker_new(d);
        CHECK(t[i]);
    }
    /* With all of them there, others work as ever. */
    for (size_t i = 0; i < 1000; i++) {
        size_t k = (size_t)(test_rand(&seed) % n) | 1;
        gamp_time begin = gamp_now();

        k = k < n ? k : n - 1;
        CHECK(gamp_timer_reset(t[k], 1));
        CHECK(receive(t[k]) >= begin + 1);
        gamp_timer_reset(t[k], GAMP_HOUR);
    }
    for (size_t i = 0; i < n; i++) {
        CHECK(gamp_timer_stop(t[i]));
        gamp_timer_free(t[i]);
    }
    free(t);
}

TEST_GO_WITHIN(all_of_a_crowd_fire, 60)
{
    size_t n = crowd(200000);
    gamp_timer **t = malloc(n * sizeof *t);
    uint64_t seed = test_seed();
    long ran = 0;

    for (size_t i = 0; i < n; i++)
        t[i] = gamp_after_func((gamp_duration)(test_rand(&seed) % (300 * MS)), count, &ran);
    while (__atomic_load_n(&ran, __ATOMIC_ACQUIRE) < (long)n)
        gamp_sleep(MS);
    CHECK_EQ(ran, (long)n);
    for (size_t i = 0; i < n; i++) {
        CHECK(!gamp_timer_stop(t[i]));
        gamp_timer_free(t[i]);
    }
    free(t);
}

static void sleeper(gamp_duration d, gamp_waitgroup *wg)
{
    gamp_time begin = gamp_now();

    gamp_sleep(d);
    CHECK(gamp_now() - begin >= d);
    gamp_waitgroup_done(wg);
}

TEST_GO_WITHIN(sleepers, 60)
{
    size_t n = crowd(20000);
    gamp_waitgroup wg = {0};
    uint64_t seed = test_seed();

    for (size_t i = 0; i < n; i++) {
        gamp_waitgroup_add(&wg, 1);
        CHECK_EQ(gamp_go(sleeper, (gamp_duration)(test_rand(&seed) % (300 * MS)), &wg), 0);
    }
    gamp_waitgroup_wait(&wg);
}

struct stress {
    gamp_waitgroup wg;
    bool over; /* atomic */
};

static void busy(struct stress *s)
{
    while (!__atomic_load_n(&s->over, __ATOMIC_ACQUIRE)) {
        void *p = malloc(1000);

        gamp_gosched();
        free(p);
    }
}

/* Short timers one after the other while the Ps are busy. */
TEST_GO_WITHIN(after_stress, 60)
{
    struct stress s = {.over = false};

    for (int i = 0; i < 4; i++)
        CHECK_EQ(gamp_waitgroup_go(&s.wg, busy, &s), 0);
    for (int i = 0; i < 100; i++) {
        gamp_timer *t = gamp_timer_new((i % 5) * MS / 4);

        receive(t);
        gamp_timer_free(t);
    }
    __atomic_store_n(&s.over, true, __ATOMIC_RELEASE);
    gamp_waitgroup_wait(&s.wg);
}

static void stopper(struct stress *s, uint64_t seed)
{
    (void)s;
    for (int i = 0; i < 300 / test_slowness(); i++) {
        gamp_duration d = (gamp_duration)(test_rand(&seed) % (4 * MS));
        long ran = 0;
        gamp_timer *t = gamp_after_func(d, count, &ran);

        gamp_sleep((gamp_duration)(test_rand(&seed) % (4 * MS)));
        if (gamp_timer_stop(t))
            CHECK_EQ(__atomic_load_n(&ran, __ATOMIC_ACQUIRE), 0);
        else
            while (!__atomic_load_n(&ran, __ATOMIC_ACQUIRE))
                gamp_gosched();
        gamp_timer_free(t);
    }
}

TEST_GO_WITHIN(stop_stress, 60)
{
    struct stress s = {.over = false};
    uint64_t seed = test_seed();

    for (int i = 0; i < 50; i++)
        CHECK_EQ(gamp_waitgroup_go(&s.wg, stopper, &s, test_rand(&seed)), 0);
    gamp_waitgroup_wait(&s.wg);
}

/* Timers moved to and fro in time, many at once, each then comes when it was last told to. */
static void adjuster(gamp_waitgroup *wg, uint64_t seed)
{
    enum { N = 50 };
    gamp_timer *t[N];
    gamp_time due[N];

    for (int i = 0; i < N; i++)
        t[i] = gamp_timer_new(GAMP_HOUR);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < N; i++) {
            gamp_duration d = (gamp_duration)(test_rand(&seed) % GAMP_HOUR);

            CHECK(gamp_timer_reset(t[i], d + GAMP_MINUTE));
        }
        gamp_gosched();
    }
    for (int i = 0; i < N; i++) {
        gamp_duration d = (gamp_duration)(test_rand(&seed) % (20 * MS));

        due[i] = gamp_now() + d;
        CHECK(gamp_timer_reset(t[i], d));
    }
    for (int i = 0; i < N; i++) {
        CHECK(receive(t[i]) >= due[i]);
        gamp_timer_free(t[i]);
    }
    gamp_waitgroup_done(wg);
}

TEST_GO_WITHIN(adjust, 60)
{
    gamp_waitgroup wg = {0};
    uint64_t seed = test_seed();

    for (int i = 0; i < 20; i++) {
        gamp_waitgroup_add(&wg, 1);
        CHECK_EQ(gamp_go(adjuster, &wg, test_rand(&seed)), 0);
    }
    gamp_waitgroup_wait(&wg);
}

/* The number of Ps changes while timers wait in their heaps. */
TEST_GO_WITHIN(procs_come_and_go, 60)
{
    gamp_waitgroup wg = {0};
    uint64_t seed = test_seed();
    long ran = 0;
    enum { N = 500 };
    static gamp_timer *t[N];

    for (int i = 0; i < N; i++)
        t[i] = gamp_after_func((gamp_duration)(test_rand(&seed) % (100 * MS)), count, &ran);
    for (int i = 0; i < 20; i++) {
        gamp_waitgroup_add(&wg, 1);
        CHECK_EQ(gamp_go(adjuster, &wg, test_rand(&seed)), 0);
    }
    for (int i = 0; i < 40; i++) {
        gamp_gomaxprocs(1 + (int)(test_rand(&seed) % 8));
        gamp_sleep(MS);
    }
    gamp_waitgroup_wait(&wg);
    while (__atomic_load_n(&ran, __ATOMIC_ACQUIRE) < N)
        gamp_sleep(MS);
    for (int i = 0; i < N; i++)
        gamp_timer_free(t[i]);
}

static void ping(gamp_chan *in, gamp_chan *out)
{
    int v;

    while (gamp_chan_recv(in, &v))
        gamp_chan_send(out, &v);
    gamp_chan_close(out);
}

/* Two goroutines that keep handing a value to each other do not keep a timer from firing. */
TEST_GO_WITHIN(fairness_to_timers, 60)
{
    gamp_chan *a = gamp_chan_of(int, 1), *b = gamp_chan_of(int, 1);
    gamp_timer *t = gamp_timer_new(20 * MS);
    gamp_time at;
    int v = 1;

    CHECK_EQ(gamp_go(ping, a, b), 0);
    do {
        gamp_chan_send(a, &v);
        gamp_chan_recv(b, &v);
    } while (gamp_chan_try_recv(gamp_timer_chan(t), &at) != 0);
    gamp_chan_close(a);
    CHECK(!gamp_chan_recv(b, &v));
    gamp_timer_free(t);
    gamp_chan_unref(a);
    gamp_chan_unref(b);
}

/* Nor do two that hand bytes to each other through the kernel, by gamp's calls or by libc's. */
static void pass_bytes(int in, int out, bool plain)
{
    char c;

    while ((plain ? read(in, &c, 1) : gamp_read(in, &c, 1)) == 1)
        if ((plain ? write(out, &c, 1) : gamp_write(out, &c, 1)) != 1)
            break;
    gamp_close(out);
}

TEST_GO_WITHIN(fairness_to_timers_beside_system_calls, 60)
{
    for (int plain = 0; plain < 2; plain++) {
        gamp_timer *t = gamp_timer_new(20 * MS);
        gamp_waitgroup wg = {0};
        gamp_time at;
        int a[2], b[2];
        char c = 'x';

        CHECK_EQ(pipe(a), 0);
        CHECK_EQ(pipe(b), 0);
        for (int i = 0; i < 2 && !plain; i++)
            CHECK_EQ(gamp_fd_register(a[i]) | gamp_fd_register(b[i]), 0);
        CHECK_EQ(gamp_waitgroup_go(&wg, pass_bytes, a[0], b[1], plain != 0), 0);
        do {
            CHECK_EQ(plain ? write(a[1], &c, 1) : gamp_write(a[1], &c, 1), 1);
            CHECK_EQ(plain ? read(b[0], &c, 1) : gamp_read(b[0], &c, 1), 1);
        } while (gamp_chan_try_recv(gamp_timer_chan(t), &at) != 0);
        gamp_close(a[1]);
        gamp_waitgroup_wait(&wg);
        gamp_close(a[0]);
        gamp_close(b[0]);
        gamp_timer_free(t);
    }
}

static void hog(bool *over)
{
    while (!__atomic_load_n(over, __ATOMIC_RELAXED))
        ;
}

/* Nor do loops without a call, on every P. */
TEST_GO_WITHIN(timers_beside_hogs, 60)
{
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
    test_skip("nobody is stopped by signal under ThreadSanitizer");
#endif
#endif
    bool over = false;
    gamp_waitgroup wg = {0};

    for (int i = 0; i < gamp_gomaxprocs(0); i++)
        CHECK_EQ(gamp_waitgroup_go(&wg, hog, &over), 0);
    for (int i = 0; i < 5; i++) {
        gamp_timer *t = gamp_timer_new(MS);

        receive(t);
        gamp_timer_free(t);
    }
    __atomic_store_n(&over, true, __ATOMIC_RELAXED);
    gamp_waitgroup_wait(&wg);
}
