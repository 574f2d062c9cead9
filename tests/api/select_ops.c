/* SPDX-License-Identifier: BSD-3-Clause */
/* select_ops: what gamp_select chooses, does, and leaves alone. */
#include "harness/test.h"
#include "harness/waits.h"
#include <errno.h>
#include <gamp/chan.h>
#include <gamp/go.h>
#include <gamp/panic.h>
#include <gamp/run.h>
#include <gamp/select.h>
#include <gamp/sync.h>
#include <gamp/time.h>
#include <stdlib.h>
#include <string.h>

TEST_GO(ready_cases_run)
{
    gamp_chan *a = gamp_chan_of(int, 1), *b = gamp_chan_of(int, 1);
    int v = -1, w = 9;
    bool ok = false;

    CHECK_EQ(gamp_select(GAMP_RECV(a, &v), GAMP_DEFAULT), 1);
    CHECK_EQ(gamp_select(GAMP_DEFAULT, GAMP_RECV(a, &v), GAMP_RECV(b, &v)), 0);
    CHECK_EQ(v, -1);
    CHECK_EQ(gamp_select(GAMP_RECV(a, &v), GAMP_SEND(b, &w)), 1);
    CHECK_EQ(gamp_chan_len(b), 1);
    CHECK_EQ(gamp_select(GAMP_RECV(a, &v), GAMP_RECV_OK(b, &v, &ok), GAMP_DEFAULT), 1);
    CHECK(v == 9 && ok);
    CHECK_EQ(gamp_select(GAMP_SEND(a, &(int){4})), 0);
    CHECK_EQ(gamp_select(GAMP_SEND(a, &(int){5}), GAMP_DEFAULT), 1);
    gamp_chan_close(a);
    CHECK_EQ(gamp_select(GAMP_RECV_OK(a, &v, &ok)), 0);
    CHECK(v == 4 && ok);
    CHECK_EQ(gamp_select(GAMP_RECV_OK(a, &v, &ok)), 0);
    CHECK(v == 0 && !ok);
    v = 3;
    CHECK_EQ(gamp_select(GAMP_RECV(a, &v)), 0);
    CHECK_EQ(v, 0);
    CHECK_EQ(gamp_select(GAMP_RECV(a, NULL), GAMP_RECV(NULL, &v)), 0);
    gamp_chan_unref(a);
    gamp_chan_unref(b);
}

/* Pearson's chi-squared against a uniform draw; the limits leave one run in a million. */
static void check_uniform(const int *hits, int n, int total)
{
    static const double limit[] = {0, 0, 24, 28, 31, 34, 37};
    double expect = (double)total / n, x2 = 0;

    for (int i = 0; i < n; i++)
        x2 += (hits[i] - expect) * (hits[i] - expect) / expect;
    CHECK_MSG(x2 < limit[n], "chi-squared %.1f of %d cases", x2, n);
}

enum { DRAWS = 30000 };

TEST_GO(choice_is_uniform)
{
    gamp_chan *c[6];
    int hits[6] = {0}, v;

    for (int i = 0; i < 6; i++) {
        c[i] = gamp_chan_of(int, 1);
        if (i % 2)
            gamp_chan_close(c[i]); /* ready for ever */
    }
    for (int i = 0; i < DRAWS; i++) {
        int k = gamp_select(GAMP_SEND(c[0], &i), GAMP_RECV(c[1], &v), GAMP_SEND(c[2], &i),
                            GAMP_RECV(c[3], &v), GAMP_SEND(c[4], &i), GAMP_RECV(c[5], &v));

        hits[k]++;
        gamp_chan_try_recv(c[k], &v);
    }
    check_uniform(hits, 6, DRAWS);
    for (int i = 0; i < 6; i++)
        gamp_chan_unref(c[i]);
}

