/* SPDX-License-Identifier: BSD-3-Clause */
/* Trees of contexts: deep, wide, random, and cancelled and taken apart from several sides at
 * once. */
#include "harness/test.h"
#include <errno.h>
#include <gamp.h>
#include <pthread.h>
#include <stdlib.h>

#define MS GAMP_MILLISECOND

static uint64_t rnd(uint64_t *seed, uint64_t below)
{
    return test_rand(seed) % below;
}

static void check_ended(gamp_context *c, int err, int cause)
{
    CHECK_EQ(gamp_chan_try_recv(gamp_context_done(c), NULL), -EPIPE);
    CHECK_EQ(gamp_context_err(c), err);
    CHECK_EQ(gamp_context_cause(c), cause);
}

static size_t scaled(size_t n)
{
    return test_slowness() > 2 ? n / 10 : n;
}

/* A chain as deep as memory allows: neither cancel nor the last unref may go down the stack. */
TEST_GO_WITHIN(deep, 60)
{
    size_t n = scaled(300000);
    gamp_context *top = gamp_context_with_cancel(gamp_context_background()), *c = top;
    int key = 1;

    top = gamp_context_ref(top);
    for (size_t i = 0; i < n; i++) {
        gamp_context *below = i % 3 ? gamp_context_with_cancel(c)
                                    : gamp_context_with_value(c, i ? (void *)top : &key, &key);
        CHECK(below);
        gamp_context_unref(c);
        c = below;
    }
    CHECK(gamp_context_value(c, &key) == &key);
    gamp_context_cancel(top, 5);
    check_ended(c, -ECANCELED, 5);
    gamp_context_unref(top);
    gamp_context_unref(c);
}

TEST_GO_WITHIN(wide, 60)
{
    size_t n = scaled(100000);
    gamp_context *top = gamp_context_with_cancel(gamp_context_background());
    gamp_context **c = malloc(n * sizeof *c);

    for (size_t i = 0; i < n; i++)
        c[i] = i % 2 ? gamp_context_with_timeout(top, GAMP_HOUR) : gamp_context_with_cancel(top);
    /* Some go before. */
    for (size_t i = 0; i < n; i += 5) {
        gamp_context_unref(c[i]);
        c[i] = NULL;
    }
    gamp_context_cancel(top, 5);
    for (size_t i = 0; i < n; i++) {
        if (c[i])
            check_ended(c[i], -ECANCELED, 5);
        gamp_context_unref(c[i]);
    }
    gamp_context_unref(top);
    free(c);
}

/* Layers of random kinds; then either a deadline comes or somebody cancels. */
static void layers(bool timeout, uint64_t *seed)
{
    enum { N = 30 };
    gamp_context *c[N + 1];
    void *values[N + 1] = {NULL};
    gamp_context *cancel_me = NULL;

    c[0] = gamp_context_with_cancel(gamp_context_background());
    for (int i = 1; i <= N; i++) {
        switch (rnd(seed, 3)) {
        case 0:
            c[i] = gamp_context_with_cancel(c[i - 1]);
            cancel_me = c[i];
            break;
        case 1:
            values[i] = &values[i];
            c[i] = gamp_context_with_value(c[i - 1], &values[i], &values[i]);
            break;
        default:
            c[i] = gamp_context_with_timeout(c[i - 1], timeout ? 5 * MS : GAMP_HOUR);
            cancel_me = c[i];
        }
    }
    for (int i = 1; i <= N; i++)
        CHECK(gamp_context_value(c[N], &values[i]) == values[i]);
    if (timeout) {
        gamp_context *last = gamp_context_with_timeout(c[N], 5 * MS);

        gamp_chan_recv(gamp_context_done(last), NULL);
        CHECK_EQ(gamp_context_err(last), -ETIMEDOUT);
        gamp_context_unref(last);
    } else {
        gamp_context_cancel(cancel_me ? cancel_me : c[0], 17);
        check_ended(c[N], -ECANCELED, 17);
    }
    for (int i = 1; i <= N; i++)
        CHECK(gamp_context_value(c[N], &values[i]) == values[i]);
    for (int i = 0; i <= N; i++)
        gamp_context_unref(c[i]);
}

TEST_GO(layers_cancel)
{
    uint64_t seed = test_seed();

    for (int i = 0; i < 100; i++)
        layers(false, &seed);
}

TEST_GO(layers_timeout)
{
    uint64_t seed = test_seed();

    for (int i = 0; i < 20; i++)
        layers(true, &seed);
}

