/* SPDX-License-Identifier: BSD-3-Clause */
/* chan_ops: each operation on each kind of channel, in each state. */
#include "harness/test.h"
#include "harness/waits.h"
#include <errno.h>
#include <gamp/chan.h>
#include <gamp/go.h>
#include <gamp/panic.h>
#include <gamp/run.h>
#include <gamp/time.h>
#include <stdlib.h>
#include <string.h>

static const size_t sizes[] = {0, 1, 2, 3, 4, 7, 8, 9, 12, 16, 17, 24, 100, 4096, 65535};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

/* An element's bytes, told from those of others. */
static void fill(unsigned char *p, size_t n, unsigned k)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (unsigned char)(k * 31 + i * 7 + 1);
}

static bool filled(const unsigned char *p, size_t n, unsigned k)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != (unsigned char)(k * 31 + i * 7 + 1))
            return false;
    return true;
}

enum { EDGE = 16 };

static unsigned char *guarded(size_t n)
{
    unsigned char *p = malloc(n + 2 * EDGE);

    memset(p, 0xa5, n + 2 * EDGE);
    return p + EDGE;
}

static void check_guards(const unsigned char *p, size_t n)
{
    for (int i = 1; i <= EDGE; i++)
        CHECK(p[-i] == 0xa5 && p[n + (size_t)i - 1] == 0xa5);
}

static void send_some(gamp_chan *c, size_t size, int n)
{
    unsigned char *p = guarded(size);

    for (int k = 0; k < n; k++) {
        fill(p, size, (unsigned)k);
        gamp_chan_send_sized(c, p, size);
        CHECK(filled(p, size, (unsigned)k));
    }
    check_guards(p, size);
    free(p - EDGE);
    gamp_chan_close(c);
}

TEST_GO(every_size_arrives_whole)
{
    for (int s = 0; s < SIZES; s++)
        for (size_t cap = 0; cap <= 3; cap++) {
            gamp_chan *c = gamp_chan_new(sizes[s], cap);
            unsigned char *p = guarded(sizes[s]);
            int k = 0;

            CHECK_EQ(gamp_chan_elem_size(c), sizes[s]);
            CHECK_EQ(gamp_chan_cap(c), cap);
            CHECK_EQ(gamp_go(send_some, c, sizes[s], 20), 0);
            while (gamp_chan_recv_sized(c, p, sizes[s])) {
                CHECK(filled(p, sizes[s], (unsigned)k));
                check_guards(p, sizes[s]);
                k++;
            }
            CHECK_EQ(k, 20);
            for (size_t i = 0; i < sizes[s]; i++)
                CHECK_EQ(p[i], 0);
            check_guards(p, sizes[s]);
            free(p - EDGE);
            gamp_chan_unref(c);
        }
}

TEST_GO(buffer_is_first_in_first_out)
{
    gamp_chan *c = gamp_chan_of(int, 5);
    int next_in = 0, next_out = 0, v;

    CHECK_EQ(gamp_chan_len(c), 0);
    for (int round = 0; round < 50; round++) {
        int n = round % 5 + 1;

        for (int i = 0; i < n; i++) {
            gamp_chan_send(c, &next_in);
            next_in++;
            CHECK_EQ(gamp_chan_len(c), i + 1);
        }
        for (int i = 0; i < n; i++) {
            CHECK(gamp_chan_recv(c, &v));
            CHECK_EQ(v, next_out);
            next_out++;
        }
    }
    for (int i = 0; i < 5; i++)
        CHECK_EQ(gamp_chan_try_send(c, &i), 0);
    CHECK_EQ(gamp_chan_try_send(c, &v), -EAGAIN);
    CHECK_EQ(gamp_chan_len(c), 5);
    gamp_chan_close(c);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(gamp_chan_try_recv(c, &v), 0);
        CHECK_EQ(v, i);
    }
    v = 7;
    CHECK_EQ(gamp_chan_try_recv(c, &v), -EPIPE);
    CHECK_EQ(v, 0);
    gamp_chan_unref(c);
}

/* What a goroutine does to a channel, and what became of it. */
enum op { SEND, RECV, TRY_SEND, TRY_RECV, SEND_UNTIL, RECV_UNTIL, SEND_PAST, RECV_PAST, OPS };
enum { BLOCKED = 1000, PANICKED };

struct act {
    enum op op;
    gamp_chan *c;
    int64_t v;
    _Atomic int result;
    char message[256];
};

