/* SPDX-License-Identifier: BSD-3-Clause */
/* selftest: cases that must fail, each in its way; selftest.sh looks whether they did. A harness
 * that cannot fail would make every other test worthless. */
#include "harness/test.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *fail_in_thread(void *arg)
{
    (void)arg;
    CHECK(false);
    return NULL;
}

static void die_with_words(void *arg)
{
    fprintf(stderr, "panic: %s\n", (char *)arg);
    exit(2);
}

static void hang(void *arg)
{
    (void)arg;
    for (;;)
        pause();
}

static void say_much(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100000; i++)
        fputs("0123456789\n", stderr);
}

TEST(good)
{
    CHECK(true);
    CHECK_EQ(-1, -1);
    CHECK_LT(1, 2);
    CHECK_STR("a", "a");
    CHECK_STR(NULL, NULL);
    CHECK_CONTAINS("abc", "bc");
}

TEST(good_child)
{
    static test_child r;
    expect_exit(die_with_words, (void *)"boo", 2, "panic: boo");
    expect_exit((void (*)(void *))(void (*)(void))abort, NULL, 128 + SIGABRT, NULL);
    test_run_child(say_much, NULL, &r);
    CHECK_EQ(r.status, 0);
    CHECK_EQ(r.err_len, sizeof r.err - 1);
    const char *const argv[] = {"sh", "-c", "echo out; echo err >&2; exit 3", NULL};
    test_run_program(argv, false, &r);
    CHECK_EQ(r.status, 3);
    CHECK_STR(r.out, "out\n");
    CHECK_STR(r.err, "err\n");
}

TEST(bad_check)
{
    CHECK(1 + 1 == 3);
}

TEST(bad_eq)
{
    CHECK_EQ(1 + 1, 3);
}

TEST(bad_str)
{
    CHECK_STR("abc", NULL);
}

TEST(bad_thread)
{
    pthread_t t;
    CHECK_EQ(pthread_create(&t, NULL, fail_in_thread, NULL), 0);
    pthread_join(t, NULL);
}

TEST(bad_early_exit)
{
    exit(0);
}

TEST(bad_signal)
{
    signal(SIGTERM, SIG_DFL);
    raise(SIGTERM);
}

TEST(bad_status)
{
    expect_exit(die_with_words, (void *)"boo", 3, NULL);
}

TEST(bad_words)
{
    expect_exit(die_with_words, (void *)"boo", 2, "no such words");
}

TEST_WITHIN(bad_hang, 1)
{
    signal(SIGQUIT, SIG_IGN);
    if (fork() == 0)
        execlp("sleep", "sleep", getenv("SELFTEST_SLEEP"), (char *)NULL);
    hang(NULL);
}

/* The child's time is up long before the case's, also on a machine that has no time for it. */
TEST(bad_child_hang)
{
    setenv("TEST_LIMIT_MS", "800", 1);
    expect_exit(hang, NULL, 0, NULL);
}

TEST(skipped)
{
    test_skip("for a reason");
}

TEST(seed)
{
    uint64_t a = test_seed(), b = test_seed();
    CHECK_EQ(test_rand(&a), test_rand(&b));
    printf("seed %llu\n", (unsigned long long)test_seed());
}