/* Ready ones scattered among others must not get the others' share. */
TEST_GO(choice_is_uniform_among_the_ready)
{
    gamp_chan *closed = gamp_chan_of(int, 0), *dead = gamp_chan_of(int, 0);
    int hits[3] = {0}, v;

    gamp_chan_close(closed);
    for (int i = 0; i < DRAWS; i++) {
        int k = gamp_select(GAMP_RECV(closed, &v), GAMP_RECV(dead, &v), GAMP_RECV(dead, &v),
                            GAMP_RECV(NULL, &v), GAMP_AT(GAMP_NEVER), GAMP_RECV(dead, &v),
                            GAMP_RECV(closed, &v), GAMP_AT(gamp_now() - 1));

        hits[k == 0 ? 0 : k == 6 ? 1 : 2]++;
        CHECK(k == 0 || k == 6 || k == 7);
    }
    check_uniform(hits, 3, DRAWS);
    gamp_chan_unref(closed);
    gamp_chan_unref(dead);
}

static void feed(gamp_chan *c, int n)
{
    for (int i = 0; i < n; i++)
        gamp_chan_send(c, &i);
}

/* Several cases wait on one channel: which of them meets the partner is random. */
TEST_GO_WITHIN(choice_is_uniform_among_waiting_duplicates, 40)
{
    enum { N = 6000 };
    gamp_chan *c = gamp_chan_of(int, 0), *never = gamp_chan_of(int, 0);
    int hits[3] = {0}, v = 0;

    CHECK_EQ(gamp_go(feed, c, N), 0);
    for (int i = 0; i < N; i++) {
        int k =
            gamp_select(GAMP_RECV(c, &v), GAMP_RECV(never, &v), GAMP_RECV(c, &v), GAMP_RECV(c, &v));

        CHECK_EQ(v, i);
        CHECK(k != 1);
        hits[k ? k - 1 : 0]++;
    }
    check_uniform(hits, 3, N);
    gamp_chan_unref(c);
    gamp_chan_unref(never);
}

/* Of several sends that wait on one channel, too: Go's TestPseudoRandomSend. */
static void send_either(gamp_chan *c, int n)
{
    int zero = 0, one = 1;

    for (int i = 0; i < n; i++)
        gamp_select(GAMP_SEND(c, &zero), GAMP_SEND(c, &one));
}

TEST_GO_WITHIN(choice_is_uniform_among_sends, 40)
{
    enum { N = 6000 };

    for (size_t cap = 0; cap < 20; cap += 10) {
        gamp_chan *c = gamp_chan_of(int, cap);
        int hits[2] = {0}, v;

        CHECK_EQ(gamp_go(send_either, c, N), 0);
        for (int i = 0; i < N; i++) {
            CHECK(gamp_chan_recv(c, &v));
            hits[v]++;
            if (i % 3 == 0)
                gamp_gosched(); /* so that the sender waits */
        }
        check_uniform(hits, 2, N);
        gamp_chan_unref(c);
    }
}

static void select_sender(gamp_chan *c, int64_t from, int n)
{
    for (int64_t i = from; i < from + n; i++) {
        int64_t a = i, b = i;

        /* One value, two cases: it must be sent once. */
        gamp_select(GAMP_SEND(c, &a), GAMP_SEND(c, &b));
    }
}

static void select_receiver(gamp_chan *c, gamp_chan *out)
{
    int64_t a, b;
    bool more_a = true, more_b = true;

    for (;;) {
        a = b = -1;
        int k = gamp_select(GAMP_RECV_OK(c, &a, &more_a), GAMP_RECV_OK(c, &b, &more_b));

        CHECK(k == 0 ? b == -1 : a == -1); /* the case that did not run left its element alone */
        if (!(k ? more_b : more_a))
            break;
        gamp_chan_send(out, k ? &b : &a);
    }
    gamp_chan_send(out, &(int64_t){-1});
}

