/* SPDX-License-Identifier: BSD-3-Clause */
/* ends: the ends of a program, by return, exit, panic, fault and deadlock, with goroutines in all
 * kinds of places. */
#include "harness/test.h"
#include <dlfcn.h>
#include <errno.h>
#include <gamp/go.h>
#include <gamp/panic.h>
#include <gamp/run.h>
#include <gamp/time.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static _Atomic int ready;

static void hog_malloc(void)
{
    ready++;
    for (;;)
        free(malloc((size_t)rand() % 4096));
}

static void hog_stdio(void)
{
    char buf[64];

    ready++;
    for (;;) {
        snprintf(buf, sizeof buf, "%f", 3.25);
        fputs("", stdout);
        fflush(stdout);
    }
}

static void hog_plain(void)
{
    ready++;
    for (;;)
        ;
}

static void hog_dlopen(void)
{
    ready++;
    for (;;) {
        void *lib = dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);

        if (lib)
            dlclose(lib);
        dlopen("no such library", RTLD_NOW);
    }
}

/* As Go's TestPanicDeadlockGosched: always about to be chosen. */
static void yields(void)
{
    ready++;
    for (;;)
        gamp_gosched();
}

static void blocked(void)
{
    ready++;
    pause();
}

/* More hogs than Ps, so that each was stopped by preemption before the last was ready. */
static void start_hogs(void)
{
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(gamp_go(hog_malloc), 0);
        CHECK_EQ(gamp_go(hog_stdio), 0);
        CHECK_EQ(gamp_go(hog_plain), 0);
        CHECK_EQ(gamp_go(hog_dlopen), 0);
        CHECK_EQ(gamp_go(yields), 0);
        CHECK_EQ(gamp_go(blocked), 0);
    }
}

static void await_hogs(void)
{
    while (ready < 18)
        gamp_sleep(GAMP_MILLISECOND);
}

/* Whoever was stopped with one has given it back. */
static void take_libcs_locks(void)
{
    void *lib = dlopen("libm.so.6", RTLD_NOW);

    free(malloc(100));
    CHECK_GT(printf("%s", " "), 0);
    CHECK_EQ(fflush(NULL), 0);
    CHECK(lib != NULL);
    dlclose(lib);
}

static int main_hogs(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    start_hogs();
    await_hogs();
    return 5;
}

static void run_hogs(void *arg)
{
    int code;

    (void)arg;
    code = gamp_run(main_hogs, 0, NULL);
    take_libcs_locks();
    fprintf(stderr, "after run %d\n", code);
    exit(code);
}

TEST_WITHIN(return_among_hogs, 60)
{
    for (int i = 0; i < 5; i++)
        expect_exit(run_hogs, NULL, 5, NULL); /* whether gamp_run came back or exited for it */
}

/* Those that make no call run on: the host is told so, and may go on with its own work. */
static void run_embedded(void *arg)
{
    (void)arg;
    CHECK_EQ(gamp_start(NULL), 0);
    start_hogs();
    await_hogs();
    CHECK_EQ(gamp_stop(gamp_now() + GAMP_MILLISECOND), -ETIMEDOUT);
    take_libcs_locks();
    CHECK_EQ(gamp_go(yields), -EPERM);
    exit(8);
}

TEST_WITHIN(stop_among_hogs, 60)
{
    for (int i = 0; i < 5; i++)
        expect_exit(run_embedded, NULL, 8, NULL);
}

static int main_exit(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    start_hogs();
    await_hogs();
    exit(9);
}

static void run_exit(void *arg)
{
    (void)arg;
    gamp_run(main_exit, 0, NULL);
}

TEST_WITHIN(exit_among_hogs, 60)
{
    for (int i = 0; i < 5; i++)
        expect_exit(run_exit, NULL, 9, NULL);
}

static int main_panics(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    start_hogs();
    await_hogs();
    gamp_panic("at the %s", "end");
}

static void run_panics(void *arg)
{
    (void)arg;
    gamp_run(main_panics, 0, NULL);
}

TEST_WITHIN(panic_among_hogs, 60)
{
    expect_exit(run_panics, NULL, 2, "panic: at the end\n");
}

static void nothing(void)
{
}

static int main_goexit(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    gamp_go(nothing);
    gamp_goexit();
}

static void run_goexit(void *arg)
{
    (void)arg;
    gamp_run(main_goexit, 0, NULL);
}

TEST(goexit_of_main_is_a_deadlock_at_last)
{
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
    test_skip(
        "in a forked child the sanitizer has threads of its own, which count as the program's");
#endif
#endif
    expect_exit(run_goexit, NULL, 2,
                "fatal error: no goroutines (main called runtime.Goexit) - deadlock!\n");
}

static int segv(int argc, char **argv)
{
    (void)argc;
    return *(volatile int *)argv;
}

static void run_segv(void *arg)
{
    gamp_run(segv, 0, arg);
}

TEST(segv_is_reported)
{
    expect_exit(run_segv, (void *)16, 2,
                "[signal SIGSEGV: segmentation violation code=0x1 addr=0x10 pc=0x");
}

static int deep(int n)
{
    volatile char frame[1000];

    frame[0] = (char)n;
    return n ? deep(n + 1) + frame[0] : frame[0];
}

static void overflow(void)
{
    deep(1);
}

static int main_overflow(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    gamp_go(overflow);
    while (ready == 0)
        gamp_gosched();
    return 0;
}

static void run_overflow(void *arg)
{
    (void)arg;
    gamp_run(main_overflow, 0, NULL);
}

TEST(overflow_is_named)
{
    expect_exit(run_overflow, NULL, 2, "stack overflow in goroutine ");
}

/* gamp_run's thread is held in user code while main ends on another: with one P, main yields to a
 * hog on its own thread; preemption leaves the hog there and main goes on elsewhere. */
static _Atomic int on_m0, missed;
static pthread_t m0_thread;

static void hold_m0(void)
{
    if (!pthread_equal(pthread_self(), m0_thread)) {
        missed++;
        return;
    }
    on_m0 = 1;
    while (on_m0)
        ;
}

static void at_exit(void)
{
    fputs("handlers ran\n", stderr);
}

static int main_elsewhere(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    atexit(at_exit);
    while (!on_m0) {
        int before = missed;

        gamp_go(hold_m0);
        while (!on_m0 && missed == before)
            gamp_gosched();
        /* Blocked here, the P goes to a thread that has none: m0 in its turn. */
        if (!on_m0)
            usleep(20000);
    }
    return 6;
}

static void run_elsewhere(void *arg)
{
    (void)arg;
    setenv("GAMPMAXPROCS", "1", 1);
    m0_thread = pthread_self();
    gamp_run(main_elsewhere, 0, NULL);
}

TEST(m0_held_exits_with_the_result)
{
    expect_exit(run_elsewhere, NULL, 6, "handlers ran");
}

static int again(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    CHECK_EQ(gamp_run(again, 0, NULL), -EALREADY);
    CHECK_EQ(gamp_start(NULL), -EALREADY);
    return 3;
}

TEST(once_per_process)
{
    CHECK_EQ(gamp_run(again, 0, NULL), 3);
    CHECK_EQ(gamp_run(again, 0, NULL), -EALREADY);
    CHECK_EQ(gamp_go(nothing), -EPERM);
}
