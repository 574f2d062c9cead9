/* SPDX-License-Identifier: BSD-3-Clause */
/* panic_chain: what is printed, and what goes on, when panics, deferred calls, gamp_protect and
 * gamp_goexit meet each other: Go's TestRecursivePanic, TestGoexitInPanic, TestPanicAfterGoexit
 * and their like. */
#include "harness/test.h"
#include <gamp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The sanitizers report faults themselves, and count threads of their own; nobody is stopped by
 * signal under one of them. */
static void say(const char *s)
{
    fprintf(stderr, "%s\n", s);
}

static void panic_with(const char *s)
{
    gamp_panic("%s", s);
}

static void stop(void (*fn)(void *), const char *arg)
{
    gamp_panic_info info;

    CHECK_EQ(gamp_protect(fn, (void *)arg, &info), -EFAULT);
    say(info.message);
}

static void third_after_second(void *arg)
{
    (void)arg;
    gamp_defer(panic_with, "third");
    gamp_panic("second");
}

static void three_deep(void)
{
    gamp_defer(third_after_second, NULL);
    gamp_panic("first");
}

static void in_goexit(void)
{
    gamp_defer(panic_with, "hello");
    gamp_goexit();
}

static void goexit_anew(void *arg)
{
    (void)arg;
    gamp_defer(panic_with, "hello");
    gamp_goexit();
}

static void goexit_between(void)
{
    gamp_defer(goexit_anew, NULL);
    gamp_panic("first");
}

static void wrap(void *arg)
{
    (void)arg;
    gamp_panic("wrap: bad");
}

static void bad(void *arg)
{
    gamp_defer(wrap, arg);
    gamp_panic("bad");
}

static void after_stopped(void)
{
    stop(bad, NULL);
    gamp_panic("again");
}

static void stop_bad(void *arg)
{
    stop(bad, arg);
}

static void stopped_in_deferred(void)
{
    gamp_defer(stop_bad, NULL);
    gamp_panic("outer");
}

static void yield_and_say(void *arg)
{
    gamp_chan *c = arg;

    gamp_gosched();
    gamp_sleep(GAMP_MILLISECOND);
    CHECK_EQ(gamp_chan_recv_until(c, NULL, gamp_now() + GAMP_MILLISECOND), -ETIMEDOUT);
    say("waited");
}

static void spin_beside(void)
{
    for (;;)
        ;
}

/* Go's TestPanicDeadlockSyscall: a deferred call that is long in the kernel, and long in a loop. */
static void block_and_say(const char *s)
{
    gamp_time end = gamp_now() + 30 * GAMP_MILLISECOND;

    usleep(30000);
    while (gamp_now() < end + 30 * GAMP_MILLISECOND)
        ;
    say(s);
}

static void blocks_and_panics(void)
{
    gamp_go(spin_beside);
    gamp_defer(block_and_say, "1");
    gamp_defer(block_and_say, "2");
    gamp_panic("3");
}

static void waits_in_deferred(void)
{
    gamp_chan *c = gamp_chan_of(int, 0);

    gamp_defer(yield_and_say, c);
    gamp_panic("errorThatGosched");
}

static void say_goexit(void *arg)
{
    (void)arg;
    gamp_defer(say, "deferred of the deferred");
    gamp_goexit();
}

static void goexit_ends_panic(void)
{
    gamp_defer(say, "last");
    gamp_defer(say_goexit, NULL);
    gamp_panic("never shown");
}

static void of_timer(void)
{
    gamp_timer *t = gamp_after_func(GAMP_MICROSECOND, (void (*)(void *))panic_with, "of a timer");

    CHECK(t != NULL);
    gamp_select();
}

static void blank(void)
{
    gamp_panic("%s", "");
}

static void formats(void)
{
    gamp_panic("%ld %5.2f %.*s %c%%", -5L, 2.5, 3, "abcdef", 'x');
}

static int run_main(int argc, char **argv)
{
    (void)argc;
    ((void (*)(void))(void *)argv)();
    return 0;
}

static void run(void *fn)
{
    gamp_run(run_main, 0, fn);
}

/* stderr begins so: all before the stack. */
static void prints(void (*fn)(void), const char *text)
{
    test_child c;

    test_run_child(run, (void *)fn, &c);
    CHECK_EQ(c.status, 2);
    CHECK_MSG(strncmp(c.err, text, strlen(text)) == 0, "printed:\n%.400s\nand not:\n%s", c.err,
              text);
}

TEST(each_stands_after_one_tab)
{
    prints(three_deep, "panic: first\n\tpanic: second\n\tpanic: third\n\ngoroutine 1 [running]:\n");
}

