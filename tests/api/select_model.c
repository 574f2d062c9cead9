/* SPDX-License-Identifier: BSD-3-Clause */
/* select_model: select against a plain model of its channels, in every state of a channel, from
 * every place, and without leaking: Go's test/chan/select2, select3, select5. */
#include "harness/test.h"
#include "harness/waits.h"
#include <errno.h>
#include <gamp.h>
#include <pthread.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static gamp_waitgroup wg;

static void panics(void (*fn)(void *), void *arg, const char *message)
{
    gamp_panic_info info = {{0}, 0};

    CHECK_EQ(gamp_protect(fn, arg, &info), -EFAULT);
    CHECK_STR(info.message, message);
}

/* ---- one goroutine against a model ---- */

enum { CHANS = 5, CAP = 3, CASES = 9, ROUNDS = 20000 };

struct model {
    gamp_chan *c[CHANS];
    int buf[CHANS][CAP], n[CHANS], cap[CHANS];
    bool closed[CHANS];
    int v[CASES];
    bool ok[CASES];
    /* channel of the case; -1 NULL, -2 a time that passed, -3 never, -4 default */
    int which[CASES];
};

static bool is_ready(const struct model *m, const gamp_case *k, int which)
{
    if (which < 0)
        return which == -2;
    if (k->kind == GAMP_CASE_SEND)
        return m->closed[which] || m->n[which] < m->cap[which];
    return m->closed[which] || m->n[which] > 0;
}

static gamp_case draw(struct model *m, int i, uint64_t *rand, bool *has_default)
{
    int kind = (int)(test_rand(rand) % 16), c = (int)(test_rand(rand) % CHANS);

    m->v[i] = -1000 - i;
    m->ok[i] = (test_rand(rand) & 1) != 0;
    m->which[i] = c;
    if (kind == 0) {
        m->which[i] = -1;
        return GAMP_RECV(NULL, &m->v[i]);
    }
    if (kind == 1) {
        m->which[i] = -3;
        return GAMP_AT(GAMP_NEVER);
    }
    if (kind == 2 && test_rand(rand) % 4 == 0) {
        m->which[i] = -2;
        return GAMP_AT(1);
    }
    if (kind == 3 && !*has_default) {
        *has_default = true;
        m->which[i] = -4;
        return GAMP_DEFAULT;
    }
    /* A send on a closed channel is tried below. */
    if (kind < 10 && !m->closed[c])
        return GAMP_SEND(m->c[c], &m->v[i]);
    return kind % 2 ? GAMP_RECV(m->c[c], &m->v[i]) : GAMP_RECV_OK(m->c[c], &m->v[i], &m->ok[i]);
}

static void apply(struct model *m, const gamp_case *k, int i)
{
    int c = m->which[i];

    if (c < 0)
        return;
    if (k->kind == GAMP_CASE_SEND) {
        m->buf[c][m->n[c]++] = -1000 - i;
        CHECK_EQ(m->v[i], -1000 - i);
    } else if (m->n[c] > 0) {
        CHECK_EQ(m->v[i], m->buf[c][0]);
        m->n[c]--;
        memmove(m->buf[c], m->buf[c] + 1, (size_t)m->n[c] * sizeof(int));
        CHECK(!k->ok || *k->ok);
    } else {
        CHECK(m->closed[c]);
        CHECK_EQ(m->v[i], 0);
        CHECK(!k->ok || !*k->ok);
    }
}

static void renew(struct model *m, int c, uint64_t *rand)
{
    gamp_chan_unref(m->c[c]);
    m->cap[c] = (int)(test_rand(rand) % (CAP + 1));
    m->c[c] = gamp_chan_of(int, (size_t)m->cap[c]);
    m->n[c] = 0;
    m->closed[c] = false;
}

static void a_round(struct model *m, uint64_t *rand)
{
    gamp_case cases[CASES];
    bool has_default = false, ok_before[CASES];
    int n = 1 + (int)(test_rand(rand) % (CASES - 1)), ready = 0, k;

    for (int i = 0; i < n; i++) {
        cases[i] = draw(m, i, rand, &has_default);
        ready += is_ready(m, &cases[i], m->which[i]);
    }
    if (ready == 0 && !has_default) {
        cases[n] = GAMP_AT(gamp_now() + 1000);
        m->which[n] = -2;
        ready = 1;
        n++;
    }
    memcpy(ok_before, m->ok, sizeof ok_before);
    k = gamp_selectv(cases, (size_t)n);
    CHECK(k >= 0 && k < n);
    if (ready == 0)
        CHECK_EQ(m->which[k], -4);
    else
        CHECK(is_ready(m, &cases[k], m->which[k]));
    apply(m, &cases[k], k);
    for (int i = 0; i < n; i++)
        if (i != k) {
            CHECK_EQ(m->v[i], -1000 - i);
            CHECK_EQ(m->ok[i], ok_before[i]);
        }
    for (int c = 0; c < CHANS; c++)
        CHECK_EQ(gamp_chan_len(m->c[c]), m->n[c]);
}

