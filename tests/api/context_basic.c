/* SPDX-License-Identifier: BSD-3-Clause */
/* Contexts, one property at a time: cancel, causes, deadlines, values, references, misuse. */
#include "harness/test.h"
#include <errno.h>
#include <gamp.h>
#include <stdlib.h>

#define MS GAMP_MILLISECOND

static bool is_open(gamp_context *c)
{
    return gamp_chan_try_recv(gamp_context_done(c), NULL) == -EAGAIN;
}

static void check_alive(gamp_context *c)
{
    CHECK_EQ(gamp_context_err(c), 0);
    CHECK_EQ(gamp_context_cause(c), 0);
    CHECK(!gamp_context_done(c) || is_open(c));
}

static void check_ended(gamp_context *c, int err, int cause)
{
    CHECK_EQ(gamp_chan_try_recv(gamp_context_done(c), NULL), -EPIPE);
    CHECK_EQ(gamp_context_err(c), err);
    CHECK_EQ(gamp_context_cause(c), cause);
}

static void panics(void (*fn)(void *), void *arg, const char *words)
{
    gamp_panic_info info;

    CHECK_EQ(gamp_protect(fn, arg, &info), -EFAULT);
    if (words)
        CHECK_STR(info.message, words);
}

TEST_GO(background)
{
    gamp_context *bg = gamp_context_background();
    gamp_time t = 1;

    CHECK(bg && bg == gamp_context_background());
    check_alive(bg);
    CHECK(!gamp_context_done(bg));
    CHECK(!gamp_context_deadline(bg, &t));
    CHECK_EQ(t, GAMP_NEVER);
    CHECK(!gamp_context_deadline(bg, NULL));
    CHECK(!gamp_context_value(bg, "key"));
    CHECK(gamp_context_ref(bg) == bg);
    for (int i = 0; i < 10; i++)
        gamp_context_unref(bg);
    check_alive(bg);
    gamp_context_unref(NULL);
    gamp_context_cancel(NULL, 0);
    CHECK(!gamp_context_ref(NULL));
}

TEST_GO(cancel)
{
    gamp_context *c = gamp_context_with_cancel(gamp_context_background());

    CHECK_EQ(gamp_chan_elem_size(gamp_context_done(c)), 0);
    CHECK(gamp_context_done(c) == gamp_context_done(c));
    check_alive(c);
    gamp_context_cancel(c, 0);
    check_ended(c, -ECANCELED, -ECANCELED);
    gamp_context_cancel(c, 77);
    check_ended(c, -ECANCELED, -ECANCELED);
    gamp_context_unref(c);
}

TEST_GO(first_cause_wins)
{
    static const int causes[] = {1, -5, 300, -ETIMEDOUT, -ECANCELED};

    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        gamp_context *c = gamp_context_with_cancel(gamp_context_background());

        gamp_context_cancel(c, causes[i]);
        gamp_context_cancel(c, 4);
        gamp_context_cancel(c, 0);
        check_ended(c, -ECANCELED, causes[i]);
        gamp_context_unref(c);
    }
}

TEST_GO(cancel_reaches_down_not_up)
{
    gamp_context *a = gamp_context_with_cancel(gamp_context_background());
    gamp_context *b = gamp_context_with_cancel(a);
    gamp_context *v = gamp_context_with_value(b, &b, &a);
    gamp_context *c = gamp_context_with_cancel(v);
    gamp_context *d = gamp_context_with_timeout(c, GAMP_HOUR);
    gamp_context *side = gamp_context_with_cancel(a);

    CHECK(gamp_context_done(v) == gamp_context_done(b));
    gamp_context_cancel(b, 9);
    check_alive(a);
    check_alive(side);
    check_ended(b, -ECANCELED, 9);
    check_ended(v, -ECANCELED, 9);
    check_ended(c, -ECANCELED, 9);
    check_ended(d, -ECANCELED, 9);
    gamp_context_cancel(a, 10);
    check_ended(a, -ECANCELED, 10);
    check_ended(side, -ECANCELED, 10);
    check_ended(d, -ECANCELED, 9);
    gamp_context_unref(a);
    gamp_context_unref(b);
    gamp_context_unref(v);
    gamp_context_unref(c);
    gamp_context_unref(d);
    gamp_context_unref(side);
}

/* What was cancelled by itself keeps its cause when something above goes. */
TEST_GO(own_cause_stays)
{
    gamp_context *a = gamp_context_with_cancel(gamp_context_background());
    gamp_context *b = gamp_context_with_cancel(a), *c = gamp_context_with_cancel(b);

    gamp_context_cancel(b, 1);
    gamp_context_cancel(a, 2);
    check_ended(a, -ECANCELED, 2);
    check_ended(b, -ECANCELED, 1);
    check_ended(c, -ECANCELED, 1);
    gamp_context_unref(c);
    gamp_context_unref(b);
    gamp_context_unref(a);
}