static void act_body(void *arg)
{
    struct act *a = arg;
    int r = 0;

    switch (a->op) {
    case SEND:
        gamp_chan_send(a->c, &a->v);
        break;
    case RECV:
        r = gamp_chan_recv(a->c, &a->v) ? 0 : -EPIPE;
        break;
    case TRY_SEND:
        r = gamp_chan_try_send(a->c, &a->v);
        break;
    case TRY_RECV:
        r = gamp_chan_try_recv(a->c, &a->v);
        break;
    case SEND_UNTIL:
        r = gamp_chan_send_until(a->c, &a->v, gamp_now() + 20 * GAMP_MILLISECOND);
        break;
    case RECV_UNTIL:
        r = gamp_chan_recv_until(a->c, &a->v, gamp_now() + 20 * GAMP_MILLISECOND);
        break;
    case SEND_PAST:
        r = gamp_chan_send_until(a->c, &a->v, gamp_now() - 1);
        break;
    case RECV_PAST:
        r = gamp_chan_recv_until(a->c, &a->v, 0);
        break;
    case OPS:
        break;
    }
    a->result = r;
}

static void act_go(struct act *a)
{
    gamp_panic_info info;

    if (gamp_protect(act_body, a, &info) == -EFAULT) {
        strcpy(a->message, info.message);
        CHECK_EQ(info.goid, gamp_goid());
        a->result = PANICKED;
    }
}

/* One that shall block is seen in its wait, each of the others comes to its end. */
static int result_of(struct act *a, enum op op, gamp_chan *c, int want)
{
    int before = goroutines_waiting("chan ");

    *a = (struct act){.op = op, .c = c, .v = 77, .result = BLOCKED};
    CHECK_EQ(gamp_go(act_go, a), 0);
    while (a->result == BLOCKED && (want != BLOCKED || goroutines_waiting("chan ") == before))
        gamp_sleep(GAMP_MILLISECOND / 10);
    return a->result;
}

enum state { NIL, OPEN, ONE_OF_TWO, FULL, CLOSED, CLOSED_WITH_ONE, STATES };

/* Expected result of each operation in each state, for an unbuffered channel's states and a
 * buffered one's. */
static const int expected[STATES][OPS] = {
    [NIL] = {BLOCKED, BLOCKED, -EAGAIN, -EAGAIN, -ETIMEDOUT, -ETIMEDOUT, -ETIMEDOUT, -ETIMEDOUT},
    [OPEN] = {BLOCKED, BLOCKED, -EAGAIN, -EAGAIN, -ETIMEDOUT, -ETIMEDOUT, -ETIMEDOUT, -ETIMEDOUT},
    [ONE_OF_TWO] = {0, 0, 0, 0, 0, 0, 0, 0},
    [FULL] = {BLOCKED, 0, -EAGAIN, 0, -ETIMEDOUT, 0, -ETIMEDOUT, 0},
    [CLOSED] = {PANICKED, -EPIPE, -EPIPE, -EPIPE, -EPIPE, -EPIPE, -EPIPE, -EPIPE},
    [CLOSED_WITH_ONE] = {PANICKED, 0, -EPIPE, 0, -EPIPE, 0, -EPIPE, 0},
};

static gamp_chan *in_state(enum state s)
{
    int64_t one = 1;
    gamp_chan *c;

    if (s == NIL)
        return NULL;
    c = gamp_chan_of(int64_t, s == ONE_OF_TWO ? 2 : s == FULL || s == CLOSED_WITH_ONE ? 1 : 0);
    if (s == ONE_OF_TWO || s == FULL || s == CLOSED_WITH_ONE)
        gamp_chan_send(c, &one);
    if (s == CLOSED || s == CLOSED_WITH_ONE)
        gamp_chan_close(c);
    return c;
}

static struct act acts[STATES][OPS]; /* those that block stay */

TEST_GO(matrix)
{
    for (enum state s = 0; s < STATES; s++)
        for (enum op op = 0; op < OPS; op++) {
            struct act *a = &acts[s][op];
            gamp_chan *c = in_state(s);
            int r = result_of(a, op, c, expected[s][op]);
            bool recv = op == RECV || op == TRY_RECV || op == RECV_UNTIL || op == RECV_PAST;

            CHECK_MSG(r == expected[s][op], "state %d, op %d: %d, expected %d", s, op, r,
                      expected[s][op]);
            if (r == PANICKED)
                CHECK_STR(a->message, "send on closed channel");
            if (recv)
                CHECK_EQ(a->v, r == 0 ? 1 : r == -EPIPE ? 0 : 77);
            if (r != BLOCKED)
                gamp_chan_unref(c);
        }
}

