/* SPDX-License-Identifier: BSD-3-Clause */
/* C++ exceptions in goroutines: thrown and caught under preemption, kept over parks inside catch
 * blocks, and those that nobody catches. */
#include "harness/test.h"
#include <exception>
#include <gamp.h>
#include <pthread.h>
#include <stdexcept>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <string>
#include <unistd.h>

static gamp_waitgroup wg;
static bool over; /* atomic */
static long rounds[4];

static int thrower(int depth, int v)
{
    std::string on_the_stack(100, 'a');

    if (depth == 0)
        throw std::runtime_error(std::to_string(v));
    return thrower(depth - 1, v) + (int)on_the_stack.size();
}

static void throwing_hog(int i)
{
    for (int v = 0; !__atomic_load_n(&over, __ATOMIC_ACQUIRE); v++) {
        try {
            thrower(5, v);
            CHECK(false);
        } catch (const std::runtime_error &e) {
            CHECK_STR(e.what(), std::to_string(v).c_str());
            try {
                thrower(1, -v);
                CHECK(false);
            } catch (...) {
                CHECK_EQ(std::uncaught_exceptions(), 0);
            }
            CHECK_STR(e.what(), std::to_string(v).c_str());
        }
        __atomic_fetch_add(&rounds[i], 1, __ATOMIC_RELAXED);
    }
    gamp_waitgroup_done(&wg);
}

TEST_GO_WITHIN(throw_and_catch_in_hogs, 60)
{
    gamp_waitgroup_add(&wg, 4);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(gamp_go(throwing_hog, i), 0);
    for (int i = 0; i < 4; i++)
        while (__atomic_load_n(&rounds[i], __ATOMIC_RELAXED) < 2000)
            gamp_sleep(GAMP_MILLISECOND);
    __atomic_store_n(&over, true, __ATOMIC_RELEASE);
    gamp_waitgroup_wait(&wg);
}

/* Each parks inside its handlers while others throw. */
static void parks_in_catch(int i)
{
    for (int k = 0; k < 50; k++) {
        try {
            throw i;
        } catch (int v) {
            gamp_gosched();
            try {
                throw std::to_string(i * 1000 + k);
            } catch (const std::string &s) {
                gamp_sleep(10 * GAMP_MICROSECOND);
                CHECK_STR(s.c_str(), std::to_string(i * 1000 + k).c_str());
            }
            CHECK_EQ(v, i);
            try {
                throw;
            } catch (int again) {
                gamp_gosched();
                CHECK_EQ(again, i);
            }
        }
        CHECK(!std::current_exception());
    }
    gamp_waitgroup_done(&wg);
}

TEST_GO_WITHIN(parks_inside_catch_blocks, 60)
{
    gamp_waitgroup_add(&wg, 50);
    for (int i = 0; i < 50; i++)
        CHECK_EQ(gamp_go(parks_in_catch, i), 0);
    gamp_waitgroup_wait(&wg);
}

/* A destructor that parks while its exception is on the way. */
struct parks {
    int i;
    ~parks()
    {
        CHECK_EQ(std::uncaught_exceptions(), 1);
        gamp_sleep(100 * GAMP_MICROSECOND);
        CHECK_EQ(std::uncaught_exceptions(), 1);
    }
};

static void parks_in_destructor(int i)
{
    for (int k = 0; k < 20; k++) {
        try {
            parks p = {i};
            throw i + k;
        } catch (int v) {
            CHECK_EQ(v, i + k);
            CHECK_EQ(std::uncaught_exceptions(), 0);
        }
    }
    gamp_waitgroup_done(&wg);
}

TEST_GO_WITHIN(parks_inside_destructors, 60)
{
    gamp_waitgroup_add(&wg, 50);
    for (int i = 0; i < 50; i++)
        CHECK_EQ(gamp_go(parks_in_destructor, i), 0);
    gamp_waitgroup_wait(&wg);
}

/* --- uncaught --- */

namespace shop
{
struct sold_out {
    int what;
};
} // namespace shop

static void deferred(void *)
{
    fputs("deferred\n", stderr);
}

static void sells(void)
{
    gamp_defer(deferred, (void *)nullptr);
    throw shop::sold_out{1};
}

static int main_uncaught(int, char **)
{
    CHECK_EQ(gamp_go(sells), 0);
    gamp_sleep(10 * GAMP_SECOND);
    return 0;
}

