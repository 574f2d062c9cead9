/* SPDX-License-Identifier: BSD-3-Clause */
/* More goroutines that compute than threads can be made: those that an event wakes have their turn
 * all the same. When there are threads again, all begin. */
#include "harness/test.h"
#include "faults.h"
#include <gamp.h>

enum { HOGS = 40, TICKS = 20, SHORT_ONES = 50, TURNS_OF_IT = 3 };

static _Atomic bool over;
static _Atomic int begun, ran;
static gamp_waitgroup wg, handled;

/* No gamp call until all is over. */
static void endless(void)
{
    begun++;
    while (!over)
        __asm__ volatile("");
    gamp_waitgroup_done(&wg);
}

static void short_one(void)
{
    ran++;
    gamp_waitgroup_done(&handled);
}

static void ticks(void)
{
    gamp_timer *tick = gamp_ticker_new(GAMP_MILLISECOND);
    gamp_time now;

    CHECK(tick != NULL);
    for (int i = 0; i < TICKS; i++)
        CHECK(gamp_chan_recv(gamp_timer_chan(tick), &now));
    gamp_timer_free(tick);
}

static void short_ones(void)
{
    ran = 0;
    for (int i = 0; i < SHORT_ONES; i++) {
        gamp_waitgroup_add(&handled, 1);
        CHECK_EQ(gamp_go(short_one), 0);
        gamp_waitgroup_wait(&handled);
    }
    CHECK_EQ(ran, SHORT_ONES);
}

static void without_threads(int hogs, int after)
{
    if (TEST_TSAN)
        test_skip("it takes no signal in a loop: none is preempted there");
    over = false;
    begun = 0;
    arm(SYS_clone, -EAGAIN, after);
    fault.every = true;
    gamp_waitgroup_add(&wg, hogs);
    for (int i = 0; i < hogs; i++)
        CHECK_EQ(gamp_go(endless), 0);
    while (!faulted())
        gamp_sleep(GAMP_MILLISECOND);
    ticks();
    short_ones();
    ticks();
    CHECK_LT(begun, hogs);
    disarm();
    while (begun < hogs)
        gamp_sleep(GAMP_MILLISECOND);
    ticks();
    over = true;
    gamp_waitgroup_wait(&wg);
    short_ones();
}

/* The first P's thread is there, one in reserve too. */
TEST_GO_WITHIN(events_go_on_without_threads, 40)
{
    without_threads(HOGS, gamp_gomaxprocs(0) + 6);
}

/* Each time with the threads of the one before, and more to run. */
TEST_GO_WITHIN(as_often_as_threads_run_out, 60)
{
    for (int i = 0; i < TURNS_OF_IT; i++) {
        gamp_gomaxprocs(1 + i % 2);
        without_threads(HOGS * (i + 1), i == 0 ? 8 : 0);
    }
}
