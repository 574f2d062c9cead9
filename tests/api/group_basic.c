/* SPDX-License-Identifier: BSD-3-Clause */
/* Groups: results, causes, limits, ends of every kind, and that nobody outlives wait. */
#include "harness/test.h"
#include <errno.h>
#include <gamp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MS GAMP_MILLISECOND

static int give(gamp_context *ctx, void *arg)
{
    (void)ctx;
    return *(int *)arg;
}

static int count(gamp_context *ctx, void *arg)
{
    (void)ctx;
    __atomic_fetch_add((int *)arg, 1, __ATOMIC_RELAXED);
    return 0;
}

/* Ends when the group is cancelled, with the cause that it saw. */
static int until_cancelled(gamp_context *ctx, void *arg)
{
    gamp_chan_recv(gamp_context_done(ctx), NULL);
    CHECK_EQ(gamp_context_err(ctx), -ECANCELED);
    __atomic_store_n((int *)arg, gamp_context_cause(ctx), __ATOMIC_RELAXED);
    return 0;
}

TEST_GO(empty)
{
    gamp_group g;

    memset(&g, 0xa5, sizeof g);
    CHECK_EQ(gamp_group_init(&g, NULL), 0);
    CHECK_EQ(gamp_group_wait(&g), 0);
}

TEST_GO(all_run)
{
    gamp_group g;
    int n = 0;

    CHECK_EQ(gamp_group_init(&g, gamp_context_background()), 0);
    for (int i = 0; i < 1000; i++)
        CHECK_EQ(gamp_group_go(&g, count, &n), 0);
    CHECK_EQ(gamp_group_wait(&g), 0);
    CHECK_EQ(n, 1000);
}

TEST_GO(used_again)
{
    gamp_group g;
    int n = 0;

    for (int i = 0; i < 100; i++) {
        CHECK_EQ(gamp_group_init(&g, NULL), 0);
        gamp_group_set_limit(&g, i % 3);
        CHECK_EQ(gamp_group_go(&g, count, &n), 0);
        CHECK_EQ(gamp_group_go(&g, count, &n), 0);
        CHECK_EQ(gamp_group_wait(&g), 0);
    }
    CHECK_EQ(n, 200);
}

TEST_GO(first_result_is_the_cause)
{
    static int results[] = {-EIO, 7, INT32_MIN, INT32_MAX};

    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        gamp_group g;
        int cause[3] = {0};

        CHECK_EQ(gamp_group_init(&g, NULL), 0);
        for (int k = 0; k < 3; k++)
            CHECK_EQ(gamp_group_go(&g, until_cancelled, &cause[k]), 0);
        CHECK_EQ(gamp_group_go(&g, give, &results[i]), 0);
        CHECK_EQ(gamp_group_wait(&g), results[i]);
        for (int k = 0; k < 3; k++)
            CHECK_EQ(cause[k], results[i]);
    }
}

static int fail_late(gamp_context *ctx, void *arg)
{
    gamp_chan_recv(gamp_context_done(ctx), NULL);
    return *(int *)arg;
}

TEST_GO(later_results_do_not_count)
{
    gamp_group g;
    int first = 5, later = 6;

    CHECK_EQ(gamp_group_init(&g, NULL), 0);
    for (int k = 0; k < 10; k++)
        CHECK_EQ(gamp_group_go(&g, fail_late, &later), 0);
    CHECK_EQ(gamp_group_go(&g, give, &first), 0);
    CHECK_EQ(gamp_group_wait(&g), 5);
}

TEST_GO(wait_cancels_in_any_case)
{
    gamp_group g;
    gamp_context *ctx;
    int n = 0;

    CHECK_EQ(gamp_group_init(&g, NULL), 0);
    CHECK_EQ(gamp_group_go(&g, count, &n), 0);
    ctx = gamp_context_ref(gamp_group_context(&g));
    CHECK(ctx == gamp_group_context(&g));
    CHECK_EQ(gamp_context_err(ctx), 0);
    CHECK_EQ(gamp_group_wait(&g), 0);
    CHECK_EQ(gamp_context_err(ctx), -ECANCELED);
    CHECK_EQ(gamp_context_cause(ctx), -ECANCELED);
    gamp_context_unref(ctx);
}

TEST_GO(parent_cancels)
{
    gamp_context *parent = gamp_context_with_cancel(gamp_context_background());
    gamp_group g;
    int cause = 0, n = 0;

    CHECK_EQ(gamp_group_init(&g, parent), 0);
    CHECK_EQ(gamp_group_go(&g, until_cancelled, &cause), 0);
    gamp_context_cancel(parent, 44);
    /* Still 0, and it runs: it may look at its context. */
    CHECK_EQ(gamp_group_go(&g, count, &n), 0);
    CHECK_EQ(gamp_group_try_go(&g, count, &n), 0);
    CHECK_EQ(gamp_group_wait(&g), 0);
    CHECK(cause == 44 && n == 2);
    gamp_context_unref(parent);
}

