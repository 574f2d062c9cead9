// SPDX-License-Identifier: BSD-3-Clause
// panic_cxx: C++ exceptions and gamp's panics, deferred calls and protects pass through each other,
// and one that nobody catches is named wherever it comes from.
#include "harness/test.h"
#include <cstring>
#include <gamp.h>
#include <gamp/gamp.hpp>
#include <stdexcept>
#include <string>

namespace app
{
template <class T>
struct oops {
    T v;
};
struct failure : std::runtime_error {
    using runtime_error::runtime_error;
};
} // namespace app

static char trace[64];

static void note(const char *s)
{
    strcat(trace, s);
}

static void throw_failure(void *)
{
    gamp_defer(note, "t");
    throw app::failure("thrown");
}

static void panic_now(void *)
{
    gamp_defer(note, "p");
    gamp_panic("panicked");
}

/* ---- an exception leaves a protect: it stops panics no more ---- */

static void throw_through(void *)
{
    try {
        gamp_protect(throw_failure, nullptr, nullptr);
        CHECK(!"it came back");
    } catch (const app::failure &e) {
        CHECK_STR(e.what(), "thrown");
    }
    note("c");
    gamp_panic("afterwards");
}

static void check_through()
{
    gamp_panic_info info;

    for (int i = 0; i < 3; i++) {
        trace[0] = 0;
        CHECK_EQ(gamp_protect(throw_through, nullptr, &info), -EFAULT);
        CHECK_STR(info.message, "afterwards");
        CHECK_STR(trace, "tc");
    }
    try {
        gamp_protect([](void *) { gamp_protect(throw_failure, nullptr, nullptr); }, nullptr,
                     nullptr);
        CHECK(!"it came back");
    } catch (const app::failure &) {
    }
    CHECK_EQ(gamp_protect(panic_now, nullptr, &info), -EFAULT);
    CHECK_STR(info.message, "panicked");
}

TEST_GO(exceptions_leave_protects)
{
    check_through();
}

TEST(exceptions_leave_protects_without_a_runtime)
{
    check_through();
}

/* ---- a panic inside a catch block ---- */

static void panic_in_catch(void *)
{
    try {
        throw_failure(nullptr);
    } catch (...) {
        gamp_panic("caught it");
    }
}

TEST_GO(panics_leave_catch_blocks)
{
    gamp_panic_info info;

    for (int i = 0; i < 100; i++) {
        CHECK_EQ(gamp_protect(panic_in_catch, nullptr, &info), -EFAULT);
        CHECK_STR(info.message, "caught it");
        CHECK(!std::current_exception());
        CHECK_EQ(std::uncaught_exceptions(), 0);
        trace[0] = 0;
    }
}

/* ---- a deferred call throws while a panic or goexit runs it: the exception takes its place
 * ---- */

static void throw_instead(const char *)
{
    throw app::failure("instead");
}

static void panic_and_throw()
{
    gamp_defer(note, "o");
    try {
        gamp_defer(throw_instead, "");
        gamp_panic("replaced");
    } catch (const app::failure &) {
        note("c");
    }
}

static void goexit_and_throw()
{
    gamp_defer(note, "o");
    try {
        gamp_defer(throw_instead, "");
        gamp_goexit();
    } catch (const app::failure &) {
        note("c");
    }
    note("e");
}

TEST_GO(an_exception_takes_a_panics_place)
{
    gamp_waitgroup wg = {};
    gamp_panic_info info;

    panic_and_throw();
    CHECK_STR(trace, "co");
    /* The protect around it has nothing to stop any more, and the next panic is one alone. */
    CHECK_EQ(gamp_protect([](void *) { panic_and_throw(); }, nullptr, &info), 0);
    CHECK_EQ(gamp_protect(panic_now, nullptr, &info), -EFAULT);
    CHECK_STR(info.message, "panicked");
    trace[0] = 0;
    CHECK_EQ(gamp_waitgroup_go(&wg, goexit_and_throw), 0);
    gamp_waitgroup_wait(&wg);
    CHECK_STR(trace, "ceo");
}

/* ---- once, and the map's range ---- */

