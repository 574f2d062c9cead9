/* SPDX-License-Identifier: BSD-3-Clause */
/* chan_more: channels between many: order, threads, memory, whole programs. */
#include "harness/test.h"
#include "harness/waits.h"
#include <errno.h>
#include <gamp/chan.h>
#include <gamp/go.h>
#include <gamp/run.h>
#include <gamp/select.h>
#include <gamp/sync.h>
#include <gamp/time.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static gamp_waitgroup wg;

/* ---- order ---- */

enum form { PLAIN, TIMED, SELECT, FORMS };
static _Atomic int served[30];
static _Atomic bool through;

/* Starts the n-th and sees it into its queue, or, when there is room, to its end. */
static void begin(void (*fn)(gamp_chan *, int, int), gamp_chan *c, int n)
{
    const char *why = n % FORMS == SELECT ? "select" : "chan ";
    int before = goroutines_waiting(why);

    through = false;
    CHECK_EQ(gamp_go(fn, c, n % FORMS, n), 0);
    while (!through && goroutines_waiting(why) == before)
        gamp_sleep(GAMP_MILLISECOND / 10);
}

static void receive_as(gamp_chan *c, int form, int me)
{
    gamp_chan *never = gamp_chan_of(int, 0);
    int v = -1, w;

    if (form == PLAIN)
        CHECK(gamp_chan_recv(c, &v));
    else if (form == TIMED)
        CHECK_EQ(gamp_chan_recv_until(c, &v, gamp_now() + 100 * GAMP_SECOND), 0);
    else
        CHECK_EQ(gamp_select(GAMP_RECV(never, &w), GAMP_RECV(c, &v)), 1);
    served[me] = v;
    through = true;
    gamp_chan_unref(never);
    gamp_waitgroup_done(&wg);
}

static void send_as(gamp_chan *c, int form, int me)
{
    gamp_chan *never = gamp_chan_of(int, 0);
    int w;

    if (form == PLAIN)
        gamp_chan_send(c, &me);
    else if (form == TIMED)
        CHECK_EQ(gamp_chan_send_until(c, &me, gamp_now() + 100 * GAMP_SECOND), 0);
    else
        CHECK_EQ(gamp_select(GAMP_RECV(never, &w), GAMP_SEND(c, &me)), 1);
    through = true;
    gamp_chan_unref(never);
    gamp_waitgroup_done(&wg);
}

TEST_GO(receivers_are_served_in_order)
{
    gamp_chan *c = gamp_chan_of(int, 0);

    gamp_waitgroup_add(&wg, 30);
    for (int i = 0; i < 30; i++)
        begin(receive_as, c, i);
    for (int i = 0; i < 30; i++)
        gamp_chan_send(c, &i);
    gamp_waitgroup_wait(&wg);
    for (int i = 0; i < 30; i++)
        CHECK_EQ(served[i], i);
    gamp_chan_unref(c);
}

TEST_GO(senders_are_served_in_order)
{
    for (size_t cap = 0; cap < 5; cap += 2) {
        gamp_chan *c = gamp_chan_of(int, cap);
        int v;

        gamp_waitgroup_add(&wg, 30);
        for (int i = 0; i < 30; i++)
            begin(send_as, c, i);
        for (int i = 0; i < 30; i++) {
            CHECK(gamp_chan_recv(c, &v));
            CHECK_EQ(v, i);
        }
        gamp_waitgroup_wait(&wg);
        gamp_chan_unref(c);
    }
}

static void pass_on(gamp_chan *in, gamp_chan *out, int n)
{
    int v;

    for (int i = 0; i < n; i++) {
        CHECK(gamp_chan_recv(in, &v));
        CHECK_EQ(v, i);
        gamp_chan_send(out, &v);
    }
    gamp_chan_unref(in);
    gamp_chan_unref(out);
}

static void feed(gamp_chan *c, int n)
{
    for (int i = 0; i < n; i++)
        gamp_chan_send(c, &i);
    gamp_chan_unref(c);
}

TEST_GO(a_chain_keeps_the_order)
{
    enum { LINKS = 100, N = 200 };
    gamp_chan *first = gamp_chan_of(int, 0), *last = first;
    int v;

    CHECK_EQ(gamp_go(feed, gamp_chan_ref(first), N), 0);
    for (int i = 0; i < LINKS; i++) {
        gamp_chan *next = gamp_chan_of(int, (size_t)i % 3);

        CHECK_EQ(gamp_go(pass_on, last, gamp_chan_ref(next), N), 0);
        last = next;
    }
    for (int i = 0; i < N; i++) {
        CHECK(gamp_chan_recv(last, &v));
        CHECK_EQ(v, i);
    }
    gamp_chan_unref(last);
}

/* ---- nothing lost, nothing doubled ---- */