static void against_model(void)
{
    uint64_t rand = test_seed();
    struct model m = {.c = {NULL}};

    for (int c = 0; c < CHANS; c++)
        renew(&m, c, &rand);
    for (int i = 0; i < ROUNDS; i++) {
        int c = (int)(test_rand(&rand) % CHANS);

        a_round(&m, &rand);
        if (test_rand(&rand) % 16 == 0 && !m.closed[c]) {
            gamp_chan_close(m.c[c]);
            m.closed[c] = true;
        } else if (test_rand(&rand) % 16 == 0) {
            renew(&m, c, &rand);
        }
    }
    for (int c = 0; c < CHANS; c++)
        gamp_chan_unref(m.c[c]);
}

TEST_GO(like_a_model)
{
    against_model();
}

static void *model_thread(void *arg)
{
    against_model();
    return arg;
}

TEST_GO(like_a_model_on_a_thread)
{
    pthread_t t;

    CHECK_EQ(pthread_create(&t, NULL, model_thread, NULL), 0);
    pthread_join(t, NULL);
}

TEST(like_a_model_without_a_runtime)
{
    against_model();
}

/* ---- every state of a channel ---- */

enum state { NIL, EMPTY, FULL, HALF, CLOSED, CLOSED_FULL, STATES };
enum outcome { WAITS, RUNS, DIES };

static const enum outcome outcome[STATES][2] = {
    /*               recv   send */
    [NIL] = {WAITS, WAITS}, [EMPTY] = {WAITS, WAITS}, [FULL] = {RUNS, WAITS},
    [HALF] = {RUNS, RUNS},  [CLOSED] = {RUNS, DIES},  [CLOSED_FULL] = {RUNS, DIES},
};

static gamp_chan *in_state(enum state s)
{
    gamp_chan *c;

    if (s == NIL)
        return NULL;
    c = gamp_chan_of(int, s == FULL || s == CLOSED_FULL ? 1 : s == HALF ? 2 : 0);
    if (s == FULL || s == HALF || s == CLOSED_FULL)
        gamp_chan_send(c, &(int){1});
    if (s == CLOSED || s == CLOSED_FULL)
        gamp_chan_close(c);
    return c;
}

struct attempt {
    gamp_case cases[2];
    size_t n;
    int result;
};

static void select_body(void *arg)
{
    struct attempt *a = arg;

    a->result = gamp_selectv(a->cases, a->n);
}

/* With a default or a time that has passed beside it, first or last, or alone in a goroutine of
 * its own. */
TEST_GO(every_state_of_a_channel)
{
    for (enum state s = 0; s < STATES; s++)
        for (int send = 0; send < 2; send++)
            for (int form = 0; form < 4; form++) {
                gamp_chan *c = in_state(s);
                int v = 7, first = form % 2, chosen = first ? 1 : 0;
                struct attempt a = {.n = 2, .result = -1};

                a.cases[chosen] = send ? GAMP_SEND(c, &v) : GAMP_RECV(c, &v);
                a.cases[!chosen] = form < 2 ? GAMP_DEFAULT : GAMP_AT(gamp_now() + GAMP_HOUR);
                if (form >= 2 && outcome[s][send] == WAITS)
                    a.cases[!chosen] = GAMP_AT(gamp_now() + GAMP_MILLISECOND);
                if (outcome[s][send] == DIES) {
                    panics(select_body, &a, "send on closed channel");
                } else {
                    select_body(&a);
                    CHECK_EQ(a.result, outcome[s][send] == RUNS ? chosen : !chosen);
                }
                gamp_chan_unref(c);
            }
}

/* A point that has passed is ready: a default beside it never runs. */
TEST_GO(a_point_that_passed_comes_before_default)
{
    for (int i = 0; i < 200; i++) {
        CHECK_EQ(gamp_select(GAMP_AT(0), GAMP_DEFAULT), 0);
        CHECK_EQ(gamp_select(GAMP_DEFAULT, GAMP_AT(INT64_MIN)), 1);
        CHECK_EQ(gamp_select(GAMP_DEFAULT, GAMP_AT(gamp_now())), 1);
        CHECK_EQ(gamp_select(GAMP_DEFAULT, GAMP_AT(gamp_now() + GAMP_HOUR)), 0);
    }
}

/* Both directions of one channel are ready: each is drawn. Both are not: it must not meet
 * itself. */
TEST_GO(both_directions_of_one_channel)
{
    gamp_chan *c = gamp_chan_of(int, 2), *u = gamp_chan_of(int, 0);
    int hits[2] = {0}, v = 1, w;

    gamp_chan_send(c, &v);
    for (int i = 0; i < 2000; i++) {
        int k = gamp_select(GAMP_SEND(c, &v), GAMP_RECV(c, &w));

        hits[k]++;
        if (k == 0)
            gamp_chan_recv(c, &w);
        else
            gamp_chan_send(c, &v);
    }
    /* Six standard deviations. */
    CHECK_MSG(hits[0] > 865 && hits[1] > 865, "%d and %d", hits[0], hits[1]);
    CHECK_EQ(gamp_select(GAMP_SEND(u, &v), GAMP_RECV(u, &w), GAMP_DEFAULT), 2);
    CHECK_EQ(
        gamp_select(GAMP_SEND(u, &v), GAMP_RECV(u, &w), GAMP_AT(gamp_now() + GAMP_MILLISECOND)), 2);
    gamp_chan_unref(c);
    gamp_chan_unref(u);
}