static void cancel_when_done(gamp_context *watched, gamp_context *c, gamp_waitgroup *wg)
{
    gamp_chan_recv(gamp_context_done(watched), NULL);
    CHECK_EQ(gamp_context_err(watched), -ECANCELED);
    CHECK_EQ(gamp_context_err(c), -ECANCELED);
    gamp_context_cancel(c, 2);
    gamp_waitgroup_done(wg);
}

/* The child is cancelled from the moment on at which the parent's channel closes. */
TEST_GO(interlocked_cancels)
{
    for (int i = 0; i < 2000 / test_slowness(); i++) {
        gamp_context *a = gamp_context_with_cancel(gamp_context_background());
        gamp_context *b = gamp_context_with_cancel(a);
        gamp_waitgroup wg = {0};

        gamp_waitgroup_add(&wg, 1);
        CHECK_EQ(gamp_go(cancel_when_done, a, b, &wg), 0);
        if (i % 2)
            gamp_gosched();
        gamp_context_cancel(a, 1);
        check_ended(b, -ECANCELED, 1);
        gamp_waitgroup_wait(&wg);
        gamp_context_unref(a);
        gamp_context_unref(b);
    }
}

/* A random tree; parent[i] < i. */
enum { NODES = 300 };
struct tree {
    gamp_context *c[NODES];
    int parent[NODES];
    gamp_waitgroup wg;
};

static void tree_make(struct tree *t, uint64_t *seed)
{
    t->parent[0] = -1;
    t->c[0] = gamp_context_with_cancel(gamp_context_background());
    for (int i = 1; i < NODES; i++) {
        t->parent[i] = (int)rnd(seed, (uint64_t)(i < 10 || rnd(seed, 2) ? i : 10));
        t->c[i] =
            rnd(seed, 4) == 0
                ? gamp_context_with_timeout(t->c[t->parent[i]],
                                            rnd(seed, 8) ? GAMP_HOUR : (gamp_duration)rnd(seed, MS))
                : gamp_context_with_cancel(t->c[t->parent[i]]);
    }
}

static bool is_below(struct tree *t, int i, int top)
{
    while (i > top)
        i = t->parent[i];
    return i == top;
}

static void tree_cancel(struct tree *t, uint64_t seed, int cause)
{
    for (int k = 0; k < 20; k++) {
        int i = (int)rnd(&seed, NODES);

        gamp_context_cancel(t->c[i], cause);
        /* It holds when cancel returns, whoever came first, here and below. */
        for (int j = i; j < NODES; j++)
            if (is_below(t, j, i)) {
                CHECK_NE(gamp_context_err(t->c[j]), 0);
                CHECK_NE(gamp_context_cause(t->c[j]), 0);
                CHECK_EQ(gamp_chan_try_recv(gamp_context_done(t->c[j]), NULL), -EPIPE);
            }
    }
}

/* Whoever sees a channel closed sees err and cause set, there and below. */
static void tree_watch(struct tree *t, int i)
{
    gamp_chan_recv(gamp_context_done(t->c[i]), NULL);
    for (int j = i; j < NODES; j++)
        if (is_below(t, j, i))
            CHECK(gamp_context_err(t->c[j]) != 0 && gamp_context_cause(t->c[j]) != 0);
}

/* Children come and go all the while. */
static void tree_grow(struct tree *t, uint64_t seed)
{
    for (int k = 0; k < 200; k++) {
        gamp_context *up = t->c[rnd(&seed, NODES)];
        bool was = gamp_context_err(up) != 0;
        gamp_context *c = gamp_context_with_timeout(up, (gamp_duration)rnd(&seed, MS));
        gamp_context *d = gamp_context_with_cancel(c);

        if (was)
            CHECK(gamp_context_err(d) != 0);
        gamp_context_unref(c);
        if (gamp_context_err(up) != 0)
            gamp_chan_recv(gamp_context_done(d), NULL);
        gamp_context_unref(d);
    }
}

