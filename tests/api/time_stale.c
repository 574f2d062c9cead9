/* SPDX-License-Identifier: BSD-3-Clause */
/* After stop or reset no stale value is received, whatever fires at that moment; and the results
 * add up: each arming ends either in a stop or reset that says true, or in one value received (one
 * run of fn). */
#include "harness/test.h"
#include <errno.h>
#include <gamp.h>
#include <stdlib.h>

#define US GAMP_MICROSECOND

static uint64_t rnd(uint64_t *seed, uint64_t below)
{
    return test_rand(seed) % below;
}

static void spin_until(gamp_time t)
{
    while (gamp_now() < t)
        ;
}

static int rounds(int n)
{
    return n / test_slowness();
}

/* Nobody else receives: stop and what it says must fit what is in the channel before and after. */
TEST_GO_WITHIN(stop_against_fire, 60)
{
    uint64_t seed = test_seed();
    int won = 0;

    for (int i = 0; i < rounds(20000); i++) {
        gamp_timer *t = gamp_timer_new((gamp_duration)rnd(&seed, 20 * US));
        gamp_time at;

        spin_until(gamp_now() + (gamp_duration)rnd(&seed, 20 * US));
        if (i % 3 == 0)
            gamp_gosched();
        CHECK(gamp_timer_stop(t));
        CHECK_EQ(gamp_chan_try_recv(gamp_timer_chan(t), &at), -EAGAIN);
        if (i % 64 == 0) {
            gamp_sleep(50 * US);
            CHECK_EQ(gamp_chan_len(gamp_timer_chan(t)), 0);
            won++;
        }
        gamp_timer_free(t);
    }
    CHECK(won > 0);
}

/* A value that comes after a reset was sent for that reset. */
TEST_GO_WITHIN(reset_against_fire, 60)
{
    uint64_t seed = test_seed();
    gamp_timer *t = gamp_timer_new(0);

    for (int i = 0; i < rounds(20000); i++) {
        gamp_duration d = (gamp_duration)rnd(&seed, 15 * US);
        gamp_time begin, at;

        spin_until(gamp_now() + (gamp_duration)rnd(&seed, 15 * US));
        begin = gamp_now();
        gamp_timer_reset(t, d);
        if (rnd(&seed, 2) == 0)
            continue;
        CHECK(gamp_chan_recv(gamp_timer_chan(t), &at));
        CHECK_GE(at, begin + d);
    }
    gamp_timer_free(t);
}

struct shared {
    gamp_timer *t;
    gamp_waitgroup wg;
    gamp_waitgroup all;
    uint64_t seed;
    int rounds;
    long values, taken, armings; /* atomic */
    bool over;                   /* atomic */
};

static void receiver(struct shared *s)
{
    gamp_time at;

    for (;;) {
        bool over = __atomic_load_n(&s->over, __ATOMIC_ACQUIRE);
        int r = gamp_chan_recv_until(gamp_timer_chan(s->t), &at, gamp_now() + 20 * US);

        if (r == 0)
            __atomic_fetch_add(&s->values, 1, __ATOMIC_RELAXED);
        else if (over)
            return;
    }
}

static void resetter(struct shared *s, uint64_t seed)
{
    for (int i = 0; i < s->rounds; i++) {
        bool was, stop = rnd(&seed, 8) == 0;

        if (stop)
            was = gamp_timer_stop(s->t);
        else
            was = gamp_timer_reset(s->t, (gamp_duration)rnd(&seed, 30 * US));
        /* A stop arms nothing; one of a stopped timer says false too, and ends no arming. */
        __atomic_fetch_add(&s->armings, !stop, __ATOMIC_RELAXED);
        __atomic_fetch_add(&s->taken, was, __ATOMIC_RELAXED);
        if (rnd(&seed, 4) == 0)
            gamp_gosched();
        else
            spin_until(gamp_now() + (gamp_duration)rnd(&seed, 30 * US));
    }
}

static void storm(int resetters, int receivers)
{
    struct shared s = {.t = gamp_timer_new(0), .rounds = rounds(4000), .armings = 1};
    gamp_waitgroup wg = {0};

    s.seed = test_seed();
    for (int i = 0; i < receivers; i++)
        CHECK_EQ(gamp_waitgroup_go(&wg, receiver, &s), 0);
    for (int i = 0; i < resetters; i++)
        CHECK_EQ(gamp_waitgroup_go(&s.wg, resetter, &s, test_rand(&s.seed)), 0);
    gamp_waitgroup_wait(&s.wg);
    s.taken += gamp_timer_stop(s.t);
    __atomic_store_n(&s.over, true, __ATOMIC_RELEASE);
    gamp_waitgroup_wait(&wg);
    CHECK_EQ(s.values + s.taken, s.armings);
    gamp_timer_free(s.t);
}

TEST_GO_WITHIN(reset_storm_one, 60)
{
    storm(1, 1);
}