static void produce(gamp_chan *c, int from, int n)
{
    for (int i = from; i < from + n; i++)
        switch (i % 3) {
        case 0:
            gamp_chan_send(c, &i);
            break;
        case 1:
            while (gamp_chan_try_send(c, &i) != 0)
                gamp_gosched();
            break;
        default:
            while (gamp_chan_send_until(c, &i, gamp_now() + 1000) != 0)
                ;
        }
    gamp_waitgroup_done(&wg);
}

static _Atomic char times[40000];
static _Atomic int consumed;

static void consume(gamp_chan *c, int form)
{
    int v, err;

    for (;;) {
        if (form % 3 == 0)
            err = gamp_chan_recv(c, &v) ? 0 : -EPIPE;
        else if (form % 3 == 1)
            err = gamp_chan_try_recv(c, &v);
        else
            err = gamp_chan_recv_until(c, &v, gamp_now() + 1000);
        if (err == -EPIPE)
            break;
        if (err == -EAGAIN)
            gamp_gosched();
        if (err)
            continue;
        CHECK_EQ(++times[v], 1);
        consumed++;
    }
    gamp_waitgroup_done(&wg);
}

struct end {
    gamp_chan *c;
    int n;
};

static void *produce_thread(void *arg)
{
    struct end *e = arg;

    produce(e->c, e->n * 4000, 4000);
    return NULL;
}

static void *consume_thread(void *arg)
{
    struct end *e = arg;

    consume(e->c, e->n);
    return NULL;
}

static void many_to_many(size_t cap)
{
    gamp_chan *c = gamp_chan_of(int, cap);
    struct end ends[5] = {{c, 8}, {c, 9}, {c, 0}, {c, 1}, {c, 2}};
    pthread_t t[5];

    memset((void *)times, 0, sizeof times);
    consumed = 0;
    gamp_waitgroup_add(&wg, 18);
    for (int i = 0; i < 8; i++)
        CHECK_EQ(gamp_go(produce, c, i * 4000, 4000), 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&t[i], NULL, produce_thread, &ends[i]), 0);
    for (int i = 2; i < 5; i++)
        CHECK_EQ(pthread_create(&t[i], NULL, consume_thread, &ends[i]), 0);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(gamp_go(consume, c, i), 0);
    while (consumed < 40000)
        gamp_sleep(GAMP_MILLISECOND);
    gamp_chan_close(c);
    gamp_waitgroup_wait(&wg);
    for (int i = 0; i < 5; i++)
        pthread_join(t[i], NULL);
    CHECK_EQ(consumed, 40000);
    gamp_chan_unref(c);
}

TEST_GO_WITHIN(many_to_many_unbuffered, 60)
{
    many_to_many(0);
}

TEST_GO_WITHIN(many_to_many_buffered, 60)
{
    many_to_many(10);
}

/* Go's TestNonblockRecvRace: a receive is never "not ready" on a channel with an element, or
 * closed. */
static gamp_chan *box;

static void close_box(void)
{
    gamp_chan_recv(box, NULL);
    gamp_waitgroup_done(&wg);
}

TEST_GO(never_not_ready_when_ready)
{
    for (int i = 0; i < 3000; i++) {
        box = gamp_chan_of(int, 1);
        gamp_chan_send(box, &i);
        gamp_waitgroup_add(&wg, 1);
        CHECK_EQ(gamp_go(close_box), 0);
        gamp_chan_close(box);
        /* Either the value or the end. */
        CHECK_NE(gamp_chan_try_recv(box, NULL), -EAGAIN);
        CHECK_NE(gamp_select(GAMP_RECV(box, NULL), GAMP_DEFAULT), 1);
        gamp_waitgroup_wait(&wg);
        gamp_chan_unref(box);
    }
}

/* ---- threads and life ---- */

static void *echo_thread(void *arg)
{
    gamp_chan **c = arg;
    int v;

    while (gamp_chan_recv(c[0], &v)) {
        v = -v;
        gamp_chan_send(c[1], &v);
    }
    gamp_chan_close(c[1]);
    return NULL;
}

TEST_GO(a_thread_on_one_end)
{
    gamp_chan *c[2] = {gamp_chan_of(int, 0), gamp_chan_of(int, 0)};
    pthread_t t;
    int v;

    CHECK_EQ(pthread_create(&t, NULL, echo_thread, c), 0);
    for (int i = 0; i < 1000; i++) {
        gamp_chan_send(c[0], &i);
        CHECK(gamp_chan_recv(c[1], &v));
        CHECK_EQ(v, -i);
    }
    gamp_chan_close(c[0]);
    CHECK(!gamp_chan_recv(c[1], &v));
    pthread_join(t, NULL);
    gamp_chan_unref(c[0]);
    gamp_chan_unref(c[1]);
}