TEST(goexit_is_not_shown)
{
    prints(in_goexit, "panic: hello\n\ngoroutine 1 [running]:\n");
    prints(goexit_between, "panic: first\n\tpanic: hello\n\ngoroutine 1 [running]:\n");
}

TEST(stopped_ones_are_not_shown)
{
    prints(after_stopped, "wrap: bad\npanic: again\n\ngoroutine 1 [running]:\n");
    prints(stopped_in_deferred, "wrap: bad\npanic: outer\n\ngoroutine 1 [running]:\n");
}

TEST(deferred_calls_wait_before_the_report)
{
    prints(waits_in_deferred, "waited\npanic: errorThatGosched\n\ngoroutine 1 [running]:\n");
}

TEST(deferred_calls_block_before_the_report)
{
    if (TEST_SANITIZED)
        test_skip("the loop beside it may not be stopped");
    prints(blocks_and_panics, "2\n1\npanic: 3\n\ngoroutine 1 [running]:\n");
}

TEST(in_a_timers_function)
{
    prints(of_timer, "panic: of a timer\n\ngoroutine ");
}

TEST(messages_are_those_of_printf)
{
    prints(blank, "panic: \n\ngoroutine 1 [running]:\n");
    prints(formats, "panic: -5  2.50 abc x%\n\ngoroutine 1 [running]:\n");
}

TEST(goexit_in_deferred_of_main)
{
    if (TEST_SANITIZED)
        test_skip("a sanitizer's own thread may count as the program's");
    prints(goexit_ends_panic, "deferred of the deferred\nlast\nfatal error: no goroutines (main "
                              "called runtime.Goexit) - deadlock!\n");
}

static void block(void *arg)
{
    (void)arg;
    gamp_select();
}

static void blocks_in_deferred(void)
{
    gamp_defer(block, NULL);
    gamp_panic("cannot be shown yet");
}

TEST(a_deferred_call_that_blocks_for_ever_is_a_deadlock)
{
    if (TEST_SANITIZED)
        test_skip("a sanitizer's own thread may count as the program's");
    prints(blocks_in_deferred, "fatal error: all goroutines are asleep - deadlock!\n\n"
                               "goroutine 1 [select (no cases)]:\n");
}

static void fault(void *arg)
{
    *(volatile int *)arg = 1;
}

static void faults_in_deferred(void)
{
    gamp_defer(fault, (void *)8);
    gamp_panic("the cause");
}

static void fault_protected(void)
{
    gamp_protect(fault, (void *)16, NULL);
    say("went on");
}

TEST(a_fault_in_a_deferred_call_keeps_the_cause)
{
    if (TEST_SANITIZED)
        test_skip("the sanitizer reports faults itself");
    prints(faults_in_deferred,
           "panic: the cause\n\tpanic: runtime error: invalid memory address or nil pointer "
           "dereference\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x8 pc=0x");
    prints(fault_protected,
           "panic: runtime error: invalid memory address or nil pointer dereference\n"
           "[signal SIGSEGV: segmentation violation code=0x1 addr=0x10 pc=0x");
}

/* Panics that another replaced are over when it is stopped: the end of main waits for none. */
static int replaced(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    for (int i = 0; i < 100; i++)
        CHECK_EQ(gamp_protect(bad, NULL, NULL), -EFAULT);
    return 7;
}

static void end_in_time(void *arg)
{
    gamp_time begin = gamp_now();
    int64_t *took = arg;

    CHECK_EQ(gamp_run(replaced, 0, NULL), 7);
    *took = gamp_now() - begin;
    exit(*took < GAMP_SECOND ? 0 : 9);
}

/* Main's end waits a second for panics on their way. A busy machine may be that slow too, but not
 * five times in a row. */
TEST(main_does_not_wait_for_stopped_panics)
{
    int64_t took;
    test_child c;

    for (int i = 0; i < 5; i++) {
        test_run_child(end_in_time, &took, &c);
        if (c.status == 0)
            return;
        CHECK_EQ(c.status, 9);
    }
    CHECK(!"in time");
}

/* Many panic at once: one reports, and the process ends. */
static void panic_numbered(int i)
{
    gamp_panic("number %d", i);
}

static void many_at_once(void)
{
    for (int i = 0; i < 50; i++)
        gamp_go(panic_numbered, i);
    gamp_select();
}

