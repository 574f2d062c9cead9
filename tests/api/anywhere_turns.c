/* SPDX-License-Identifier: BSD-3-Clause */
/* Goroutines that come out of a blocking call, short or long, hinted or not, and then loop without
 * a call: they are stopped for the others as any that loops (Go's TestPreemptionAfterSyscall). */
#define _GNU_SOURCE
#include "harness/test.h"
#include <gamp.h>
#include <stdio.h>
#include <unistd.h>

static _Atomic int over, looping;
static gamp_waitgroup wg;

static void comes_back_and_loops(int us, bool hinted)
{
    for (int i = 0; i < 3; i++) {
        if (hinted)
            gamp_blocking_enter();
        usleep((useconds_t)us);
        if (hinted)
            gamp_blocking_exit();
    }
    looping++;
    while (!over)
        ;
    gamp_waitgroup_done(&wg);
}

/* One more than there are Ps, each of which has to lose its turn again and again. */
static void after(int us, bool hinted)
{
    int n = gamp_gomaxprocs(0) + 1;

    over = looping = 0;
    gamp_waitgroup_add(&wg, n);
    for (int i = 0; i < n; i++)
        CHECK_EQ(gamp_go(comes_back_and_loops, us, hinted), 0);
    while (looping < n)
        gamp_sleep(100 * GAMP_MICROSECOND);
    for (int i = 0; i < 10; i++) {
        gamp_gosched();
        gamp_sleep(100 * GAMP_MICROSECOND);
    }
    over = 1;
    gamp_waitgroup_wait(&wg);
}

TEST_GO_WITHIN(stopped_after_short_calls, 60)
{
    after(10, false);
    after(10, true);
}

TEST_GO_WITHIN(stopped_after_calls, 60)
{
    after(100, false);
    after(100, true);
}

TEST_GO_WITHIN(stopped_after_long_calls, 60)
{
    after(1000, false);
    after(1000, true);
    after(20000, false);
}