TEST_GO(parent_is_not_cancelled)
{
    gamp_context *parent = gamp_context_with_cancel(gamp_context_background());
    gamp_group g;
    int r = 1;

    CHECK_EQ(gamp_group_init(&g, parent), 0);
    CHECK_EQ(gamp_group_go(&g, give, &r), 0);
    CHECK_EQ(gamp_group_wait(&g), 1);
    CHECK_EQ(gamp_context_err(parent), 0);
    gamp_context_unref(parent);
}

struct limited {
    int running, ran; /* atomic */
    int limit;
};

static int in_limit(gamp_context *ctx, void *arg)
{
    struct limited *l = arg;
    int now = __atomic_add_fetch(&l->running, 1, __ATOMIC_RELAXED);

    (void)ctx;
    CHECK_LE(now, l->limit);
    for (int i = 0; i < 5; i++)
        gamp_gosched();
    __atomic_fetch_add(&l->ran, 1, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&l->running, 1, __ATOMIC_RELAXED);
    return 0;
}

TEST_GO(limits)
{
    static const int limits[] = {1, 2, 7};

    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct limited l = {.limit = limits[i]};
        gamp_group g;

        CHECK_EQ(gamp_group_init(&g, NULL), 0);
        gamp_group_set_limit(&g, limits[i]);
        for (int k = 0; k < 500; k++)
            CHECK_EQ(gamp_group_go(&g, in_limit, &l), 0);
        CHECK_EQ(gamp_group_wait(&g), 0);
        CHECK_EQ(l.ran, 500);
    }
}

static int receive_one(gamp_context *ctx, void *arg)
{
    (void)ctx;
    gamp_chan_recv((gamp_chan *)arg, NULL);
    return 0;
}

TEST_GO(try_go)
{
    gamp_chan *c = gamp_chan_new(0, 0);
    gamp_group g;

    CHECK_EQ(gamp_group_init(&g, NULL), 0);
    gamp_group_set_limit(&g, 2);
    CHECK_EQ(gamp_group_try_go(&g, receive_one, c), 0);
    CHECK_EQ(gamp_group_try_go(&g, receive_one, c), 0);
    CHECK_EQ(gamp_group_try_go(&g, receive_one, c), -EAGAIN);
    gamp_chan_send(c, NULL);
    while (gamp_group_try_go(&g, receive_one, c) == -EAGAIN)
        gamp_gosched();
    CHECK_EQ(gamp_group_try_go(&g, receive_one, c), -EAGAIN);
    gamp_chan_close(c);
    CHECK_EQ(gamp_group_wait(&g), 0);
    gamp_chan_unref(c);
}

TEST_GO(no_limit)
{
    static const int none[] = {0, -1, INT32_MIN};

    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        gamp_chan *c = gamp_chan_new(0, 0);
        gamp_group g;

        CHECK_EQ(gamp_group_init(&g, NULL), 0);
        gamp_group_set_limit(&g, none[i]);
        for (int k = 0; k < 100; k++)
            CHECK_EQ(gamp_group_try_go(&g, receive_one, c), 0);
        gamp_chan_close(c);
        CHECK_EQ(gamp_group_wait(&g), 0);
        gamp_chan_unref(c);
    }
}

static void change_limit(void *arg)
{
    gamp_group_set_limit((gamp_group *)arg, 9);
}

TEST_GO(limit_under_way)
{
    gamp_chan *c = gamp_chan_new(0, 0);
    gamp_panic_info info;
    gamp_group g;

    CHECK_EQ(gamp_group_init(&g, NULL), 0);
    CHECK_EQ(gamp_group_go(&g, receive_one, c), 0);
    CHECK_EQ(gamp_protect(change_limit, &g, &info), -EFAULT);
    CHECK_CONTAINS(info.message, "modify limit while 1 goroutines in the group are still active");
    gamp_chan_close(c);
    CHECK_EQ(gamp_group_wait(&g), 0);
    gamp_chan_unref(c);
}

static int leave(gamp_context *ctx, void *arg)
{
    count(ctx, arg);
    gamp_goexit();
}

/* A member that leaves by goexit is done, and frees its place. */
TEST_GO(members_that_goexit)
{
    gamp_group g;
    int n = 0;

    CHECK_EQ(gamp_group_init(&g, NULL), 0);
    gamp_group_set_limit(&g, 2);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(gamp_group_go(&g, leave, &n), 0);
    CHECK_EQ(gamp_group_wait(&g), 0);
    CHECK_EQ(n, 100);
}

static void panic_within(void *arg)
{
    (void)arg;
    gamp_panic("inside");
}