TEST_GO(child_of_the_cancelled)
{
    gamp_context *a = gamp_context_with_cancel(gamp_context_background());
    gamp_context *c[4];

    gamp_context_cancel(a, 42);
    c[0] = gamp_context_with_cancel(a);
    c[1] = gamp_context_with_timeout(a, GAMP_HOUR);
    c[2] = gamp_context_with_timeout(a, -1);
    c[3] = gamp_context_with_value(a, &a, &a);
    for (int i = 0; i < 4; i++) {
        check_ended(c[i], -ECANCELED, 42);
        gamp_context_unref(c[i]);
    }
    gamp_context_unref(a);
}

TEST_GO(deadline_comes)
{
    gamp_time begin = gamp_now(), t;
    gamp_context *c = gamp_context_with_timeout(gamp_context_background(), 10 * MS);
    gamp_context *d = gamp_context_with_cancel(c);

    CHECK(gamp_context_deadline(c, &t) && t >= begin + 10 * MS && t <= gamp_now() + 10 * MS);
    CHECK(!gamp_chan_recv(gamp_context_done(d), NULL));
    CHECK(gamp_now() - begin >= 10 * MS);
    check_ended(c, -ETIMEDOUT, -ETIMEDOUT);
    check_ended(d, -ETIMEDOUT, -ETIMEDOUT);
    gamp_context_cancel(c, 6);
    check_ended(c, -ETIMEDOUT, -ETIMEDOUT);
    gamp_context_unref(d);
    gamp_context_unref(c);
}

TEST_GO(deadline_that_has_passed)
{
    gamp_context *bg = gamp_context_background();
    gamp_context *c[] = {
        gamp_context_with_timeout(bg, 0),         gamp_context_with_timeout(bg, -GAMP_HOUR),
        gamp_context_with_timeout(bg, INT64_MIN), gamp_context_with_deadline(bg, gamp_now()),
        gamp_context_with_deadline(bg, 0),        gamp_context_with_deadline(bg, INT64_MIN)};

    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        check_ended(c[i], -ETIMEDOUT, -ETIMEDOUT);
        gamp_context_unref(c[i]);
    }
}

TEST_GO(nearest_deadline)
{
    gamp_context *bg = gamp_context_background();
    gamp_time now = gamp_now(), t;
    gamp_context *a = gamp_context_with_deadline(bg, now + GAMP_HOUR);
    gamp_context *b = gamp_context_with_deadline(a, now + 2 * GAMP_HOUR);
    gamp_context *v = gamp_context_with_value(b, bg, bg);
    gamp_context *c = gamp_context_with_deadline(v, now + GAMP_MINUTE);
    gamp_context *d = gamp_context_with_cancel(c);

    CHECK(gamp_context_deadline(a, &t) && t == now + GAMP_HOUR);
    CHECK(gamp_context_deadline(b, &t) && t == now + GAMP_HOUR);
    CHECK(gamp_context_deadline(v, &t) && t == now + GAMP_HOUR);
    CHECK(gamp_context_deadline(c, &t) && t == now + GAMP_MINUTE);
    CHECK(gamp_context_deadline(d, &t) && t == now + GAMP_MINUTE);
    CHECK(gamp_context_deadline(d, NULL));
    gamp_context_unref(a);
    gamp_context_unref(b);
    gamp_context_unref(v);
    gamp_context_unref(c);
    gamp_context_unref(d);
}

TEST_GO(deadline_that_never_comes)
{
    gamp_context *bg = gamp_context_background();
    gamp_context *c[] = {gamp_context_with_deadline(bg, GAMP_NEVER),
                         gamp_context_with_timeout(bg, GAMP_NEVER),
                         gamp_context_with_timeout(bg, INT64_MAX - 5)};

    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        gamp_time t;

        check_alive(c[i]);
        CHECK(!gamp_context_deadline(c[i], &t) && t == GAMP_NEVER);
        gamp_context_cancel(c[i], 3);
        check_ended(c[i], -ECANCELED, 3);
        gamp_context_unref(c[i]);
    }
}

/* A child with a later deadline ends with its parent's. */
TEST_GO(parents_deadline_ends_child)
{
    gamp_context *a = gamp_context_with_timeout(gamp_context_background(), 5 * MS);
    gamp_context *b = gamp_context_with_timeout(a, GAMP_HOUR);

    gamp_chan_recv(gamp_context_done(b), NULL);
    check_ended(b, -ETIMEDOUT, -ETIMEDOUT);
    check_ended(a, -ETIMEDOUT, -ETIMEDOUT);
    gamp_context_unref(a);
    gamp_context_unref(b);
}

TEST_GO(childs_deadline_leaves_parent)
{
    gamp_context *a = gamp_context_with_timeout(gamp_context_background(), GAMP_HOUR);
    gamp_context *b = gamp_context_with_timeout(a, 5 * MS);

    gamp_chan_recv(gamp_context_done(b), NULL);
    check_ended(b, -ETIMEDOUT, -ETIMEDOUT);
    check_alive(a);
    gamp_context_unref(a);
    gamp_context_unref(b);
}

