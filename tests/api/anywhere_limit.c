/* SPDX-License-Identifier: BSD-3-Clause */
/* More goroutines that compute than there may be threads. Those that an event wakes have their turn
 * all the same, the ones that compute share the rest, and all are done in the end. */
#define _GNU_SOURCE
#include "harness/test.h"
#include <gamp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS = 10, HOGS = 40, TICKS = 20, EXCHANGES = 200, SHORT_ONES = 200 };

static struct {
    int threads, spinners;
    _Atomic bool over;
    _Atomic int begun, done, ran;
    uint64_t result[HOGS];
    gamp_waitgroup wg, handled;
} t;

/* Something to compute, the result of which tells whether it was done right. */
static uint64_t compute(uint64_t x, long steps)
{
    for (long i = 0; i < steps; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        __asm__ volatile("" : "+r"(x));
    }
    return x;
}

/* No gamp call until all is over. */
static void endless(int i)
{
    t.begun++;
    while (!t.over)
        t.result[i] = compute((uint64_t)i, 100000);
    t.done++;
    gamp_waitgroup_done(&t.wg);
}

static uint64_t pinned(void)
{
    gamp_sched_stats s;

    gamp_sched_stats_read(&s);
    return s.pinned;
}

static void start_hogs(void (*fn)(int))
{
    gamp_waitgroup_add(&t.wg, HOGS);
    for (int i = 0; i < HOGS; i++)
        CHECK_EQ(gamp_go(fn, i), 0);
}

static void end_hogs(void)
{
    t.over = true;
    gamp_waitgroup_wait(&t.wg);
    CHECK_EQ(t.begun, HOGS);
    CHECK_EQ(t.done, HOGS);
}

static void answer(gamp_chan *a, gamp_chan *b)
{
    long v;

    while (gamp_chan_recv(a, &v))
        gamp_chan_send(b, &v);
}

/* What timers wake, and what goroutines wake. */
static void events(void)
{
    gamp_chan *a = gamp_chan_of(long, 0), *b = gamp_chan_of(long, 0);
    gamp_timer *tick = gamp_ticker_new(GAMP_MILLISECOND);
    int64_t now;
    long v;

    CHECK(a && b && tick);
    CHECK_EQ(gamp_go(answer, a, b), 0);
    for (int i = 0; i < TICKS; i++) {
        CHECK(gamp_chan_recv(gamp_timer_chan(tick), &now));
        CHECK_LT(pinned(), t.threads);
    }
    for (long i = 0; i < EXCHANGES; i++) {
        gamp_chan_send(a, &i);
        CHECK(gamp_chan_recv(b, &v));
        CHECK_EQ(v, i);
        CHECK_LT(pinned(), t.threads);
        if (i % 10 == 9)
            gamp_sleep(GAMP_MILLISECOND);
    }
    gamp_timer_free(tick);
    gamp_chan_close(a);
    gamp_chan_unref(a);
    gamp_chan_unref(b);
}

static void short_one(void)
{
    t.ran++;
    gamp_waitgroup_done(&t.handled);
}

/* One after the other, as a server starts them, and many at once. */
static void short_ones(void)
{
    t.ran = 0;
    for (int i = 0; i < SHORT_ONES; i++) {
        gamp_waitgroup_add(&t.handled, 1);
        CHECK_EQ(gamp_go(short_one), 0);
        gamp_waitgroup_wait(&t.handled);
    }
    gamp_waitgroup_add(&t.handled, SHORT_ONES);
    for (int i = 0; i < SHORT_ONES; i++)
        CHECK_EQ(gamp_go(short_one), 0);
    gamp_waitgroup_wait(&t.handled);
    CHECK_EQ(t.ran, 2 * SHORT_ONES);
}

static void run_limited(int threads, int (*fn)(int, char **))
{
    const gamp_config few = {.max_threads = threads};

    t.threads = threads;
    CHECK_EQ(gamp_run_with(&few, fn, 0, NULL), 0);
}

/* --- those that never end --- */

static int events_among_endless(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    start_hogs(endless);
    events();
    end_hogs();
    return 0;
}

TEST(events_go_on)
{
    run_limited(THREADS, events_among_endless);
}

/* A P needs a thread, whatever computes: with more Ps than threads the program ends with an
 * error. */
static int events_with_few_threads(int argc, char **argv)
{
    if (gamp_gomaxprocs(0) > 2)
        gamp_gomaxprocs(2);
    return events_among_endless(argc, argv);
}

TEST(events_go_on_with_4_threads)
{
    run_limited(4, events_with_few_threads);
}

TEST(events_go_on_with_5_threads)
{
    run_limited(5, events_with_few_threads);
}

static int short_ones_among_endless(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    short_ones();
    start_hogs(endless);
    events();
    short_ones();
    events();
    short_ones();
    end_hogs();
    short_ones();
    events();
    return 0;
}

/* A function of which none was ever stopped. */
TEST(short_ones_begin)
{
    run_limited(THREADS, short_ones_among_endless);
}

/* Made by a timer. */
static void short_one_of(void *arg)
{
    (void)arg;
    short_one();
}