/* Two threads, no runtime at all: before it runs, and after. */
static void without_a_runtime(void)
{
    gamp_chan *c[2] = {gamp_chan_of(int, 0), gamp_chan_of(int, 2)};
    pthread_t t;
    int v, w;

    CHECK_EQ(gamp_chan_recv_until(c[1], &v, gamp_now() + GAMP_MILLISECOND), -ETIMEDOUT);
    CHECK_EQ(pthread_create(&t, NULL, echo_thread, c), 0);
    for (int i = 0; i < 200; i++) {
        if (i % 2)
            gamp_chan_send(c[0], &i);
        else
            CHECK_EQ(gamp_select(GAMP_RECV(c[1], &w), GAMP_SEND(c[0], &i)), 1);
        v = 1;
        if (i % 3)
            CHECK(gamp_chan_recv(c[1], &v));
        else
            CHECK_EQ(gamp_select(GAMP_RECV(c[1], &v)), 0);
        CHECK_EQ(v, -i);
    }
    gamp_chan_close(c[0]);
    CHECK(!gamp_chan_recv(c[1], &v));
    pthread_join(t, NULL);
    gamp_chan_unref(c[0]);
    gamp_chan_unref(c[1]);
}

static int nothing(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

TEST(threads_before_and_after_the_runtime)
{
    gamp_chan *c = gamp_chan_of(int, 1);
    int v = 5;

    without_a_runtime();
    gamp_chan_send(c, &v);
    CHECK_EQ(gamp_run(nothing, 0, (char *[]){NULL}), 0);
    CHECK_EQ(gamp_chan_try_recv(c, &v), 0);
    CHECK_EQ(v, 5);
    gamp_chan_unref(c);
    without_a_runtime();
}

/* Who receives the last element frees the channel, while the sender is on its way out; who closes
 * it leaves it to the receiver, and the other way round. */
static void send_and_leave(gamp_chan *c, int how)
{
    int v = how;

    switch (how % 4) {
    case 0:
        gamp_chan_send(c, &v);
        break;
    case 1:
        gamp_select(GAMP_SEND(c, &v), GAMP_AT(GAMP_NEVER));
        break;
    case 2:
        gamp_chan_close(c);
        break;
    default:
        gamp_chan_send_until(c, &v, gamp_now() + 100 * GAMP_SECOND);
    }
    gamp_waitgroup_done(&wg);
}

TEST_GO_WITHIN(memory_goes_under_send, 60)
{
    for (int i = 0; i < 20000; i++) {
        gamp_chan *c = gamp_chan_of(int, (size_t)i % 2);
        int v = -1;

        gamp_waitgroup_add(&wg, 1);
        CHECK_EQ(gamp_go(send_and_leave, c, i), 0);
        switch (i / 8 % 3) {
        case 0:
            gamp_chan_recv(c, &v);
            break;
        case 1:
            while (gamp_chan_try_recv(c, &v) == -EAGAIN)
                gamp_gosched();
            break;
        default:
            gamp_select(GAMP_RECV(c, &v), GAMP_RECV(NULL, &v));
        }
        CHECK_EQ(v, i % 4 == 2 ? 0 : i);
        /* The call has returned: nobody needs it any more. */
        gamp_chan_unref(c);
        if (i % 16 == 0)
            gamp_waitgroup_wait(&wg);
    }
    gamp_waitgroup_wait(&wg);
}

/* References counted by many at once. */
static void ref_and_unref(gamp_chan *c, int n)
{
    int v = n;

    for (int i = 0; i < 1000; i++) {
        gamp_chan_unref(gamp_chan_ref(c));
        if (gamp_chan_try_send(c, &v) == 0)
            gamp_chan_try_recv(c, &v);
    }
    gamp_chan_unref(c);
    gamp_waitgroup_done(&wg);
}

TEST_GO(references)
{
    for (int i = 0; i < 20; i++) {
        gamp_chan *c = gamp_chan_of(int, 2);

        gamp_waitgroup_add(&wg, 8);
        for (int k = 0; k < 8; k++)
            CHECK_EQ(gamp_go(ref_and_unref, gamp_chan_ref(c), k), 0);
        gamp_chan_unref(c);
        gamp_waitgroup_wait(&wg);
    }
}

/* ---- programs ---- */

static void left_to_right(gamp_chan *left, gamp_chan *right)
{
    int v;

    CHECK(gamp_chan_recv(right, &v));
    v++;
    gamp_chan_send(left, &v);
}

TEST_GO_WITHIN(ten_thousand_in_a_chain, 60)
{
    enum { N = 10000 };
    gamp_chan **c = malloc((N + 1) * sizeof *c);
    int v = 0;

    for (int i = 0; i <= N; i++)
        c[i] = gamp_chan_of(int, 0);
    for (int i = 0; i < N; i++)
        CHECK_EQ(gamp_go(left_to_right, c[i], c[i + 1]), 0);
    gamp_chan_send(c[N], &v);
    CHECK(gamp_chan_recv(c[0], &v));
    CHECK_EQ(v, N);
    for (int i = 0; i <= N; i++)
        gamp_chan_unref(c[i]);
    free(c);
}

static void generate(gamp_chan *out)
{
    for (int i = 2;; i++)
        if (gamp_select(GAMP_SEND(out, &i), GAMP_RECV(box, NULL)) == 1)
            break;
    gamp_chan_unref(out);
    gamp_waitgroup_done(&wg);
}

static void filter(gamp_chan *in, gamp_chan *out, int prime)
{
    int v;

    for (;;) {
        if (gamp_select(GAMP_RECV(in, &v), GAMP_RECV(box, NULL)) == 1)
            break;
        if (v % prime != 0 && gamp_select(GAMP_SEND(out, &v), GAMP_RECV(box, NULL)) == 1)
            break;
    }
    gamp_chan_unref(in);
    gamp_chan_unref(out);
    gamp_waitgroup_done(&wg);
}

TEST_GO_WITHIN(sieve, 60)
{
    enum { PRIMES = 150 };
    gamp_chan *c = gamp_chan_of(int, 0);
    int prime = 0;

    box = gamp_chan_new(0, 0);
    gamp_waitgroup_add(&wg, 1);
    CHECK_EQ(gamp_go(generate, gamp_chan_ref(c)), 0);
    for (int i = 0; i < PRIMES; i++) {
        gamp_chan *next = gamp_chan_of(int, 0);

        CHECK(gamp_chan_recv(c, &prime));
        gamp_waitgroup_add(&wg, 1);
        CHECK_EQ(gamp_go(filter, c, gamp_chan_ref(next), prime), 0);
        c = next;
    }
    CHECK_EQ(prime, 863); /* the 150th */
    gamp_chan_close(box);
    gamp_waitgroup_wait(&wg);
    gamp_chan_unref(c);
    gamp_chan_unref(box);
}

/* Power series, as in powser1: the exponential's coefficients by integrating itself: e' = e. Each
 * is a goroutine that asks the one before it. */
struct fraction {
    int64_t num, den;
};

static void exponential(gamp_chan *out, int n)
{
    struct fraction f = {1, 1};
    gamp_chan *self = gamp_chan_of(struct fraction, 1);

    for (int i = 0; i < n; i++) {
        gamp_chan_send(out, &f);
        gamp_chan_send(self, &f);
        CHECK(gamp_chan_recv(self, &f));
        f.den *= i + 1;
    }
    gamp_chan_close(out);
    gamp_chan_unref(self);
    gamp_chan_unref(out);
}

static void product(gamp_chan *a, gamp_chan *b, gamp_chan *out, int n)
{
    struct fraction x[16], y[16];

    for (int i = 0; i < n; i++) {
        int64_t num = 0, den = 1;

        CHECK(gamp_chan_recv(a, &x[i]));
        CHECK(gamp_chan_recv(b, &y[i]));
        for (int k = 0; k <= i; k++) {
            int64_t d = x[k].den * y[i - k].den;

            num = num * d + den * x[k].num * y[i - k].num;
            den *= d;
            for (int64_t g = num, h = den, t;; g = h, h = t) {
                t = g % h;
                if (t == 0) {
                    num /= h;
                    den /= h;
                    break;
                }
            }
        }
        gamp_chan_send(out, &(struct fraction){num, den});
    }
    CHECK(!gamp_chan_recv(a, NULL));
    CHECK(!gamp_chan_recv(b, NULL));
    gamp_chan_close(out);
    gamp_chan_unref(a);
    gamp_chan_unref(b);
    gamp_chan_unref(out);
}

/* e^x * e^x = e^2x: coefficients 2^n / n!. */
TEST_GO(power_series)
{
    enum { N = 8 };
    gamp_chan *a = gamp_chan_of(struct fraction, 0), *b = gamp_chan_of(struct fraction, 0);
    gamp_chan *c = gamp_chan_of(struct fraction, 0);
    int64_t fact = 1, pow = 1;
    struct fraction f;

    CHECK_EQ(gamp_go(exponential, gamp_chan_ref(a), N), 0);
    CHECK_EQ(gamp_go(exponential, gamp_chan_ref(b), N), 0);
    CHECK_EQ(gamp_go(product, a, b, gamp_chan_ref(c), N), 0);
    for (int i = 0; i < N; i++) {
        CHECK(gamp_chan_recv(c, &f));
        CHECK_EQ(f.num * fact, pow * f.den);
        fact *= i + 1;
        pow *= 2;
    }
    CHECK(!gamp_chan_recv(c, &f));
    gamp_chan_unref(c);
}