static struct act close_acts[6];

TEST_GO(close_wakes_all_that_wait)
{
    gamp_chan *senders = gamp_chan_of(int64_t, 0), *receivers = gamp_chan_of(int64_t, 4);

    for (int i = 0; i < 6; i++) {
        close_acts[i] = (struct act){.op = i < 3 ? SEND : RECV,
                                     .c = i < 3 ? senders : receivers,
                                     .v = 77,
                                     .result = BLOCKED};
        CHECK_EQ(gamp_go(act_go, &close_acts[i]), 0);
    }
    await_goroutines(6, "chan ");
    gamp_chan_close(senders);
    gamp_chan_close(receivers);
    for (int i = 0; i < 6; i++) {
        while (close_acts[i].result == BLOCKED)
            gamp_gosched();
        if (i < 3) {
            CHECK_EQ(close_acts[i].result, PANICKED);
            CHECK_STR(close_acts[i].message, "send on closed channel");
        } else {
            CHECK_EQ(close_acts[i].result, -EPIPE);
            CHECK_EQ(close_acts[i].v, 0);
        }
    }
    gamp_chan_unref(senders);
    gamp_chan_unref(receivers);
}

static struct act timed_acts[2];

TEST_GO(close_wakes_timed_ones)
{
    gamp_chan *c[2] = {gamp_chan_of(int64_t, 0), gamp_chan_of(int64_t, 0)};

    for (int i = 0; i < 2; i++)
        timed_acts[i] =
            (struct act){.op = i ? RECV_UNTIL : SEND_UNTIL, .c = c[i], .v = 77, .result = BLOCKED};
    /* Twenty milliseconds are given to them; most rounds close in time, and all must end well. */
    for (int i = 0; i < 2; i++)
        CHECK_EQ(gamp_go(act_go, &timed_acts[i]), 0);
    gamp_sleep(3 * GAMP_MILLISECOND);
    gamp_chan_close(c[0]);
    gamp_chan_close(c[1]);
    for (int i = 0; i < 2; i++) {
        while (timed_acts[i].result == BLOCKED)
            gamp_gosched();
        CHECK(timed_acts[i].result == -EPIPE || timed_acts[i].result == -ETIMEDOUT);
        gamp_chan_unref(c[i]);
    }
}

static void close_it(void *c)
{
    gamp_chan_close(c);
}

static void unref_it(void *c)
{
    gamp_chan_unref(c);
}

static void send_int(void *c)
{
    gamp_chan_send((gamp_chan *)c, &(int){1});
}

static void recv_int(void *c)
{
    int v;

    gamp_chan_recv((gamp_chan *)c, &v);
}

static void try_recv_char(void *c)
{
    char v;

    gamp_chan_try_recv((gamp_chan *)c, &v);
}

static void send_null(void *c)
{
    gamp_chan_send((gamp_chan *)c, (void *)NULL);
}

static void send_null_sized(void *c)
{
    gamp_chan_try_send_sized(c, NULL, 8);
}

static void new_too_large(void *arg)
{
    (void)arg;
    CHECK(gamp_chan_new(65536, 0) == NULL);
}

static void panics(void (*fn)(void *), void *arg, const char *message)
{
    gamp_panic_info info = {0};

    CHECK_EQ(gamp_protect(fn, arg, &info), -EFAULT);
    CHECK_CONTAINS(info.message, message);
}

static void mistakes(void)
{
    gamp_chan *c = gamp_chan_of(int64_t, 1), *z = gamp_chan_new(0, 1);

    panics(close_it, NULL, "close of nil channel");
    panics(send_int, c, "size mismatch");
    panics(recv_int, c, "size mismatch");
    panics(try_recv_char, c, "size mismatch");
    panics(send_int, z, "size mismatch");
    panics(send_null, c, "NULL element");
    panics(send_null_sized, c, "NULL element");
    panics(new_too_large, NULL, "");
    CHECK_EQ(gamp_chan_len(c), 0);
    /* Of a size 0 nothing is looked at. */
    gamp_chan_send(z, (void *)NULL);
    CHECK(gamp_chan_recv(z, (void *)NULL));
    gamp_chan_close(c);
    panics(close_it, c, "close of closed channel");
    gamp_chan_unref(c);
    gamp_chan_unref(z);
    gamp_chan_unref(NULL);
    CHECK(gamp_chan_ref(NULL) == NULL);
    CHECK_EQ(gamp_chan_len(NULL), 0);
    CHECK_EQ(gamp_chan_cap(NULL), 0);
}