static int short_ones_of_timers(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    start_hogs(endless);
    events();
    gamp_waitgroup_add(&t.handled, 20);
    for (int i = 0; i < 20; i++) {
        gamp_timer *f = gamp_after_func(i * GAMP_MILLISECOND, short_one_of, NULL);

        CHECK(f != NULL);
        while (t.ran <= i)
            gamp_sleep(GAMP_MILLISECOND);
        gamp_timer_free(f);
    }
    gamp_waitgroup_wait(&t.handled);
    end_hogs();
    return 0;
}

TEST(short_ones_of_timers_begin)
{
    run_limited(THREADS, short_ones_of_timers);
}

/* Those that computed are known by their function, whatever stack and name they have. */
static int events_among_named(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    gamp_waitgroup_add(&t.wg, HOGS);
    for (int i = 0; i < HOGS; i++)
        CHECK_EQ(gamp_go_with(GAMP_OPTIONS(.stack_size = 65536, .name = "hog"), endless, i), 0);
    events();
    short_ones();
    end_hogs();
    return 0;
}

TEST(events_go_on_among_named_ones)
{
    run_limited(THREADS, events_among_named);
}

/* Each keeps a thread for a while, too; those that are left may be fewer than they. */
static void block_now_and_then(void)
{
    for (int i = 0; i < 20; i++)
        usleep(1000);
    short_one();
}

static int blocking_ones(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    start_hogs(endless);
    events();
    gamp_waitgroup_add(&t.handled, 6);
    for (int i = 0; i < 6; i++)
        CHECK_EQ(gamp_go(block_now_and_then), 0);
    events();
    gamp_waitgroup_wait(&t.handled);
    CHECK_EQ(t.ran, 6);
    end_hogs();
    return 0;
}

TEST(blocking_ones_go_on)
{
    run_limited(THREADS, blocking_ones);
}

/* The world stops and goes on, with another number of Ps. */
static int procs_change(int argc, char **argv)
{
    int procs = gamp_gomaxprocs(0);

    (void)argc;
    (void)argv;
    start_hogs(endless);
    for (int i = 0; i < 5; i++) {
        gamp_gomaxprocs(1 + i % 3);
        events();
        CHECK_EQ(gamp_num_goroutine() >= 1 + HOGS, true);
    }
    gamp_gomaxprocs(procs);
    events();
    end_hogs();
    return 0;
}

TEST_WITHIN(procs_change_meanwhile, 40)
{
    run_limited(THREADS, procs_change);
}

/* The program ends while some wait for a thread. */
static int ends_early(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    start_hogs(endless);
    events();
    CHECK_LT(t.begun, HOGS);
    t.over = true; /* or its threads compute on beside the end of the process */
    return 0;
}

TEST(the_end_comes)
{
    run_limited(THREADS, ends_early);
}

/* --- those that end --- */

enum { STEPS = 10 * 1000 * 1000 };

static void bounded(int i)
{
    t.begun++;
    t.result[i] = compute((uint64_t)i, STEPS);
    t.done++;
    gamp_waitgroup_done(&t.wg);
}

static void check_results(void)
{
    gamp_waitgroup_wait(&t.wg);
    CHECK_EQ(t.done, HOGS);
    for (int i = 0; i < HOGS; i += 13)
        CHECK_EQ(t.result[i], compute((uint64_t)i, STEPS));
}

static int all_are_done(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    start_hogs(bounded);
    check_results();
    short_ones();
    return 0;
}

TEST_WITHIN(all_come_to_their_end, 60)
{
    run_limited(THREADS, all_are_done);
}

static int all_are_done_among_events(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    start_hogs(bounded);
    while (t.done < HOGS) {
        CHECK_LT(pinned(), t.threads);
        gamp_sleep(GAMP_MILLISECOND);
    }
    check_results();
    return 0;
}

TEST_WITHIN(all_come_to_their_end_among_events, 60)
{
    run_limited(THREADS, all_are_done_among_events);
}

/* --- those that wait, spinning, for one that has not begun --- */

static void spin_until_all_have(int i)
{
    (void)i;
    t.begun++;
    while (t.begun < t.spinners)
        __asm__ volatile("");
    t.done++;
    gamp_waitgroup_done(&t.wg);
}

static void spin_all(int n)
{
    t.begun = t.done = 0;
    t.spinners = n;
    gamp_waitgroup_add(&t.wg, n);
    for (int i = 0; i < n; i++)
        CHECK_EQ(gamp_go(spin_until_all_have, i), 0);
    gamp_waitgroup_wait(&t.wg);
    CHECK_EQ(t.done, n);
}

static int spin_for_each_other(int argc, char **argv)
{
    gamp_timer *tick = gamp_ticker_new(GAMP_MILLISECOND);

    (void)argc;
    (void)argv;
    CHECK(tick != NULL);
    for (int n = 2; n <= THREADS - 3; n++)
        spin_all(n);
    gamp_timer_free(tick);
    /* Nobody but they could need the threads that are left. */
    for (int n = THREADS - 2; n <= THREADS; n++)
        spin_all(n);
    return 0;
}

TEST(spinning_for_later_ones)
{
    run_limited(THREADS, spin_for_each_other);
}
