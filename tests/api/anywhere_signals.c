/* SPDX-License-Identifier: BSD-3-Clause */
/* The signal by which goroutines are stopped, shared with a program that blocks it, handles it,
 * ignores it or raises
 * it: nothing is lost on either side. And the ways to choose another, or none. */
#define _GNU_SOURCE
#include "harness/test.h"
#include <gamp/chan.h>
#include <gamp/debug.h>
#include <gamp/errno.h>
#include <gamp/go.h>
#include <gamp/run.h>
#include <gamp/sync.h>
#include <gamp/time.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static _Atomic bool over;
static _Atomic long turns;
static gamp_waitgroup wg;

static void loops(void)
{
    while (!over)
        ;
    gamp_waitgroup_done(&wg);
}

static uint64_t preemptions(void)
{
    gamp_sched_stats s;

    gamp_sched_stats_read(&s);
    return s.preemptions;
}

static void start_loops(int n)
{
    gamp_waitgroup_add(&wg, n);
    for (int i = 0; i < n; i++)
        CHECK_EQ(gamp_go(loops), 0);
}

static void end_loops(void)
{
    over = true;
    gamp_waitgroup_wait(&wg);
}

/* On one P, main comes back to it only by preemption. */
static void come_back(int times)
{
    for (int i = 0; i < times; i++)
        gamp_sleep(GAMP_MILLISECOND);
}

static _Atomic long seen, others; /* raised here; from elsewhere */

/* One of the runtime's that is on its way while the program installs its handler comes to that. */
static bool all_count = true;

static void count_signal(int sig, siginfo_t *info, void *context)
{
    (void)context;
    CHECK_EQ(sig, SIGURG);
    if (info->si_pid != getpid())
        others++;
    else if (all_count || info->si_code == SI_TKILL)
        seen++;
}

static void install(int flags)
{
    struct sigaction sa = {.sa_sigaction = count_signal, .sa_flags = SA_SIGINFO | flags};

    sigemptyset(&sa.sa_mask);
    CHECK_EQ(sigaction(SIGURG, &sa, NULL), 0);
}

TEST_GO(a_handler_installed_later_is_chained)
{
    gamp_gomaxprocs(1);
    start_loops(3);
    install(SA_RESTART);
    come_back(20);
    /* Those of the runtime are not the program's. */
    CHECK_EQ(seen, 0);
    for (int i = 1; i <= 20; i++) {
        CHECK_EQ(raise(SIGURG), 0);
        CHECK_EQ(seen, i);
        come_back(1);
    }
    CHECK_EQ(others, 0);
    end_loops();
    CHECK_GT(preemptions(), 0);
}

/* As a library does for a while: what it found comes back, and its own is called no more. */
TEST_GO(a_handler_saved_and_put_back)
{
    struct sigaction old;

    all_count = false;
    gamp_gomaxprocs(1);
    start_loops(3);
    for (int i = 0; i < 20; i++) {
        long before = seen;

        CHECK_EQ(sigaction(SIGURG, NULL, &old), 0);
        install(SA_RESTART | (i % 2 ? SA_NODEFER : 0));
        come_back(2);
        CHECK_EQ(raise(SIGURG), 0);
        CHECK_EQ(seen, before + 1);
        CHECK_EQ(sigaction(SIGURG, &old, NULL), 0);
        CHECK_EQ(raise(SIGURG), 0);
        CHECK_EQ(seen, before + 1);
        come_back(2);
        CHECK_EQ(raise(SIGURG), 0);
        CHECK_EQ(seen, before + 1);
    }
    CHECK_EQ(others, 0);
    end_loops();
    CHECK_GT(preemptions(), 0);
}

static int main_chained(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    gamp_gomaxprocs(1);
    start_loops(2);
    for (int i = 1; i <= 10; i++) {
        CHECK_EQ(raise(SIGURG), 0);
        CHECK_EQ(seen, i);
        come_back(1);
    }
    end_loops();
    return 0;
}

TEST(a_handler_installed_before_is_chained)
{
    install(0);
    CHECK_EQ(gamp_run(main_chained, 0, NULL), 0);
    CHECK_EQ(seen, 10);
}

TEST_GO(ignoring_it_does_no_harm)
{
    gamp_gomaxprocs(1);
    start_loops(3);
    signal(SIGURG, SIG_IGN);
    come_back(10);
    signal(SIGURG, SIG_DFL);
    come_back(10);
    CHECK_EQ(raise(SIGURG), 0);
    end_loops();
}