TEST_GO_WITHIN(nothing_is_lost_or_doubled_between_selects, 60)
{
    enum { SENDERS = 4, RECEIVERS = 4, EACH = 3000 };
    for (size_t cap = 0; cap < 3; cap += 2) {
        gamp_chan *c = gamp_chan_of(int64_t, cap), *out = gamp_chan_of(int64_t, 100);
        static bool seen[SENDERS * EACH];
        int got = 0, ended = 0;
        int64_t v;

        memset(seen, 0, sizeof seen);
        for (int i = 0; i < SENDERS; i++)
            CHECK_EQ(gamp_go(select_sender, c, (int64_t)i * EACH, EACH), 0);
        for (int i = 0; i < RECEIVERS; i++)
            CHECK_EQ(gamp_go(select_receiver, c, out), 0);
        while (ended < RECEIVERS) {
            CHECK(gamp_chan_recv(out, &v));
            if (v < 0) {
                ended++;
                continue;
            }
            CHECK(!seen[v]);
            seen[v] = true;
            if (++got == SENDERS * EACH)
                gamp_chan_close(c);
        }
        CHECK_EQ(got, SENDERS * EACH);
        CHECK_EQ(gamp_chan_len(c), 0);
        gamp_chan_unref(out);
        gamp_chan_unref(c);
    }
}

/* The one that was served runs later than the one that serves it, who knows by it that the channels
 * have come out of use. */
static void send_or_quit(gamp_chan *out, gamp_chan *quit)
{
    int v = 1;

    CHECK_EQ(gamp_select(GAMP_SEND(out, &v), GAMP_RECV(quit, NULL), GAMP_RECV(quit, NULL)), 0);
}

static void send_twice_or_quit(gamp_chan *out, gamp_chan *quit)
{
    int v = 1;

    CHECK_GE(1, gamp_select(GAMP_SEND(out, &v), GAMP_SEND(out, &v), GAMP_RECV(quit, NULL)));
}

TEST_GO_WITHIN(channels_are_given_up_when_a_select_was_served, 60)
{
    for (int i = 0; i < 2000; i++) {
        gamp_chan *out = gamp_chan_of(int, i % 3 == 0), *quit = gamp_chan_of(int, 0);
        int v = 0;

        CHECK_EQ(gamp_go(i % 2 ? send_twice_or_quit : send_or_quit, out, quit), 0);
        if (i % 5 < 2)
            gamp_gosched();
        CHECK(gamp_chan_recv(out, &v));
        CHECK_EQ(v, 1);
        if (i % 7 < 3)
            gamp_chan_close(out);
        if (i % 11 < 5)
            gamp_chan_close(quit);
        gamp_chan_unref(out);
        gamp_chan_unref(quit);
    }
    while (gamp_num_goroutine() > 1)
        gamp_gosched();
}

static void recv_for_a_while(gamp_chan *c, gamp_waitgroup *wg)
{
    int v;

    CHECK_EQ(gamp_chan_recv_until(c, &v, gamp_now() + 20 * GAMP_MICROSECOND), -ETIMEDOUT);
    gamp_waitgroup_done(wg);
}

static void wait_on_two(gamp_chan *c, gamp_chan *go_on)
{
    CHECK_EQ(gamp_select(GAMP_RECV(c, NULL), GAMP_RECV(go_on, NULL)), 1);
}

/* Whoever still waits keeps the channel, and whoever gives it up is told. */
static void unref(void *c)
{
    gamp_chan_unref(c);
}

TEST_GO(a_channel_that_a_select_waits_on_is_kept)
{
    gamp_chan *c = gamp_chan_of(int, 0), *go_on = gamp_chan_of(int, 0);
    gamp_panic_info info;
    gamp_waitgroup wg = {0};
    int v = 1;

    CHECK_EQ(gamp_go(wait_on_two, c, go_on), 0);
    await_goroutines(1, "select");
    CHECK_EQ(gamp_protect(unref, c, &info), -EFAULT);
    CHECK(strstr(info.message, "somebody waits"));
    gamp_chan_send(go_on, &v);
    for (int i = 0; i < 100; i++) {
        gamp_waitgroup_add(&wg, 1);
        CHECK_EQ(gamp_go(recv_for_a_while, c, &wg), 0);
    }
    gamp_waitgroup_wait(&wg);
    gamp_chan_unref(c);
    gamp_chan_unref(go_on);
}

