/* SPDX-License-Identifier: BSD-3-Clause */
/* Timers and sleeps of threads that the runtime did not make, and before and after it runs. */
#include "harness/test.h"
#include <errno.h>
#include <gamp.h>
#include <pthread.h>

#define MS GAMP_MILLISECOND

static void receive_after(gamp_timer *t, gamp_time not_before)
{
    gamp_time at;

    CHECK(gamp_chan_recv(gamp_timer_chan(t), &at));
    CHECK(at >= not_before);
}

static void hand_over(void *arg)
{
    gamp_chan_send((gamp_chan *)arg, NULL);
}

static void *thread(void *arg)
{
    gamp_time begin = gamp_now();
    gamp_timer *t;
    gamp_chan *c = gamp_chan_new(0, 0);

    gamp_sleep(2 * MS);
    CHECK(gamp_now() - begin >= 2 * MS);
    gamp_sleep(0);
    for (int i = 0; i < 20; i++) {
        begin = gamp_now();
        t = gamp_timer_new(MS);
        receive_after(t, begin + MS);
        CHECK(!gamp_timer_reset(t, GAMP_HOUR));
        CHECK(gamp_timer_stop(t));
        gamp_timer_free(t);
    }
    begin = gamp_now();
    t = gamp_ticker_new(MS);
    for (int i = 1; i <= 5; i++)
        receive_after(t, begin + i * MS);
    gamp_timer_free(t);
    t = gamp_after_func(MS, hand_over, c);
    gamp_chan_recv(c, NULL);
    gamp_timer_free(t);
    gamp_chan_unref(c);
    return arg;
}

static void four_threads(void)
{
    pthread_t th[4];

    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&th[i], NULL, thread, NULL), 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_join(th[i], NULL), 0);
}

TEST_GO(threads_beside_main)
{
    four_threads();
}

/* All Ps idle: a thread's timer must wake somebody to fire it. */
TEST(threads_of_a_host)
{
    CHECK_EQ(gamp_start(NULL), 0);
    thread(NULL);
    four_threads();
    CHECK_EQ(gamp_stop(gamp_now() + GAMP_HOUR), 0);
    for (int i = 0; i < 5; i++) {
        gamp_time begin = gamp_now();
        gamp_timer *t = gamp_timer_new(MS);

        receive_after(t, begin + MS);
        gamp_timer_free(t);
    }
}

static gamp_timer *early, *early_stopped, *early_func;
static gamp_time armed;
static gamp_chan *called;

/* On different Ps, where there are some. */
enum { HANDED_OVER = 16 };
static gamp_timer *handed_over[HANDED_OVER];

static void arms(int i)
{
    gamp_gosched();
    handed_over[i] = gamp_timer_new((1 + i) * MS);
    gamp_chan_send(called, NULL);
}

static int main_function(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    receive_after(early, armed + MS);
    CHECK(!gamp_timer_stop(early));
    gamp_chan_recv(called, NULL);
    CHECK_EQ(gamp_chan_len(gamp_timer_chan(early_stopped)), 0);
    for (int i = 0; i < HANDED_OVER; i++)
        CHECK_EQ(gamp_go(arms, i), 0);
    for (int i = 0; i < HANDED_OVER; i++)
        gamp_chan_recv(called, NULL);
    return 5;
}

/* What was armed before the runtime runs fires when it does, and what was armed while it ran, by
 * whomever, fires after it too, as does what is armed then: but functions have no goroutine then to
 * run in. */
TEST(before_and_after)
{
    gamp_time begin = gamp_now();
    gamp_timer *late, *ticker;
    gamp_context *ctx;

    gamp_sleep(MS);
    CHECK(gamp_now() - begin >= MS);
    armed = gamp_now();
    called = gamp_chan_new(0, 1);
    early = gamp_timer_new(MS);
    early_stopped = gamp_timer_new(MS);
    early_func = gamp_after_func(MS, hand_over, called);
    CHECK(gamp_timer_stop(early_stopped));
    CHECK_EQ(gamp_run(main_function, 0, NULL), 5);
    for (int i = 0; i < HANDED_OVER; i++) {
        receive_after(handed_over[i], armed);
        gamp_timer_free(handed_over[i]);
    }
    for (int i = 0; i < 10; i++) {
        begin = gamp_now();
        late = gamp_timer_new(GAMP_HOUR);
        CHECK(gamp_timer_reset(late, MS));
        receive_after(late, begin + MS);
        gamp_timer_free(late);
    }
    begin = gamp_now();
    ticker = gamp_ticker_new(MS);
    for (int i = 1; i <= 5; i++)
        receive_after(ticker, begin + i * MS);
    gamp_timer_free(ticker);
    ctx = gamp_context_with_timeout(gamp_context_background(), MS);
    gamp_chan_recv(gamp_context_done(ctx), NULL);
    CHECK_EQ(gamp_context_err(ctx), -ETIMEDOUT);
    gamp_context_unref(ctx);
    late = gamp_after_func(MS, hand_over, called);
    CHECK_EQ(gamp_chan_recv_until(called, NULL, gamp_now() + 20 * MS), -ETIMEDOUT);
    gamp_timer_free(late);
    gamp_sleep(MS);
    gamp_timer_free(early);
    gamp_timer_free(early_stopped);
    gamp_timer_free(early_func);
    gamp_chan_unref(called);
}
