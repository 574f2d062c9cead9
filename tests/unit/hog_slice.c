/* SPDX-License-Identifier: BSD-3-Clause */
/* hog_slice: the kernel's slice of a thread whose goroutine computes is longer while it does, and
 * the program's own again when it waits, and after gamp_run. */
#include "harness/test.h"
#include "os/linux/sys.h"
#include "base/atomic.h"
#include <gamp/debug.h>
#include <gamp/go.h>
#include <gamp/run.h>
#include <gamp/sync.h>
#include <gamp/time.h>
#include <stdio.h>
#include <stdlib.h>

struct attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

/* The calling thread's, 0: the kernel has none. */
static uint64_t slice(void)
{
    struct attr a = {0};

    return sys_call(SYS_sched_getattr, 0, &a, sizeof a, 0) < 0 || a.policy != 0 ? 0 : a.runtime;
}

static uint64_t before;
static long rounds;
static int over;
static gamp_waitgroup wg;

static void hog(void)
{
    while (!load_acquire(&over))
        store_release(&rounds, rounds + 1);
}

/* Its thread goes on where it was stopped: the other one has run, and it is its turn again. On a
 * busy machine the other may run beside it for a while, so the sign of it is the slice itself. */
static void stopped_and_resumed(void)
{
    do
        for (long seen = load_acquire(&rounds); load_acquire(&rounds) == seen;)
            ;
    while (slice() != UINT64_C(10000000));
}

static int main_computes(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    CHECK_EQ(gamp_waitgroup_go(&wg, hog), 0);
    stopped_and_resumed();
    /* A wait that ends on an idle P's thread, or this one. */
    store_release(&over, 1);
    gamp_waitgroup_wait(&wg);
    while (slice() != before)
        gamp_sleep(GAMP_MILLISECOND);
    over = 0;
    CHECK_EQ(gamp_waitgroup_go(&wg, hog), 0);
    stopped_and_resumed();
    store_release(&over, 1);
    return 0;
}

TEST_WITHIN(longer_while_it_computes, 60)
{
    if (TEST_TSAN)
        test_skip("nobody is stopped by signal");
    before = slice();
    if (before == 0)
        test_skip("the kernel has no slices of threads");
    setenv("GAMPMAXPROCS", "1", 1);
    CHECK_EQ(gamp_run(main_computes, 0, NULL), 0);
    CHECK_EQ(slice(), before);
}