static void self_select(gamp_chan *c, int64_t me, gamp_waitgroup *wg)
{
    int64_t v;

    for (int i = 0; i < 2000; i++) {
        v = -1;
        if (gamp_select(GAMP_RECV(c, &v), GAMP_SEND(c, &me)) == 0)
            CHECK_MSG(v == 3 - me, "%lld received from itself", (long long)me);
        else
            CHECK_EQ(v, -1);
    }
    gamp_waitgroup_done(wg);
}

TEST_GO_WITHIN(nobody_receives_from_himself, 40)
{
    gamp_chan *c = gamp_chan_of(int64_t, 0);
    gamp_waitgroup wg = {0};
    int64_t v = 3;

    gamp_waitgroup_add(&wg, 2);
    CHECK_EQ(gamp_go(self_select, c, (int64_t)1, &wg), 0);
    CHECK_EQ(gamp_go(self_select, c, (int64_t)2, &wg), 0);
    /* Both make 2000 exchanges with each other alone: neither is left over. */
    gamp_waitgroup_wait(&wg);
    CHECK_EQ(gamp_chan_try_recv(c, &v), -EAGAIN);
    gamp_chan_unref(c);
}

/* Cases that lost leave nothing behind in their channels' queues: the waiters of before and after
 * are served in order. */
static void wait_recv(gamp_chan *c, gamp_chan *out, int64_t me)
{
    int64_t v;

    gamp_chan_recv(c, &v);
    v = v * 10 + me;
    gamp_chan_send(out, &v);
}

static void wait_select(gamp_chan *c, gamp_chan *other, gamp_chan *out)
{
    int64_t v, w;

    CHECK_EQ(gamp_select(GAMP_RECV(c, &v), GAMP_RECV(other, &w)), 1);
    w += 100;
    gamp_chan_send(out, &w);
}

TEST_GO(losing_cases_leave_queues_intact)
{
    gamp_chan *c = gamp_chan_of(int64_t, 0), *other = gamp_chan_of(int64_t, 0);
    gamp_chan *out = gamp_chan_of(int64_t, 10);
    int64_t v;

    CHECK_EQ(gamp_go(wait_recv, c, out, (int64_t)1), 0);
    await_goroutines(1, "chan receive");
    CHECK_EQ(gamp_go(wait_select, c, other, out), 0);
    await_goroutines(1, "select");
    CHECK_EQ(gamp_go(wait_recv, c, out, (int64_t)2), 0);
    await_goroutines(2, "chan receive");
    gamp_chan_send(other, &(int64_t){5});
    CHECK(gamp_chan_recv(out, &v));
    CHECK_EQ(v, 105);
    for (int64_t i = 1; i <= 2; i++) {
        gamp_chan_send(c, &i);
        CHECK(gamp_chan_recv(out, &v));
        CHECK_EQ(v, i * 11);
    }
    v = 0;
    CHECK_EQ(gamp_chan_try_send(c, &v), -EAGAIN);
    gamp_chan_unref(c);
    gamp_chan_unref(other);
    gamp_chan_unref(out);
}

TEST_GO(points_in_time)
{
    gamp_chan *c = gamp_chan_of(int, 0);
    gamp_time t;
    int v;

    CHECK_EQ(gamp_select(GAMP_RECV(c, &v), GAMP_AT(0)), 1);
    CHECK_EQ(gamp_select(GAMP_AT(GAMP_NEVER), GAMP_DEFAULT), 1);
    for (int i = 0; i < 5; i++) {
        t = gamp_now() + 2 * GAMP_MILLISECOND;
        CHECK_EQ(gamp_select(GAMP_AT(t + GAMP_SECOND), GAMP_RECV(c, &v), GAMP_AT(t),
                             GAMP_AT(GAMP_NEVER)),
                 2);
        CHECK_GE(gamp_now(), t);
    }
    CHECK_EQ(gamp_chan_try_send(c, &v), -EAGAIN); /* it is out of the queue */
    gamp_chan_unref(c);
}