TEST_GO(exceptions_pass_once_and_range)
{
    gamp_once once = {};
    gamp_map *m = gamp_map_new();
    int caught = 0;

    for (int i = 0; i < 2; i++)
        try {
            gamp_once_do(&once, throw_failure, nullptr);
        } catch (const app::failure &) {
            caught++;
        }
    CHECK_EQ(caught, 1); /* it counts as done */
    CHECK_EQ(gamp_map_store(m, GAMP_BYTES("key"), nullptr), 0);
    try {
        gamp_map_range(
            m, [](gamp_bytes, void *, void *) -> bool { throw 7; }, nullptr);
        CHECK(!"it came back");
    } catch (int i) {
        CHECK_EQ(i, 7);
    }
    CHECK(gamp_map_delete(m, GAMP_BYTES("key")));
    gamp_map_free(m);
}

/* ---- nobody catches it: its type is told ---- */

static int throw_in_group(gamp_context *, void *)
{
    throw app::oops<int>{3};
}

static int throw_in_main(int, char **)
{
    throw 5;
}

static int throw_in_timer(int, char **)
{
    gamp_after_func(0, throw_failure, nullptr);
    return gamp_selectv(nullptr, 0);
}

static int throw_in_member(int, char **)
{
    gamp_group g;

    CHECK_EQ(gamp_group_init(&g, nullptr), 0);
    CHECK_EQ(gamp_group_go(&g, throw_in_group, nullptr), 0);
    return gamp_group_wait(&g);
}

static int throw_in_waitgroup(int, char **)
{
    gamp_waitgroup wg = {};

    CHECK_EQ(gamp_waitgroup_go(&wg, throw_failure, nullptr), 0);
    gamp_waitgroup_wait(&wg);
    return 0;
}

static int throw_in_deferred(int, char **)
{
    gamp_defer(throw_instead, "");
    return 0;
}

static void run(void *fn)
{
    gamp_run(reinterpret_cast<int (*)(int, char **)>(fn), 0, nullptr);
}

static void dies(int (*fn)(int, char **), const char *type)
{
    std::string text =
        std::string("panic: uncaught C++ exception of type ") + type + "\n\ngoroutine ";
    test_child c;

    test_run_child(run, reinterpret_cast<void *>(fn), &c);
    CHECK_EQ(c.status, 2);
    CHECK_CONTAINS(c.err, text.c_str());
}

TEST(uncaught_ones_are_named)
{
    dies(throw_in_main, "int");
    dies(throw_in_timer, "app::failure");
    dies(throw_in_member, "app::oops<int>");
    dies(throw_in_waitgroup, "app::failure");
    dies(throw_in_deferred, "app::failure");
}

/* An uncaught exception is an unrecovered panic: deferred calls run, and protect stops it. */
static int uncaught_in_nested(int, char **)
{
    gamp_defer([](const char *s) { fprintf(stderr, "%s\n", s); }, "deferred");
    throw app::failure("x");
}

TEST(uncaught_ones_run_deferred_calls)
{
    test_child c;

    test_run_child(run, reinterpret_cast<void *>(uncaught_in_nested), &c);
    CHECK_EQ(c.status, 2);
    CHECK_CONTAINS(c.err, "deferred\npanic: uncaught C++ exception of type app::failure\n");
}

/* ---- the creator is the program's own, not what the headers inline there ---- */

extern "C" {
__attribute__((noinline)) int created_by_macro(int, char **)
{
    CHECK_EQ(gamp_go(throw_failure, nullptr), 0);
    return gamp_selectv(nullptr, 0);
}

__attribute__((noinline)) int created_by_template(int, char **)
{
    CHECK_EQ(gamp::go([] { throw_failure(nullptr); }), 0);
    return gamp_selectv(nullptr, 0);
}

__attribute__((noinline)) int created_by_group(int, char **)
{
    gamp_waitgroup wg = {};

    CHECK_EQ(gamp_waitgroup_go(&wg, throw_failure, nullptr), 0);
    return gamp_selectv(nullptr, 0);
}
}

static void names_creator(int (*fn)(int, char **), const char *name)
{
    std::string text = std::string("\ncreated by ") + name + "\n";
    test_child c;

    test_run_child(run, reinterpret_cast<void *>(fn), &c);
    CHECK_EQ(c.status, 2);
    CHECK_CONTAINS(c.err, text.c_str());
}

TEST(creators_are_named)
{
    names_creator(created_by_macro, "created_by_macro");
    names_creator(created_by_template, "created_by_template");
    names_creator(created_by_group, "created_by_group");
}