TEST_GO_WITHIN(reset_storm_many, 60)
{
    storm(8, 3);
}

static void count_run(void *arg)
{
    struct shared *s = arg;

    __atomic_fetch_add(&s->values, 1, __ATOMIC_RELAXED);
    gamp_waitgroup_done(&s->all);
}

/* The same for after_func: each arming either runs fn once or was taken back. */
TEST_GO_WITHIN(after_func_storm, 60)
{
    struct shared s = {.rounds = 0};
    uint64_t seed = test_seed();

    gamp_waitgroup_add(&s.all, 1);
    s.t = gamp_after_func(0, count_run, &s);
    for (int i = 0; i < rounds(20000); i++) {
        /* Added beforehand: fn may run before reset returns. */
        gamp_waitgroup_add(&s.all, 1);
        s.armings++;
        if (gamp_timer_reset(s.t, (gamp_duration)rnd(&seed, 20 * US))) {
            s.taken++;
            gamp_waitgroup_done(&s.all);
        }
        spin_until(gamp_now() + (gamp_duration)rnd(&seed, 20 * US));
        if (rnd(&seed, 4) == 0)
            gamp_gosched();
    }
    if (gamp_timer_stop(s.t)) {
        s.taken++;
        gamp_waitgroup_done(&s.all);
    }
    gamp_waitgroup_wait(&s.all);
    CHECK_EQ(s.values + s.taken, s.armings + 1);
    gamp_timer_free(s.t);
}

struct handle {
    gamp_timer *t; /* atomic: whoever takes it frees the timer */
    long *ran;
};

static void run_and_free(void *arg)
{
    struct handle *h = arg;
    long *ran = h->ran;

    gamp_timer_free(__atomic_exchange_n(&h->t, NULL, __ATOMIC_ACQ_REL));
    __atomic_fetch_add(ran, 1, __ATOMIC_RELEASE);
}

/* Free against a firing in flight, from outside and from the timer's own fn: for the sanitizers. */
TEST_GO_WITHIN(free_against_fire, 60)
{
    uint64_t seed = test_seed();
    int n = rounds(20000);
    struct handle *h = calloc((size_t)n, sizeof *h);
    long ran = 0, to_run = 0;

    for (int i = 0; i < n; i++) {
        gamp_duration d = (gamp_duration)rnd(&seed, 10 * US);
        gamp_timer *t;

        if (i % 3 == 0) {
            t = gamp_timer_new(d);
        } else if (i % 3 == 1) {
            t = gamp_ticker_new(d + 1);
        } else {
            h[i].ran = &ran;
            h[i].t = t = gamp_after_func(GAMP_HOUR, run_and_free, &h[i]);
            CHECK(gamp_timer_reset(t, d));
        }
        spin_until(gamp_now() + (gamp_duration)rnd(&seed, 10 * US));
        if (i % 3 == 2) {
            t = __atomic_exchange_n(&h[i].t, NULL, __ATOMIC_ACQ_REL);
            to_run += !t || !gamp_timer_stop(t);
        }
        gamp_timer_free(t);
    }
    while (__atomic_load_n(&ran, __ATOMIC_ACQUIRE) < to_run)
        gamp_gosched();
    CHECK_EQ(ran, to_run);
    free(h);
}

struct ticking {
    gamp_timer *t;
    gamp_waitgroup wg;
    gamp_time begin;
    long n;    /* atomic: times received */
    bool over; /* atomic: the ticker was stopped */
};

static void ticker_receiver(struct ticking *s)
{
    gamp_time last = 0, at;

    for (;;) {
        bool over = __atomic_load_n(&s->over, __ATOMIC_ACQUIRE);

        if (gamp_chan_recv_until(gamp_timer_chan(s->t), &at, gamp_now() + 20 * GAMP_MILLISECOND) <
            0) {
            if (over)
                break;
            continue;
        }
        CHECK_GT(at, last);
        CHECK_GE(at, s->begin);
        last = at;
        __atomic_fetch_add(&s->n, 1, __ATOMIC_RELEASE);
    }
    gamp_waitgroup_done(&s->wg);
}

/* One receiver, so the times it sees grow, whichever threads send. */
TEST_GO_WITHIN(ticker_in_order, 60)
{
    struct ticking s = {.begin = gamp_now()};

    s.t = gamp_ticker_new(5 * US);
    gamp_waitgroup_add(&s.wg, 1);
    CHECK_EQ(gamp_go(ticker_receiver, &s), 0);
    while (__atomic_load_n(&s.n, __ATOMIC_ACQUIRE) < rounds(1000))
        gamp_sleep(GAMP_MILLISECOND);
    gamp_timer_stop(s.t);
    __atomic_store_n(&s.over, true, __ATOMIC_RELEASE);
    gamp_waitgroup_wait(&s.wg);
    gamp_timer_free(s.t);
}