/* ---- places ---- */

static void wait_for_either(void *arg)
{
    gamp_chan **c = arg;
    int v = -1;

    CHECK_EQ(gamp_select(GAMP_AT(gamp_now() + GAMP_HOUR), GAMP_RECV(c[0], &v), GAMP_RECV(NULL, &v)),
             1);
    v++;
    CHECK_EQ(gamp_select(GAMP_SEND(c[1], &v), GAMP_RECV(c[0], &v)), 0);
}

static void panic_and_wait(void *arg)
{
    gamp_defer(wait_for_either, (gamp_chan **)arg);
    gamp_panic("on the way");
}

static void wait_protected(gamp_chan **c)
{
    CHECK_EQ(gamp_protect(panic_and_wait, c, NULL), -EFAULT);
}

static void *wait_thread(void *c)
{
    wait_protected(c);
    return NULL;
}

TEST_GO(from_every_place)
{
    gamp_chan *c[2] = {gamp_chan_of(int, 0), gamp_chan_of(int, 0)};
    gamp_timer *t = NULL;
    pthread_t thread;

    for (int place = 0; place < 3; place++) {
        int v = place;

        if (place == 0)
            CHECK_EQ(gamp_go(wait_protected, c), 0);
        else if (place == 1)
            CHECK((t = gamp_after_func(GAMP_MILLISECOND, wait_for_either, c)) != NULL);
        else
            CHECK_EQ(pthread_create(&thread, NULL, wait_thread, c), 0);
        gamp_chan_send(c[0], &v);
        CHECK(gamp_chan_recv(c[1], &v));
        CHECK_EQ(v, place + 1);
    }
    pthread_join(thread, NULL);
    gamp_timer_free(t);
    gamp_chan_unref(c[0]);
    gamp_chan_unref(c[1]);
}

/* Several wait in one select each on the same channels: closing all wakes each just once. */
static _Atomic int woken;

static void select_many(gamp_chan **c)
{
    bool ok[3] = {true, true, true};
    int v[3] = {7, 7, 7};
    int k = gamp_select(GAMP_RECV_OK(c[0], &v[0], &ok[0]), GAMP_RECV_OK(c[1], &v[1], &ok[1]),
                        GAMP_RECV_OK(c[2], &v[2], &ok[2]));

    for (int i = 0; i < 3; i++) {
        CHECK_EQ(ok[i], i != k);
        CHECK_EQ(v[i], i == k ? 0 : 7);
    }
    woken++;
    gamp_waitgroup_done(&wg);
}

TEST_GO(closing_all_wakes_each_once)
{
    gamp_chan *c[3];

    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 3; i++)
            c[i] = gamp_chan_of(int, (size_t)i);
        woken = 0;
        gamp_waitgroup_add(&wg, 20);
        for (int i = 0; i < 20; i++)
            CHECK_EQ(gamp_go(select_many, c), 0);
        await_goroutines(20, "select");
        for (int i = 0; i < 3; i++)
            gamp_chan_close(c[i]);
        gamp_waitgroup_wait(&wg);
        CHECK_EQ(woken, 20);
        for (int i = 0; i < 3; i++)
            gamp_chan_unref(c[i]);
    }
}

/* ---- memory ---- */

static long resident(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    CHECK(f && fscanf(f, "%*d %ld", &pages) == 1);
    fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

static void ping(gamp_chan *a, gamp_chan *b, int n)
{
    int v = 0;

    for (int i = 0; i < n; i++)
        gamp_select(GAMP_SEND(a, &v), GAMP_RECV(b, &v));
    gamp_waitgroup_done(&wg);
}

static void pong(gamp_chan *a, gamp_chan *b, int n)
{
    int v = 0;

    for (int i = 0; i < n; i++)
        gamp_select(GAMP_RECV(a, &v), GAMP_SEND(b, &v), GAMP_AT(gamp_now() + GAMP_HOUR));
    gamp_waitgroup_done(&wg);
}

static void play(int n)
{
    gamp_chan *a = gamp_chan_of(int, 0), *b = gamp_chan_of(int, 0);

    gamp_waitgroup_add(&wg, 2);
    CHECK_EQ(gamp_go(ping, a, b, n), 0);
    CHECK_EQ(gamp_go(pong, a, b, n), 0);
    gamp_waitgroup_wait(&wg);
    gamp_chan_unref(a);
    gamp_chan_unref(b);
}

TEST_GO_WITHIN(waits_leak_nothing, 60)
{
    long least = LONG_MAX;

    /* Threads come and go, and malloc and sanitizers take memory for them; but not each time. */
    for (int i = 0; i < 6; i++) {
        long before = resident(), more;

        play(40000);
        more = resident() - before;
        least = more < least ? more : least;
    }
    /* Sixteen bytes each would be 1.2 MiB. */
    CHECK_LT(least, 1 << 20);
}
