/* SPDX-License-Identifier: BSD-3-Clause */
/* damaged_report: a report that faults itself is begun again with less, and ends in time. */
#include "base/throw.h"
#include "diag/modules.h"
#include "harness/test.h"
#include "sched/entry.h"
#include <gamp.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IN_SANITIZER true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IN_SANITIZER true
#endif
#endif
#ifndef IN_SANITIZER
#define IN_SANITIZER false
#endif

static bool damage_lines, damage_names;

static noinline void panics(void)
{
    struct module *m = module_find((uintptr_t)panics);

    if (damage_lines)
        m->lines = (void *)8;
    if (damage_names)
        m->syms = (void *)8;
    gamp_panic("to be reported");
}

static int main_panics(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    panics();
    return 0;
}

static void run(void *arg)
{
    (void)arg;
    exit(gamp_run(main_panics, 0, NULL));
}

static test_child child;

static const char *report(void)
{
    if (IN_SANITIZER)
        test_skip("the sanitizer takes the fault");
    test_run_child(run, NULL, &child);
    CHECK_EQ(child.status, 2);
    CHECK(strncmp(child.err, "panic: to be reported\n", 22) == 0);
    return child.err;
}

#define AGAIN "[the report faulted; again, with less]\n"

TEST(without_lines)
{
    const char *err, *again;

#ifndef HAVE_LIBBACKTRACE
    test_skip("no libbacktrace");
#endif
    damage_lines = true;
    err = report();
    again = strstr(err, AGAIN);
    CHECK_MSG(again != NULL, "%s", err);
    CHECK_CONTAINS(again, "goroutine 1 [running]:\n");
    CHECK_CONTAINS(again, "\npanics(...)\n\t/");
    CHECK(!strstr(again, "damaged_report.c:"));
    CHECK(!strstr(again + 1, AGAIN));
}

TEST(without_names)
{
    const char *err, *again;
    int n = 0;

    damage_lines = damage_names = true;
    err = report();
    for (again = err; (again = strstr(again, AGAIN)); again++)
        n++;
    CHECK(n >= 1 && n <= 2);
    CHECK(!strstr(err, "panics(...)"));
    CHECK_CONTAINS(err, "\n?(...)\n\t/");
}

static noinline void throws(void)
{
    gamp_enter();
    throw("number %d", 5);
}

static int main_throws(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    throws();
    return 0;
}

static void run_throw(void *arg)
{
    (void)arg;
    exit(gamp_run(main_throws, 0, NULL));
}

/* A throw shows all, and the runtime's own frames. */
TEST(throw_in_the_runtime)
{
    test_run_child(run_throw, NULL, &child);
    CHECK_EQ(child.status, 2);
    CHECK(strncmp(child.err, "fatal error: number 5\n\ngoroutine 1 [running]:\n", 45) == 0);
    CHECK_CONTAINS(child.err, "\nthrow(...)\n");
    CHECK_CONTAINS(child.err, "\nthrows(...)\n");
    CHECK_CONTAINS(child.err, "\ngostart(...)\n");
}