struct protected
{
    gamp_case *cases;
    size_t n;
    int result;
};

static void select_body(void *arg)
{
    struct protected *p = arg;

    p->result = gamp_selectv(p->cases, p->n);
}

static void panics(gamp_case *cases, size_t n, const char *message)
{
    struct protected p = {cases, n, -1};
    gamp_panic_info info = {{0}, 0};

    CHECK_EQ(gamp_protect(select_body, &p, &info), -EFAULT);
    CHECK_CONTAINS(info.message, message);
}

TEST_GO(mistakes_panic)
{
    gamp_chan *c = gamp_chan_of(int, 1), *closed = gamp_chan_of(int, 0);
    static gamp_case many[65537];
    char small = 0;
    int v = 0;

    gamp_chan_close(closed);
    panics((gamp_case[]){GAMP_DEFAULT, GAMP_RECV(c, &v), GAMP_DEFAULT}, 3, "multiple defaults");
    panics((gamp_case[]){GAMP_RECV(c, &small)}, 1, "size mismatch");
    panics((gamp_case[]){GAMP_SEND(c, &small), GAMP_DEFAULT}, 2, "size mismatch");
    panics((gamp_case[]){GAMP_SEND(c, (void *)NULL)}, 1, "NULL element");
    panics((gamp_case[]){GAMP_SEND(closed, &v)}, 1, "send on closed channel");
    panics((gamp_case[]){GAMP_RECV(NULL, &v), GAMP_SEND(closed, &v), GAMP_DEFAULT}, 3,
           "send on closed channel");
    for (int i = 0; i < 65537; i++)
        many[i] = GAMP_SEND(closed, &v);
    panics(many, 65537, "65536");
    panics(many, 65536, "send on closed channel");
    panics(many, 17, "send on closed channel");
    many[0].kind = 99;
    panics(many, 1, "kind");
    gamp_chan_unref(c);
    gamp_chan_unref(closed);
}

static void close_soon(gamp_chan *c)
{
    gamp_sleep(3 * GAMP_MILLISECOND);
    gamp_chan_close(c);
}

TEST_GO(close_wakes_select)
{
    gamp_chan *c = gamp_chan_of(int, 0), *d = gamp_chan_of(int, 0);
    gamp_chan *e = gamp_chan_of(int, 0);
    int v = 7, w = 8;
    bool ok = true;

    CHECK_EQ(gamp_go(close_soon, c), 0);
    CHECK_EQ(gamp_select(GAMP_RECV(e, &w), GAMP_RECV_OK(c, &v, &ok), GAMP_SEND(d, &w)), 1);
    CHECK(v == 0 && !ok && w == 8);
    CHECK_EQ(gamp_go(close_soon, d), 0);
    panics((gamp_case[]){GAMP_RECV(e, &w), GAMP_SEND(d, &w)}, 2, "send on closed channel");
    gamp_chan_unref(c);
    gamp_chan_unref(d);
    gamp_chan_unref(e);
}

TEST_GO(an_array_is_used_again)
{
    gamp_chan *c = gamp_chan_of(int, 1);
    int in = 4, out = 0;
    gamp_case cases[] = {GAMP_SEND(c, &in), GAMP_RECV(c, &out)};
    gamp_case before[2];

    memcpy(before, cases, sizeof cases);
    for (int i = 0; i < 100; i++) {
        in = i;
        CHECK_EQ(gamp_selectv(cases, 2), i % 2);
        CHECK_EQ(out, i ? (i - 1) / 2 * 2 : 0);
        CHECK(memcmp(before, cases, sizeof cases) == 0);
    }
    gamp_chan_unref(c);
}

