/* SPDX-License-Identifier: BSD-3-Clause */
/* A system without memory or threads for the runtime: an error is returned, and what needs no
 * runtime still works. */
#define _GNU_SOURCE
#include "harness/test.h"
#include <errno.h>
#include <gamp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static void limit(int what, rlim_t n)
{
    struct rlimit rl = {n, n};

    if (TEST_SANITIZED || getenv("TEST_EMULATOR"))
        test_skip("the limit would be the sanitizer's or the emulator's");
    CHECK_EQ(setrlimit(what, &rl), 0);
}

static void nothing(void)
{
}

static int never(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    test_fail(__FILE__, __LINE__, "it runs");
}

static void without_a_runtime(void)
{
    gamp_mutex m = {0};
    gamp_time begin = gamp_now();

    CHECK_EQ(gamp_run(never, 0, NULL), -EALREADY);
    CHECK_EQ(gamp_start(NULL), -EALREADY);
    CHECK_EQ(gamp_go(nothing), -EPERM);
    CHECK_EQ(gamp_num_goroutine(), 0);
    CHECK_EQ(gamp_goid(), 0);
    gamp_mutex_lock(&m);
    CHECK_EQ(gamp_mutex_lock_until(&m, gamp_now() + GAMP_MILLISECOND), -ETIMEDOUT);
    gamp_mutex_unlock(&m);
    gamp_sleep(GAMP_MILLISECOND);
    CHECK_GE(gamp_now() - begin, 2 * GAMP_MILLISECOND);
}

TEST(run_without_memory)
{
    limit(RLIMIT_DATA, 0);
    errno = 44;
    CHECK_EQ(gamp_run(never, 0, NULL), -ENOMEM);
    CHECK_EQ(errno, 44);
    without_a_runtime();
}

TEST(start_without_memory)
{
    limit(RLIMIT_DATA, 0);
    errno = 44;
    CHECK_EQ(gamp_start(NULL), -ENOMEM);
    CHECK_EQ(errno, 44);
    without_a_runtime();
    CHECK_EQ(gamp_stop(gamp_now() + GAMP_HOUR), 0);
}

/* The limit counts for ordinary users alone. One of them has this process and no other thread. */
static void no_threads(void)
{
    if (geteuid() == 0 && setuid(64321) < 0)
        test_skip("another user cannot be had");
    limit(RLIMIT_NPROC, 1);
}

TEST(run_without_threads)
{
    no_threads();
    errno = 44;
    CHECK_EQ(gamp_run(never, 0, NULL), -EAGAIN);
    CHECK_EQ(errno, 44);
    without_a_runtime();
}

TEST(start_without_threads)
{
    no_threads();
    CHECK_EQ(gamp_start(NULL), -EAGAIN);
    without_a_runtime();
    CHECK_EQ(gamp_stop(gamp_now() + GAMP_HOUR), 0);
}