TEST_GO(mistakes_panic)
{
    mistakes();
}

TEST(mistakes_panic_without_a_runtime)
{
    mistakes();
}

TEST_GO(unref_under_a_waiter_panics)
{
    static struct act a;
    gamp_chan *c = gamp_chan_of(int64_t, 0);
    int64_t v = 5;

    a = (struct act){.op = RECV, .c = c, .v = 77, .result = BLOCKED};
    CHECK_EQ(gamp_go(act_go, &a), 0);
    await_goroutines(1, "chan receive");
    CHECK(gamp_chan_ref(c) == c);
    gamp_chan_unref(c); /* not the last */
    panics(unref_it, c, "");
    gamp_chan_send(c, &v);
    while (a.result == BLOCKED)
        gamp_gosched();
    CHECK_EQ(a.v, 5);
    gamp_chan_unref(c);
}

TEST_GO(null_discards)
{
    gamp_chan *c = gamp_chan_of(int, 2);

    gamp_chan_send(c, &(int){1});
    gamp_chan_send(c, &(int){2});
    CHECK(gamp_chan_recv(c, NULL));
    CHECK_EQ(gamp_chan_try_recv(c, NULL), 0);
    CHECK_EQ(gamp_chan_try_recv(c, NULL), -EAGAIN);
    CHECK_EQ(gamp_chan_recv_until(c, NULL, 0), -ETIMEDOUT);
    gamp_chan_close(c);
    CHECK(!gamp_chan_recv(c, NULL));
    gamp_chan_unref(c);
}

struct pair {
    int a, b;
};

TEST_GO(macros_evaluate_once_and_take_literals)
{
    gamp_chan *c = gamp_chan_of(struct pair, 4);
    gamp_chan *cs[1] = {c};
    struct pair got[3] = {{0, 0}};
    int i = 0, j = 0;

    gamp_chan_send(cs[i++], &(struct pair){1, 2});
    CHECK_EQ(i, 1);
    CHECK_EQ(gamp_chan_try_send(c, &(struct pair){3, 4}), 0);
    CHECK_EQ(gamp_chan_send_until(c, (&(struct pair){5, 6}), GAMP_NEVER), 0);
    CHECK(gamp_chan_recv(c, &got[j++]));
    CHECK_EQ(gamp_chan_try_recv(c, &got[j++]), 0);
    CHECK_EQ(gamp_chan_recv_until(c, &got[j++], GAMP_NEVER), 0);
    CHECK_EQ(j, 3);
    for (int k = 0; k < 3; k++)
        CHECK(got[k].a == 2 * k + 1 && got[k].b == 2 * k + 2);
    gamp_chan_unref(c);
}

TEST_GO(too_much_memory_is_null_and_errno_stays)
{
    errno = 4321;
    CHECK(gamp_chan_new(65535, SIZE_MAX / 2) == NULL);
    CHECK(gamp_chan_new(8, SIZE_MAX / 8) == NULL);
    CHECK_EQ(errno, 4321);
    gamp_chan *c = gamp_chan_new(0, SIZE_MAX); /* takes no memory; only counts */
    CHECK(c != NULL);
    CHECK_EQ(gamp_chan_cap(c) == SIZE_MAX, true);
    for (int i = 0; i < 1000; i++)
        gamp_chan_send(c, NULL);
    CHECK_EQ(gamp_chan_len(c), 1000);
    CHECK_EQ(gamp_chan_try_recv(c, NULL), 0);
    CHECK_EQ(gamp_chan_len(c), 999);
    CHECK_EQ(errno, 4321);
    gamp_chan_unref(c);
}

TEST_GO(time_limits_are_kept)
{
    gamp_chan *c = gamp_chan_of(int, 0);
    int v = 7;

    for (int i = 0; i < 5; i++) {
        gamp_time t = gamp_now() + (i + 1) * GAMP_MILLISECOND;

        errno = i;
        CHECK_EQ(i & 1 ? gamp_chan_send_until(c, &v, t) : gamp_chan_recv_until(c, &v, t),
                 -ETIMEDOUT);
        CHECK_GE(gamp_now(), t);
        CHECK_EQ(errno, i);
        CHECK_EQ(v, 7);
        t = gamp_now() + GAMP_MILLISECOND;
        CHECK_EQ(gamp_chan_recv_until(NULL, &v, t), -ETIMEDOUT);
        CHECK_GE(gamp_now(), t);
    }
    gamp_chan_unref(c); /* nobody is left in a queue */
}