TEST_GO(cancel_before_deadline)
{
    bool in_time;

    do { /* a machine may be that busy */
        gamp_time begin = gamp_now();
        gamp_context *c = gamp_context_with_timeout(gamp_context_background(), 30 * MS);

        gamp_context_cancel(c, 8);
        in_time = gamp_now() - begin < 30 * MS;
        gamp_sleep(40 * MS);
        if (in_time)
            check_ended(c, -ECANCELED, 8);
        gamp_context_unref(c);
    } while (!in_time);
}

TEST_GO(values)
{
    static int k1, k2;
    char text[] = "key", same[] = "key";
    gamp_context *bg = gamp_context_background();
    gamp_context *a = gamp_context_with_value(bg, &k1, &k1);
    gamp_context *b = gamp_context_with_cancel(a);
    gamp_context *c = gamp_context_with_value(b, &k2, &k2);
    gamp_context *d = gamp_context_with_value(c, &k1, text);
    gamp_context *e = gamp_context_with_value(d, text, NULL);

    CHECK(gamp_context_value(a, &k1) == &k1 && !gamp_context_value(a, &k2));
    CHECK(gamp_context_value(b, &k1) == &k1);
    CHECK(gamp_context_value(c, &k1) == &k1 && gamp_context_value(c, &k2) == &k2);
    CHECK(gamp_context_value(d, &k1) == text && gamp_context_value(d, &k2) == &k2);
    CHECK(!gamp_context_value(e, text) && !gamp_context_value(e, same));
    CHECK(gamp_context_value(e, &k1) == text);
    CHECK(!gamp_context_done(a));
    check_alive(a);
    gamp_context_cancel(b, 1);
    check_alive(a);
    check_ended(e, -ECANCELED, 1);
    gamp_context_unref(a);
    gamp_context_unref(b);
    gamp_context_unref(c);
    gamp_context_unref(d);
    CHECK(gamp_context_value(e, &k1) == text);
    gamp_context_unref(e);
}

/* A child keeps what is above it, not the other way round. */
TEST_GO(references)
{
    gamp_context *a = gamp_context_with_cancel(gamp_context_background());
    gamp_context *b = gamp_context_with_cancel(a);

    CHECK(gamp_context_ref(b) == b);
    gamp_context_unref(a);
    gamp_context_unref(b);
    check_alive(b);
    /* a lives by b alone, and goes with it. */
    gamp_context_unref(b);

    a = gamp_context_with_cancel(gamp_context_background());
    b = gamp_context_with_cancel(a);
    gamp_context_unref(b);
    gamp_context_cancel(a, 0);
    gamp_context_unref(a);
}

/* One that was left uncancelled goes silently: its channel, if somebody keeps it, stays open. */
TEST_GO(done_outlives_context)
{
    bool in_time;

    do {
        gamp_time begin = gamp_now();
        gamp_context *c = gamp_context_with_timeout(gamp_context_background(), 5 * MS);
        gamp_chan *done = gamp_chan_ref(gamp_context_done(c));

        gamp_context_unref(c);
        in_time = gamp_now() - begin < 5 * MS;
        if (in_time)
            CHECK_EQ(gamp_chan_recv_until(done, NULL, gamp_now() + 10 * MS), -ETIMEDOUT);
        gamp_chan_unref(done);
    } while (!in_time);
}

TEST_GO(done_in_select)
{
    gamp_context *c = gamp_context_with_timeout(gamp_context_background(), 5 * MS);
    gamp_chan *other = gamp_chan_of(int, 0);
    int v;

    CHECK_EQ(gamp_select(GAMP_RECV(other, &v), GAMP_RECV(gamp_context_done(c), NULL)), 1);
    CHECK_EQ(gamp_select(GAMP_RECV(gamp_context_done(gamp_context_background()), NULL),
                         GAMP_RECV(other, &v), GAMP_DEFAULT),
             2);
    gamp_chan_unref(other);
    gamp_context_unref(c);
}

static void cancel_it(void *arg)
{
    gamp_context_cancel(arg, 1);
}

static void child_of_null(void *arg)
{
    int kind = *(int *)arg;

    if (kind == 0)
        (void)!gamp_context_with_cancel(NULL);
    else if (kind == 1)
        (void)!gamp_context_with_timeout(NULL, 1);
    else if (kind == 2)
        (void)!gamp_context_with_deadline(NULL, 1);
    else
        (void)!gamp_context_with_value(NULL, arg, arg);
}

TEST_GO(misuse)
{
    gamp_context *a = gamp_context_with_cancel(gamp_context_background());
    gamp_context *v = gamp_context_with_value(a, a, a);

    panics(cancel_it, gamp_context_background(), NULL);
    panics(cancel_it, v, NULL);
    check_alive(v);
    for (int kind = 0; kind < 4; kind++)
        panics(child_of_null, &kind, "cannot create context from nil parent");
    gamp_context_unref(a);
    gamp_context_unref(v);
}

TEST_GO(errno_stays)
{
    gamp_context *c;

    errno = 4711;
    c = gamp_context_with_timeout(gamp_context_background(), MS);
    gamp_chan_recv(gamp_context_done(c), NULL);
    gamp_context_unref(c);
    CHECK_EQ(errno, 4711);
}
