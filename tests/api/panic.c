/* SPDX-License-Identifier: BSD-3-Clause */
/* panic: deferred calls, gamp_panic, gamp_protect and gamp_goexit, alone and inside each other. */
#include "harness/test.h"
#include <errno.h>
#include <gamp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char trace[256];

static void note(const char *s)
{
    strcat(trace, s);
}

static void three(void)
{
    gamp_defer(note, "1");
    gamp_defer(note, "2");
    {
        gamp_defer(note, "3");
        note("b");
    }
    note("e");
}

static int by_return(int n)
{
    for (int i = 0; i < n; i++) {
        gamp_defer(note, "d");
        if (i == 1)
            continue;
        if (i == 2)
            return i;
        note("l");
    }
    return -1;
}

static void check_order(void)
{
    trace[0] = 0;
    three();
    CHECK_STR(trace, "b3e21");
    trace[0] = 0;
    CHECK_EQ(by_return(5), 2);
    CHECK_STR(trace, "lddd");
}

TEST(defer_order_on_a_thread)
{
    check_order();
}

TEST_GO(defer_order)
{
    check_order();
}

static void panics(void *arg)
{
    gamp_defer(note, "x");
    three();
    if (arg)
        gamp_panic("bad %d %s", 7, (const char *)arg);
    note("!");
}

static void check_protect(uint64_t goid)
{
    gamp_panic_info info = {"before", 99};

    trace[0] = 0;
    CHECK_EQ(gamp_protect(panics, NULL, &info), 0);
    CHECK_STR(info.message, "before");
    CHECK_EQ(info.goid, 99);
    CHECK_STR(trace, "b3e21!x");
    trace[0] = 0;
    CHECK_EQ(gamp_protect(panics, "luck", &info), -EFAULT);
    CHECK_STR(info.message, "bad 7 luck");
    CHECK_EQ(info.goid, goid);
    CHECK_STR(trace, "b3e21x");
    CHECK_EQ(gamp_protect(panics, "luck", NULL), -EFAULT);
}

TEST(protect_on_a_thread)
{
    check_protect(0);
}

TEST_GO(protect)
{
    check_protect(1);
}

static void long_message(void *arg)
{
    (void)arg;
    gamp_panic("%0400d", 5);
}

TEST_GO(message_is_cut)
{
    gamp_panic_info info;

    CHECK_EQ(gamp_protect(long_message, NULL, &info), -EFAULT);
    CHECK_EQ(strlen(info.message), sizeof info.message - 1);
}

/* A panic in a deferred call takes the first one's place. */
static void panic_again(const char *s)
{
    note(s);
    gamp_panic("second");
}

static void nested(void *arg)
{
    (void)arg;
    gamp_defer(note, "o");
    gamp_defer(panic_again, "p");
    gamp_panic("first");
}

TEST_GO(panic_in_deferred)
{
    gamp_panic_info info;

    trace[0] = 0;
    CHECK_EQ(gamp_protect(nested, NULL, &info), -EFAULT);
    CHECK_STR(info.message, "second");
    CHECK_STR(trace, "po");
}

/* One inside a deferred call's own protect is stopped there; the outer one goes on. */
static void stops_own(const char *s)
{
    gamp_panic_info info;

    note(s);
    CHECK_EQ(gamp_protect(panics, "in", &info), -EFAULT);
    CHECK_STR(info.message, "bad 7 in");
}

static void outer(void *arg)
{
    (void)arg;
    gamp_defer(stops_own, "s");
    gamp_panic("outer");
}

TEST_GO(protect_in_deferred)
{
    gamp_panic_info info;

    CHECK_EQ(gamp_protect(outer, NULL, &info), -EFAULT);
    CHECK_STR(info.message, "outer");
}

static void inner_protect(void *arg)
{
    gamp_panic_info info;

    (void)arg;
    gamp_defer(note, "i");
    CHECK_EQ(gamp_protect(panics, "a", &info), -EFAULT);
    CHECK_STR(info.message, "bad 7 a");
    gamp_panic("b");
}

TEST_GO(protects_nest)
{
    gamp_panic_info info;

    trace[0] = 0;
    CHECK_EQ(gamp_protect(inner_protect, NULL, &info), -EFAULT);
    CHECK_STR(info.message, "b");
    CHECK_STR(trace, "b3e21xi");
}

static gamp_waitgroup wg;
static _Atomic int steps;

static void step(void *arg)
{
    (void)arg;
    steps++;
}

static void exits(void *arg)
{
    gamp_defer(step, arg);
    gamp_goexit();
}

static void goexit_through_protect(void)
{
    gamp_defer(step, NULL);
    gamp_protect(exits, NULL, NULL);
    steps = -100;
}

TEST_GO(goexit_runs_deferred_and_is_not_stopped)
{
    CHECK_EQ(gamp_waitgroup_go(&wg, goexit_through_protect), 0);
    gamp_waitgroup_wait(&wg);
    CHECK_EQ(steps, 2);
}

/* A panic in a deferred call of a goexit, stopped by a protect: the goexit goes on. */
static void panics_late(void *arg)
{
    (void)arg;
    steps++;
    gamp_panic("late");
}

static void exits_panicking(void *arg)
{
    gamp_defer(panics_late, arg);
    gamp_goexit();
}

static void goexit_with_panic(void)
{
    gamp_defer(step, NULL);
    gamp_protect(exits_panicking, NULL, NULL);
    steps = -100;
}

TEST_GO(goexit_goes_on_after_a_stopped_panic)
{
    steps = 0;
    CHECK_EQ(gamp_waitgroup_go(&wg, goexit_with_panic), 0);
    gamp_waitgroup_wait(&wg);
    CHECK_EQ(steps, 2);
}