/* It works with the signal blocked and is stopped when it lets it through again. */
static void blocks_it(void)
{
    sigset_t set, old, pending;
    bool came = false;

    sigemptyset(&set);
    sigaddset(&set, SIGURG);
    gamp_lock_os_thread(); /* the mask is the thread's */
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, &old), 0);
    while (!came) {
        CHECK_EQ(sigpending(&pending), 0);
        came = sigismember(&pending, SIGURG);
    }
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, &old, NULL), 0);
    turns++;
    gamp_unlock_os_thread();
}

TEST_GO(blocked_it_is_late_but_not_lost)
{
    gamp_gomaxprocs(1);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(gamp_go(blocks_it), 0);
        while (turns <= i)
            gamp_gosched();
    }
    CHECK_GT(preemptions(), 0);
}

/* A thread that began with it blocked, and so the goroutines, which run with its mask. */
static int main_masked(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    gamp_gomaxprocs(1);
    start_loops(2);
    come_back(5);
    end_loops();
    return 0;
}

TEST(a_mask_from_before_the_start_does_no_harm)
{
    sigset_t all;

    sigfillset(&all);
    CHECK_EQ(sigprocmask(SIG_SETMASK, &all, NULL), 0);
    CHECK_EQ(gamp_run(main_masked, 0, NULL), 0);
}

/* --- another signal, or none --- */

static int main_other_signal(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    gamp_gomaxprocs(1);
    start_loops(2);
    install(0);
    come_back(10);
    CHECK_EQ(raise(SIGURG), 0);
    CHECK_EQ(seen, 1);
    CHECK_EQ(others, 0);
    end_loops();
    CHECK_GT(preemptions(), 0);
    return 0;
}

TEST(another_signal_serves)
{
    char text[64];

    snprintf(text, sizeof text, "preemptsignal=%d", SIGRTMIN + 5);
    setenv("GAMPDEBUG", text, 1);
    CHECK_EQ(gamp_run(main_other_signal, 0, NULL), 0);
}

static void counts(void)
{
    while (!over) {
        turns++;
        gamp_gosched();
    }
    gamp_waitgroup_done(&wg);
}

static int main_off(int argc, char **argv)
{
    struct timespec ts;
    long before;

    (void)argc;
    (void)argv;
    gamp_gomaxprocs(1);
    gamp_waitgroup_add(&wg, 1);
    CHECK_EQ(gamp_go(counts), 0);
    gamp_gosched();
    /* 60 ms of its CPU time without a call: nobody else runs. */
    before = turns;
    do
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    while (ts.tv_sec == 0 && ts.tv_nsec < 60000000);
    CHECK_EQ(turns, before);
    /* A call is where the request is taken up. */
    for (int i = 0; i < 3 && turns == before; i++)
        gamp_sleep(1);
    CHECK_GT(turns, before);
    over = true;
    gamp_waitgroup_wait(&wg);
    return 0;
}

TEST(asyncpreemptoff_leaves_loops_alone)
{
    setenv("GAMPDEBUG", "asyncpreemptoff=1", 1);
    CHECK_EQ(gamp_run(main_off, 0, NULL), 0);
}

/* Without the signal, a goroutine that makes calls is still made to leave at one of them. */
static void calls(void)
{
    gamp_chan *c = gamp_chan_of(int, 1);
    int v;

    while (!over)
        CHECK_EQ(gamp_chan_try_recv(c, &v), -EAGAIN);
    gamp_chan_unref(c);
    gamp_waitgroup_done(&wg);
}

static int main_cooperative(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    gamp_gomaxprocs(1);
    gamp_waitgroup_add(&wg, 2);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(gamp_go(calls), 0);
    come_back(5);
    over = true;
    gamp_waitgroup_wait(&wg);
    return 0;
}

TEST(asyncpreemptoff_still_asks_at_calls)
{
    setenv("GAMPDEBUG", "asyncpreemptoff=1", 1);
    CHECK_EQ(gamp_run(main_cooperative, 0, NULL), 0);
}

/* A handler of the program's that is itself stopped for its slice. */
static void slow_handler(int sig)
{
    struct timespec a, b;

    (void)sig;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
    do
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
    while ((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec < 25000000);
    seen++;
}

static void raises(void)
{
    for (int i = 0; i < 4; i++) {
        errno = 77;
        CHECK_EQ(pthread_kill(pthread_self(), SIGUSR1), 0);
        CHECK_EQ(errno, 77);
    }
    gamp_waitgroup_done(&wg);
}

TEST_GO(stopped_inside_a_handler_of_the_program)
{
    struct sigaction sa = {.sa_handler = slow_handler};

    sigemptyset(&sa.sa_mask);
    CHECK_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
    gamp_waitgroup_add(&wg, 3);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(gamp_go(raises), 0);
    gamp_waitgroup_wait(&wg);
    CHECK_EQ(seen, 12);
}