static void run_uncaught(void *)
{
    gamp_run(main_uncaught, 0, NULL);
}

TEST(uncaught_is_a_panic_that_names_the_type)
{
    expect_exit(run_uncaught, NULL, 2, "panic: uncaught C++ exception of type shop::sold_out\n");
    expect_exit(run_uncaught, NULL, 2, "deferred\n");
    expect_exit(run_uncaught, NULL, 2, "\ngoroutine ");
}

static int main_in_main(int, char **)
{
    throw 5;
}

static void run_in_main(void *)
{
    gamp_run(main_in_main, 0, NULL);
}

TEST(uncaught_in_main)
{
    expect_exit(run_in_main, NULL, 2, "panic: uncaught C++ exception of type int\n\ngoroutine 1 [");
}

static void throws(void *arg)
{
    throw std::runtime_error((const char *)arg);
}

static void breaks_a_promise(void *arg) noexcept
{
    throws(arg);
}

TEST_GO(protect_stops_it)
{
    gamp_panic_info info;
    char arg[] = "x";

    for (int i = 0; i < 100; i++) {
        CHECK_EQ(gamp_protect(throws, arg, &info), -EFAULT);
        CHECK_STR(info.message, "uncaught C++ exception of type std::runtime_error");
        CHECK_EQ(gamp_protect(breaks_a_promise, arg, &info), -EFAULT);
        CHECK_STR(info.message, "uncaught C++ exception of type std::runtime_error");
        CHECK(!std::current_exception());
        CHECK_EQ(std::uncaught_exceptions(), 0);
    }
    try {
        throw 1;
    } catch (int v) {
        CHECK_EQ(gamp_protect(throws, arg, NULL), -EFAULT);
        CHECK(std::current_exception() != nullptr);
        CHECK_EQ(v, 1);
    }
}

static void panics(void *)
{
    gamp_panic("after it");
}

/* The catch is outside: the exception leaves gamp_protect, which is then over. */
static int caught_outside(gamp_panic_info *info)
{
    char arg[] = "y";

    try {
        gamp_protect(throws, arg, info);
    } catch (const std::runtime_error &e) {
        CHECK_STR(e.what(), "y");
        return 1;
    }
    return 0;
}

static void protects_again(void *arg)
{
    gamp_panic_info inner;

    CHECK_EQ(caught_outside(&inner), 1);
    CHECK_EQ(gamp_protect(panics, nullptr, &inner), -EFAULT);
    CHECK_STR(inner.message, "after it");
    CHECK_EQ(caught_outside(&inner), 1);
    panics(arg);
}

TEST_GO(exceptions_pass_through_protect)
{
    gamp_panic_info info;

    for (int i = 0; i < 100; i++) {
        CHECK_EQ(gamp_protect(protects_again, nullptr, &info), -EFAULT);
        CHECK_STR(info.message, "after it");
    }
}

static int main_panics_after(int, char **)
{
    gamp_panic_info info;

    CHECK_EQ(caught_outside(&info), 1);
    gamp_panic("nobody stops it");
}

static void run_panics_after(void *)
{
    gamp_run(main_panics_after, 0, nullptr);
}

TEST(a_protect_that_was_thrown_through_stops_nothing)
{
    expect_exit(run_panics_after, nullptr, 2, "panic: nobody stops it\n\ngoroutine 1 [");
}

static void *thread_throws(void *)
{
    throw 3;
}

static void own_handler(void)
{
    fputs("the program's own handler\n", stderr);
    _exit(7);
}

static int main_foreign(int, char **)
{
    pthread_t t;

    pthread_create(&t, NULL, thread_throws, NULL);
    pthread_join(t, NULL);
    return 0;
}

static void run_foreign(void *)
{
    std::set_terminate(own_handler);
    gamp_run(main_foreign, 0, NULL);
}

TEST(a_foreign_thread_has_the_programs_handler)
{
    expect_exit(run_foreign, NULL, 7, "the program's own handler\n");
}

static int main_later(int, char **)
{
    std::set_terminate(own_handler);
    throw 4;
}

static void run_later(void *)
{
    gamp_run(main_later, 0, NULL);
}

TEST(a_handler_set_later_is_the_programs_choice)
{
    expect_exit(run_later, NULL, 7, "the program's own handler\n");
}