TEST_GO_WITHIN(many_cancels_at_once, 60)
{
    static struct tree t;
    uint64_t seed = test_seed();

    for (int round = 0; round < 60 / test_slowness(); round++) {
        tree_make(&t, &seed);
        for (int i = 0; i < NODES; i += 7)
            CHECK_EQ(gamp_waitgroup_go(&t.wg, tree_watch, &t, i), 0);
        for (int i = 0; i < 4; i++)
            CHECK_EQ(gamp_waitgroup_go(&t.wg, tree_grow, &t, test_rand(&seed)), 0);
        for (int i = 0; i < 6; i++)
            CHECK_EQ(gamp_waitgroup_go(&t.wg, tree_cancel, &t, test_rand(&seed), i + 1), 0);
        gamp_context_cancel(t.c[0], 99);
        gamp_waitgroup_wait(&t.wg);
        for (int i = 0; i < NODES; i++)
            gamp_context_unref(t.c[i]);
    }
}

static void unref_all(gamp_context **c, int n, gamp_waitgroup *wg)
{
    for (int i = 0; i < n; i++)
        gamp_context_unref(c[i]);
    gamp_waitgroup_done(wg);
}

/* Children lose their last reference while their parent cancels, and while deadlines come. */
TEST_GO_WITHIN(unref_against_cancel, 60)
{
    enum { N = 200 };
    uint64_t seed = test_seed();

    for (int round = 0; round < 300 / test_slowness(); round++) {
        gamp_context *top = gamp_context_with_timeout(gamp_context_background(), MS / 4);
        gamp_context *c[N];
        gamp_waitgroup wg = {0};

        for (int i = 0; i < N; i++) {
            gamp_context *up = rnd(&seed, 3) && i ? c[rnd(&seed, (uint64_t)i)] : top;

            c[i] = rnd(&seed, 2) ? gamp_context_with_cancel(up)
                                 : gamp_context_with_timeout(up, (gamp_duration)rnd(&seed, MS / 2));
        }
        gamp_waitgroup_add(&wg, 1);
        CHECK_EQ(gamp_go(unref_all, c, N, &wg), 0);
        if (rnd(&seed, 2))
            gamp_context_cancel(top, 1);
        gamp_context_unref(top);
        gamp_waitgroup_wait(&wg);
    }
}

/* The last reference goes at the moment the deadline comes: for the sanitizers. */
TEST_GO_WITHIN(unref_against_deadline, 60)
{
    uint64_t seed = test_seed();

    for (int i = 0; i < 20000 / test_slowness(); i++) {
        gamp_duration d = (gamp_duration)rnd(&seed, 20 * GAMP_MICROSECOND);
        gamp_context *c = gamp_context_with_timeout(gamp_context_background(), d);
        gamp_context *b = gamp_context_with_cancel(c);
        gamp_time until = gamp_now() + (gamp_duration)rnd(&seed, 20 * GAMP_MICROSECOND);

        while (gamp_now() < until)
            ;
        gamp_context_unref(c);
        if (i % 2)
            gamp_gosched();
        gamp_context_unref(b);
    }
}

static _Atomic int timed_out;

static void *thread(void *arg)
{
    gamp_context *top = arg, *c = gamp_context_with_timeout(top, 2 * MS);
    gamp_context *d = gamp_context_with_cancel(top);

    gamp_chan_recv(gamp_context_done(c), NULL);
    check_ended(c, -ETIMEDOUT, -ETIMEDOUT);
    timed_out++;
    gamp_context_unref(c);
    gamp_chan_recv(gamp_context_done(d), NULL);
    check_ended(d, -ECANCELED, 31);
    gamp_context_unref(d);
    gamp_context_unref(top);
    return NULL;
}

TEST_GO(foreign_threads)
{
    gamp_context *top = gamp_context_with_cancel(gamp_context_background());
    pthread_t th[4];

    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&th[i], NULL, thread, gamp_context_ref(top)), 0);
    while (timed_out < 4)
        gamp_gosched();
    gamp_context_cancel(top, 31);
    gamp_context_unref(top);
    for (int i = 0; i < 4; i++)
        pthread_join(th[i], NULL);
}

/* Contexts work without the runtime as far as nothing has to wait for a clock. */
TEST(before_the_runtime)
{
    gamp_context *a = gamp_context_with_cancel(gamp_context_background());
    gamp_context *b = gamp_context_with_timeout(a, GAMP_HOUR);
    gamp_context *c = gamp_context_with_timeout(b, -1);

    check_ended(c, -ETIMEDOUT, -ETIMEDOUT);
    CHECK_EQ(gamp_context_err(b), 0);
    gamp_context_cancel(a, 12);
    check_ended(b, -ECANCELED, 12);
    gamp_context_unref(a);
    gamp_context_unref(b);
    gamp_context_unref(c);
}
