/* SPDX-License-Identifier: BSD-3-Clause */
/* sysmon_break: a break that came when nobody slept in the poller any more waits there for the next
 * one who does: sysmon, which sleeps in the poller while every P computes, drains it and sleeps
 * on. */
#include "harness/test.h"
#include "os/linux/clock.h"
#include "sched/netpoll.h"
#include <gamp/run.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static int64_t cpu_of(int who)
{
    struct rusage u;

    CHECK_EQ(getrusage(who, &u), 0);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * INT64_C(1000000000) +
           (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * INT64_C(1000);
}

static int main_computes(int argc, char **argv)
{
    int64_t mine, others;

    (void)argc;
    (void)argv;
    netpollbreak();
    mine = cpu_of(RUSAGE_THREAD);
    others = cpu_of(RUSAGE_SELF) - mine;
    while (cpu_of(RUSAGE_THREAD) - mine < 500 * INT64_C(1000000)) {
    }
    mine = cpu_of(RUSAGE_THREAD) - mine;
    others = cpu_of(RUSAGE_SELF) - cpu_of(RUSAGE_THREAD) - others;
    printf("%lld us, the others %lld us\n", (long long)mine / 1000, (long long)others / 1000);
    CHECK_LT(others, mine / 4);
    return 0;
}

TEST_WITHIN(breaks_for_others_do_not_keep_it_awake, 60)
{
    setenv("GAMPMAXPROCS", "1", 1);
    CHECK_EQ(gamp_run(main_computes, 0, NULL), 0);
}
