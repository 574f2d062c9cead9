/* SPDX-License-Identifier: BSD-3-Clause */
/* dead_poller: an M that sleeps in the poller for a timer which is stopped then hides no
 * deadlock. */
#include "harness/test.h"
#include "sched/schedt.h"
#include <gamp.h>
#include <stdlib.h>
#include <unistd.h>

static int main_stops_the_timer(int argc, char **argv)
{
    gamp_timer *t = gamp_timer_new(GAMP_HOUR);

    (void)argc;
    (void)argv;
    while (load_acquire(&sched.lastpoll) != 0)
        usleep(100);
    usleep(1000);
    CHECK(gamp_timer_stop(t));
    gamp_chan_recv(gamp_timer_chan(t), NULL);
    return 0;
}

static void run(void *arg)
{
    (void)arg;
    exit(gamp_run(main_stops_the_timer, 0, NULL));
}

TEST(a_timer_that_was_stopped)
{
    if (TEST_TSAN)
        test_skip("the sanitizer's own thread might call gamp, for all that gamp knows");
    setenv("GAMPMAXPROCS", "2", 1);
    expect_exit(run, NULL, 2, "fatal error: all goroutines are asleep - deadlock!");
}