/* gamp_goexit in a deferred call ends a panic. */
static void exit_in_deferred(void *arg)
{
    steps++;
    (void)arg;
    gamp_goexit();
}

static void panic_then_exit(void)
{
    gamp_defer(step, NULL);
    gamp_defer(exit_in_deferred, NULL);
    gamp_panic("never seen");
}

TEST_GO(goexit_in_deferred_ends_the_panic)
{
    steps = 0;
    CHECK_EQ(gamp_waitgroup_go(&wg, panic_then_exit), 0);
    gamp_waitgroup_wait(&wg);
    CHECK_EQ(steps, 2);
}

/* Deferred calls may block, also while a panic is on its way. */
static void blocks(gamp_chan *c)
{
    int v = 3;

    gamp_sleep(GAMP_MILLISECOND);
    gamp_chan_send(c, &v);
    gamp_gosched();
    steps++;
}

static void panics_blocking(void *arg)
{
    gamp_defer(blocks, (gamp_chan *)arg);
    gamp_panic("slow");
}

static void receiver(gamp_chan *c)
{
    int v;

    CHECK(gamp_chan_recv(c, &v));
    CHECK_EQ(v, 3);
}

TEST_GO(deferred_calls_may_block)
{
    gamp_chan *c = gamp_chan_of(int, 0);

    steps = 0;
    CHECK_EQ(gamp_waitgroup_go(&wg, receiver, c), 0);
    CHECK_EQ(gamp_protect(panics_blocking, c, NULL), -EFAULT);
    CHECK_EQ(steps, 1);
    gamp_waitgroup_wait(&wg);
    gamp_chan_unref(c);
}

/* --- unrecovered ------------------------------------------------------------------------- */

static void say(const char *s)
{
    fprintf(stderr, "deferred %s\n", s);
}

static int main_panics(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    gamp_defer(say, "one");
    gamp_defer(say, "two");
    gamp_panic("at %d", 42);
}

static void run_main_panics(void *arg)
{
    (void)arg;
    gamp_run(main_panics, 0, NULL);
}

TEST(unrecovered_runs_deferred_and_reports)
{
    test_child c;

    test_run_child(run_main_panics, NULL, &c);
    CHECK_EQ(c.status, 2);
    CHECK_CONTAINS(c.err, "deferred two\ndeferred one\npanic: at 42\n\ngoroutine 1 [running]:\n");
    CHECK_CONTAINS(c.err, "main_panics(...)\n");
    CHECK_CONTAINS(c.err, "panic.c:");
}

static int main_nested(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    nested(NULL);
    return 0;
}

static void run_main_nested(void *arg)
{
    (void)arg;
    gamp_run(main_nested, 0, NULL);
}

TEST(nested_are_printed_as_go_does)
{
    expect_exit(run_main_nested, NULL, 2, "panic: first\n\tpanic: second\n");
}

static void *thread_panics(void *arg)
{
    (void)arg;
    gamp_panic("on a thread");
}

static int main_thread(int argc, char **argv)
{
    pthread_t t;

    (void)argc;
    (void)argv;
    pthread_create(&t, NULL, thread_panics, NULL);
    pthread_join(t, NULL);
    return 0;
}

static void run_main_thread(void *arg)
{
    (void)arg;
    gamp_run(main_thread, 0, NULL);
}

static void plain_panics(void *arg)
{
    (void)arg;
    gamp_panic("without a runtime");
}

TEST(foreign_panics_end_the_process)
{
    expect_exit(run_main_thread, NULL, 2, "panic: on a thread\n");
    expect_exit(plain_panics, NULL, 2, "panic: without a runtime\n");
}

static void goexits(void *arg)
{
    (void)arg;
    gamp_goexit();
}

TEST(goexit_on_a_thread_panics)
{
    CHECK_EQ(gamp_protect(goexits, NULL, NULL), -EFAULT);
}

static void created(int n)
{
    (void)n;
    gamp_panic("in a goroutine");
}

static int main_created(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    gamp_go_with(GAMP_OPTIONS(.name = "worker"), created, 1);
    gamp_sleep(10 * GAMP_SECOND);
    return 0;
}

static void run_main_created(void *arg)
{
    (void)arg;
    gamp_run(main_created, 0, NULL);
}

TEST(report_names_goroutine_and_creator)
{
    test_child c;

    test_run_child(run_main_created, NULL, &c);
    CHECK_EQ(c.status, 2);
    CHECK_CONTAINS(c.err, "panic: in a goroutine\n\ngoroutine ");
    CHECK_CONTAINS(c.err, " [running] {name: worker}:\n");
    CHECK_CONTAINS(c.err, "created by main_created");
}

TEST_GO(errno_is_kept)
{
    gamp_chan *c = gamp_chan_of(int, 1);
    int v = 1;

    errno = 77;
    gamp_gosched();
    CHECK_EQ(errno, 77);
    gamp_chan_send(c, &v);
    CHECK_EQ(gamp_chan_try_send(c, &v), -EAGAIN);
    gamp_sleep(GAMP_MILLISECOND);
    CHECK_EQ(gamp_chan_recv_until(c, &v, gamp_now()), 0);
    CHECK_EQ(gamp_chan_recv_until(c, &v, gamp_now() + GAMP_MILLISECOND), -ETIMEDOUT);
    CHECK_EQ(errno, 77);
    gamp_chan_unref(c);
    CHECK_EQ(gamp_gomaxprocs(3) > 0, true);
    CHECK_EQ(gamp_open("/nonexistent", 0, 0), -ENOENT);
    CHECK_EQ(errno, 77);
}