TEST(many_at_once_end_the_process_once)
{
    test_child c;
    const char *first;

    test_run_child(run, (void *)many_at_once, &c);
    CHECK_EQ(c.status, 2);
    CHECK(strncmp(c.err, "panic: number ", 14) == 0);
    first = strstr(c.err, "panic: number ");
    CHECK(strstr(first + 1, "panic: number ") == NULL);
}

/* A goroutine inside nested protects: each stops what comes from inside it, and the deferred calls
 * of just the frames that are left have run by then. */
static char trace[64];

static void note(const char *s)
{
    strcat(trace, s);
}

static void innermost(void *arg)
{
    gamp_defer(note, "c");
    if (arg)
        gamp_panic("x");
}

static void middle(void *arg)
{
    gamp_defer(note, "b");
    CHECK_EQ(gamp_protect(innermost, arg, NULL), arg ? -EFAULT : 0);
    note("2");
    gamp_panic("y");
}

static void outermost(void *arg)
{
    gamp_defer(note, "a");
    CHECK_EQ(gamp_protect(middle, arg, NULL), -EFAULT);
    note("1");
}

static void check_nesting(void)
{
    trace[0] = 0;
    CHECK_EQ(gamp_protect(outermost, trace, NULL), 0);
    CHECK_STR(trace, "c2b1a");
    trace[0] = 0;
    CHECK_EQ(gamp_protect(outermost, NULL, NULL), 0);
    CHECK_STR(trace, "c2b1a");
}

static void *nesting_thread(void *arg)
{
    check_nesting();
    return arg;
}

TEST_GO(protects_leave_just_their_frames)
{
    pthread_t t;

    for (int i = 0; i < 1000; i++)
        check_nesting();
    CHECK_EQ(pthread_create(&t, NULL, nesting_thread, NULL), 0);
    pthread_join(t, NULL);
}

TEST(protects_leave_just_their_frames_without_a_runtime)
{
    check_nesting();
}

/* The message is told in full up to 255 bytes, and always ends. */
static void panic_of_length(void *n)
{
    gamp_panic("%0*d", *(int *)n, 0);
}

TEST_GO(messages_at_the_edge)
{
    for (int n = 250; n < 262; n++) {
        gamp_panic_info info;

        memset(&info, 'z', sizeof info);
        CHECK_EQ(gamp_protect(panic_of_length, &n, &info), -EFAULT);
        CHECK_EQ(strlen(info.message), n < 255 ? n : 255);
        CHECK_EQ(info.goid, 1);
    }
}

/* Deferred calls that leave by gamp_goexit or a panic when their block is left as usual;
 * gamp_goexit within gamp_goexit; protects made by deferred calls on the way. */
static void note_and_goexit(const char *s)
{
    note(s);
    gamp_goexit();
}

static void note_and_panic(const char *s)
{
    note(s);
    gamp_panic("by %s", s);
}

static void protect_one(const char *s)
{
    gamp_panic_info info;

    CHECK_EQ(gamp_protect((void (*)(void *))note_and_panic, (void *)s, &info), -EFAULT);
    CHECK(info.message[3] == *s);
    note("k");
}

/* A second gamp_goexit, begun inside the protect, goes on from there. */
static void goexit_and_panic(void *arg)
{
    gamp_defer(note_and_panic, (const char *)arg);
    gamp_goexit();
}

static void goexit_in_protect(const char *s)
{
    gamp_protect(goexit_and_panic, (void *)s, NULL);
    note("!");
}

static void goexits_on_the_way(void)
{
    gamp_defer(note, "a");
    gamp_defer(goexit_in_protect, "g");
    gamp_defer(note_and_goexit, "b");
    gamp_defer(protect_one, "c");
    gamp_defer(note_and_goexit, "d");
    {
        gamp_defer(note_and_goexit, "e");
        note("f");
    }
    note("!");
}

static void panics_on_the_way(void *arg)
{
    (void)arg;
    gamp_defer(note, "a");
    gamp_defer(protect_one, "b");
    {
        gamp_defer(note_and_panic, "c");
        note("d");
    }
    note("!");
}

TEST_GO(deferred_calls_leave_their_own_way)
{
    gamp_panic_info info;
    gamp_waitgroup wg = {0};

    for (int i = 0; i < 100; i++) {
        trace[0] = 0;
        CHECK_EQ(gamp_waitgroup_go(&wg, goexits_on_the_way), 0);
        gamp_waitgroup_wait(&wg);
        CHECK_STR(trace, "fedckbga");
        trace[0] = 0;
        CHECK_EQ(gamp_protect(panics_on_the_way, NULL, &info), -EFAULT);
        CHECK_STR(info.message, "by c");
        CHECK_STR(trace, "dcbka");
    }
}