static void fill_one(gamp_chan **c, int n, int rounds, gamp_chan *done)
{
    for (int i = 0; i < rounds; i++) {
        int k = (int)((unsigned)i * 2654435761u % (unsigned)n);

        gamp_chan_send(c[k], &k);
        gamp_chan_recv(done, NULL);
    }
}

static void many_cases(int n, int rounds)
{
    gamp_chan **c = malloc((size_t)n * sizeof *c);
    gamp_case *cases = malloc((size_t)n * sizeof *cases);
    gamp_chan *done = gamp_chan_new(0, 0);
    int v;

    for (int i = 0; i < n; i++) {
        c[i] = gamp_chan_of(int, 0);
        cases[i] = GAMP_RECV(c[i], &v);
    }
    CHECK_EQ(gamp_go(fill_one, c, n, rounds, done), 0);
    for (int i = 0; i < rounds; i++) {
        v = -1;
        int k = gamp_selectv(cases, (size_t)n);

        CHECK_EQ(v, k);
        gamp_chan_send(done, NULL);
    }
    for (int i = 0; i < n; i++)
        gamp_chan_unref(c[i]);
    gamp_chan_unref(done);
    free(c);
    free(cases);
}

TEST_GO_WITHIN(any_number_of_cases, 60)
{
    for (int n = 1; n <= 40; n++)
        many_cases(n, 20);
    many_cases(1000, 20);
    many_cases(65536, 10);
}

TEST_GO(many_cases_of_one_channel)
{
    enum { N = 65536 };
    gamp_chan *c = gamp_chan_of(int, 0);
    gamp_case *cases = malloc(N * sizeof *cases);
    int v = -1, low = 0;

    for (int i = 0; i < N; i++)
        cases[i] = i % 2 ? GAMP_RECV(c, &v) : GAMP_AT(GAMP_NEVER);
    CHECK_EQ(gamp_go(feed, c, 40), 0);
    for (int i = 0; i < 40; i++) {
        int k = gamp_selectv(cases, N);

        CHECK_EQ(k % 2, 1);
        CHECK_EQ(v, i);
        low += k < N / 2;
    }
    CHECK(low > 0 && low < 40);
    gamp_chan_unref(c);
    free(cases);
}

static _Atomic int blocked_ran;

static void block_forms(int form)
{
    int v;

    if (form == 0)
        gamp_selectv(NULL, 0);
    else if (form == 1)
        gamp_select(GAMP_RECV(NULL, &v), GAMP_SEND(NULL, &v));
    else
        gamp_select(GAMP_AT(GAMP_NEVER));
    blocked_ran++;
}

TEST_GO(without_a_case_it_blocks_for_ever)
{
    for (int i = 0; i < 3; i++)
        CHECK_EQ(gamp_go(block_forms, i), 0);
    await_goroutines(3, "select");
    gamp_sleep(5 * GAMP_MILLISECOND);
    CHECK_EQ(blocked_ran, 0);
}

static int evaluated;

static gamp_chan *once(gamp_chan *c)
{
    evaluated++;
    return c;
}

TEST_GO(cases_are_evaluated_once)
{
    gamp_chan *c = gamp_chan_of(int, 3);
    int v = 1, *p = &v;

    CHECK_EQ(gamp_select(GAMP_SEND(once(c), p++), GAMP_RECV(NULL, (evaluated++, &v))), 0);
    CHECK_EQ(evaluated, 2);
    CHECK(p == &v + 1);
    /* One select inside another's argument. */
    CHECK_EQ(gamp_select(GAMP_SEND(c, &(int){gamp_select(GAMP_DEFAULT)}), GAMP_DEFAULT), 0);
    CHECK_EQ(gamp_chan_len(c), 2);
    gamp_chan_unref(c);
}