static int protected_member(gamp_context *ctx, void *arg)
{
    (void)ctx;
    return gamp_protect(panic_within, arg, NULL);
}

TEST_GO(members_that_panic_protected)
{
    gamp_group g;

    CHECK_EQ(gamp_group_init(&g, NULL), 0);
    for (int i = 0; i < 10; i++)
        CHECK_EQ(gamp_group_go(&g, protected_member, NULL), 0);
    CHECK_EQ(gamp_group_wait(&g), -EFAULT);
}

static int panicking_member(gamp_context *ctx, void *arg)
{
    (void)ctx;
    (void)arg;
    gamp_panic("a member's end");
}

static int main_of_the_unprotected(int argc, char **argv)
{
    gamp_group g;

    (void)argc;
    (void)argv;
    CHECK_EQ(gamp_group_init(&g, NULL), 0);
    CHECK_EQ(gamp_group_go(&g, panicking_member, NULL), 0);
    gamp_group_wait(&g);
    return 0;
}

static void run_unprotected(void *arg)
{
    (void)arg;
    exit(gamp_run(main_of_the_unprotected, 0, NULL));
}

TEST(members_that_panic)
{
    expect_exit(run_unprotected, NULL, 2, "panic: a member's end");
}

struct nested {
    gamp_group *g;
    int depth;
    int *n;
};

static int grow(gamp_context *ctx, void *arg)
{
    struct nested *s = arg;

    (void)ctx;
    __atomic_fetch_add(s->n, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 2 && s->depth > 0; i++) {
        struct nested *below = malloc(sizeof *below);

        *below = (struct nested){s->g, s->depth - 1, s->n};
        CHECK_EQ(gamp_group_go(s->g, grow, below), 0);
    }
    free(s);
    return 0;
}

/* Members may start members; wait outlives them all. */
TEST_GO(members_start_members)
{
    gamp_group g;
    struct nested *top = malloc(sizeof *top);
    int n = 0;

    CHECK_EQ(gamp_group_init(&g, NULL), 0);
    *top = (struct nested){&g, 9, &n};
    CHECK_EQ(gamp_group_go(&g, grow, top), 0);
    CHECK_EQ(gamp_group_wait(&g), 0);
    CHECK_EQ(n, 1023);
}

static void nothing(void)
{
}

/* None outlives wait: not in the count of goroutines either. */
TEST_GO_WITHIN(none_outlives_wait, 60)
{
    for (int i = 0; i < 5000 / test_slowness(); i++) {
        gamp_waitgroup wg = {0};
        gamp_group g;
        int n = 0;

        CHECK_EQ(gamp_group_init(&g, NULL), 0);
        for (int k = 0; k < 4; k++)
            CHECK_EQ(gamp_group_go(&g, k % 2 ? leave : count, &n), 0);
        CHECK_EQ(gamp_group_wait(&g), 0);
        CHECK_EQ(gamp_num_goroutine(), 1);
        for (int k = 0; k < 4; k++)
            CHECK_EQ(gamp_waitgroup_go(&wg, nothing), 0);
        gamp_waitgroup_wait(&wg);
        CHECK_EQ(gamp_num_goroutine(), 1);
    }
}

/* Nobody touches the group, its memory or the members' once wait has returned. */
TEST_GO_WITHIN(memory_goes_after_wait, 60)
{
    for (int i = 0; i < 3000 / test_slowness(); i++) {
        gamp_group *g = malloc(sizeof *g);
        int *n = calloc(1, sizeof *n);

        CHECK_EQ(gamp_group_init(g, NULL), 0);
        gamp_group_set_limit(g, i % 4);
        for (int k = 0; k < 8; k++)
            CHECK_EQ(gamp_group_go(g, count, n), 0);
        CHECK_EQ(gamp_group_wait(g), 0);
        CHECK_EQ(*n, 8);
        memset(g, 0x5a, sizeof *g);
        free(g);
        free(n);
    }
}

static void *thread(void *arg)
{
    gamp_group g;
    int n = 0;

    CHECK_EQ(gamp_group_init(&g, NULL), 0);
    gamp_group_set_limit(&g, 2);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(gamp_group_go(&g, count, &n), 0);
    CHECK_EQ(gamp_group_wait(&g), 0);
    CHECK_EQ(n, 100);
    return arg;
}

TEST_GO(foreign_threads)
{
    pthread_t th[3];

    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_create(&th[i], NULL, thread, NULL), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(th[i], NULL);
}

TEST(before_the_runtime)
{
    gamp_group g;
    int n = 0;

    CHECK_EQ(gamp_group_init(&g, NULL), 0);
    CHECK_EQ(gamp_group_go(&g, count, &n), -EPERM);
    CHECK_EQ(gamp_group_try_go(&g, count, &n), -EPERM);
    CHECK_EQ(gamp_group_wait(&g), 0);
    CHECK_EQ(n, 0);
}
