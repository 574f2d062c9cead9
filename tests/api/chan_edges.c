/* SPDX-License-Identifier: BSD-3-Clause */
/* chan_edges: channels at their limits: time limits that have passed or never come, closing under
 * every kind of waiter, threads among goroutines, elements of every size by every way, and the
 * places from which channels may be used. */
#include "harness/test.h"
#include "harness/waits.h"
#include <errno.h>
#include <gamp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gamp_waitgroup wg;
static _Atomic int count;

static void panics(void (*fn)(void *), void *arg, const char *message)
{
    gamp_panic_info info = {{0}, 0};

    CHECK_EQ(gamp_protect(fn, arg, &info), -EFAULT);
    CHECK_STR(info.message, message);
}

/* ---- limits of time ---- */

static const gamp_time passed[] = {0, -1, INT64_MIN, 1};

static void check_passed(void)
{
    gamp_chan *c = gamp_chan_of(int, 1), *closed = gamp_chan_of(int, 1);
    int v;

    gamp_chan_close(closed);
    for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++) {
        gamp_time t = passed[i];

        v = 7;
        CHECK_EQ(gamp_chan_recv_until(c, &v, t), -ETIMEDOUT);
        CHECK_EQ(gamp_chan_recv_until(NULL, &v, t), -ETIMEDOUT);
        CHECK_EQ(gamp_chan_send_until(NULL, &v, t), -ETIMEDOUT);
        CHECK_EQ(v, 7);
        /* One try is made. */
        CHECK_EQ(gamp_chan_send_until(c, &v, t), 0);
        CHECK_EQ(gamp_chan_send_until(c, &v, t), -ETIMEDOUT);
        CHECK_EQ(gamp_chan_len(c), 1);
        v = 8;
        CHECK_EQ(gamp_chan_recv_until(c, &v, t), 0);
        CHECK_EQ(v, 7);
        CHECK_EQ(gamp_chan_send_until(closed, &v, t), -EPIPE);
        CHECK_EQ(gamp_chan_recv_until(closed, &v, t), -EPIPE);
        CHECK_EQ(v, 0);
    }
    gamp_chan_unref(c);
    gamp_chan_unref(closed);
}

TEST_GO(passed_limits_try_once)
{
    check_passed();
}

TEST(passed_limits_try_once_without_a_runtime)
{
    check_passed();
}

static void send_in_a_while(gamp_chan *c, int v)
{
    gamp_sleep(2 * GAMP_MILLISECOND);
    gamp_chan_send(c, &v);
    gamp_waitgroup_done(&wg);
}

static void recv_in_a_while(gamp_chan *c, int v)
{
    int got = -1;

    gamp_sleep(2 * GAMP_MILLISECOND);
    CHECK(gamp_chan_recv(c, &got));
    CHECK_EQ(got, v);
    gamp_waitgroup_done(&wg);
}

TEST_GO(never_is_no_limit)
{
    gamp_chan *c = gamp_chan_of(int, 0);
    int v = 5;

    gamp_waitgroup_add(&wg, 2);
    CHECK_EQ(gamp_go(send_in_a_while, c, 4), 0);
    CHECK_EQ(gamp_chan_recv_until(c, &v, GAMP_NEVER), 0);
    CHECK_EQ(v, 4);
    CHECK_EQ(gamp_go(recv_in_a_while, c, 4), 0);
    CHECK_EQ(gamp_chan_send_until(c, &v, GAMP_NEVER), 0);
    gamp_waitgroup_wait(&wg);
    gamp_chan_unref(c);
}

/* ---- closing under waiters ---- */

enum form { PLAIN, TIMED, SELECT, FORMS };

struct waiter {
    gamp_chan *c;
    enum form form;
    bool send;
    int v;
    int result;        /* 0, -EPIPE */
    _Atomic pid_t tid; /* 0: not begun */
    char message[256];
};

static void wait_as(void *arg)
{
    struct waiter *w = arg;
    gamp_time far = gamp_now() + GAMP_HOUR;
    bool ok = true;

    w->tid = (pid_t)syscall(SYS_gettid);
    switch (w->form) {
    case PLAIN:
        if (w->send)
            gamp_chan_send(w->c, &w->v);
        else
            ok = gamp_chan_recv(w->c, &w->v);
        w->result = ok ? 0 : -EPIPE;
        break;
    case TIMED:
        w->result = w->send ? gamp_chan_send_until(w->c, &w->v, far)
                            : gamp_chan_recv_until(w->c, &w->v, far);
        break;
    case SELECT:
        if (w->send)
            CHECK_EQ(gamp_select(GAMP_AT(far), GAMP_SEND(w->c, &w->v)), 1);
        else
            CHECK_EQ(gamp_select(GAMP_AT(far), GAMP_RECV_OK(w->c, &w->v, &ok)), 1);
        w->result = ok ? 0 : -EPIPE;
        break;
    default:
        CHECK(false);
    }
}

static void wait_protected(struct waiter *w)
{
    gamp_panic_info info;

    if (gamp_protect(wait_as, w, &info))
        strcpy(w->message, info.message);
    gamp_waitgroup_done(&wg);
}

static void *wait_on_a_thread(void *w)
{
    wait_protected(w);
    return NULL;
}

/* Starts w, on *t if that is not NULL, and sees it into its queue. */
static void start(struct waiter *w, pthread_t *t)
{
    static const char *const words[2][FORMS] = {{"chan receive", "chan receive", "select"},
                                                {"chan send", "chan send", "select"}};
    const char *why = words[w->send][w->form];

    gamp_waitgroup_add(&wg, 1);
    if (!t) {
        int before = goroutines_waiting(why);

        CHECK_EQ(gamp_go(wait_protected, w), 0);
        await_goroutines(before + 1, why);
        return;
    }
    CHECK_EQ(pthread_create(t, NULL, wait_on_a_thread, w), 0);
    while (!w->tid)
        gamp_gosched();
    await_thread(w->tid);
}

static void check_closed(const struct waiter *w)
{
    if (w->send && w->form != TIMED) {
        CHECK_STR(w->message, "send on closed channel");
        CHECK_EQ(w->v, 7);
        return;
    }
    CHECK_STR(w->message, "");
    CHECK_EQ(w->result, -EPIPE);
    CHECK_EQ(w->v, w->send ? 7 : 0);
}

TEST_GO(close_ends_every_form_of_wait)
{
    gamp_chan *c[2] = {gamp_chan_of(int, 0), gamp_chan_of(int, 3)};
    struct waiter w[2][2 * FORMS] = {{{0}}};
    pthread_t t[2][FORMS];

    for (int send = 0; send < 2; send++)
        for (int i = 0; i < 2 * FORMS; i++) {
            w[send][i] = (struct waiter){
                .c = c[send], .form = (enum form)(i / 2), .send = send, .v = 7, .result = 1};
            if (send && i == 0)
                for (int k = 0; k < 3; k++)
                    gamp_chan_send(c[1], &k);
            start(&w[send][i], i % 2 ? &t[send][i / 2] : NULL);
        }
    gamp_chan_close(c[0]);
    gamp_chan_close(c[1]);
    gamp_waitgroup_wait(&wg);
    for (int send = 0; send < 2; send++) {
        for (int i = 0; i < 2 * FORMS; i++)
            check_closed(&w[send][i]);
        for (int i = 0; i < FORMS; i++)
            pthread_join(t[send][i], NULL);
    }
    /* What was buffered when it closed is still there, and nothing of those that waited. */
    CHECK_EQ(gamp_chan_len(c[1]), 3);
    for (int k = 0; k < 3; k++) {
        int v = -1;

        CHECK(gamp_chan_recv(c[1], &v));
        CHECK_EQ(v, k);
    }
    CHECK(!gamp_chan_recv(c[1], NULL));
    gamp_chan_unref(c[0]);
    gamp_chan_unref(c[1]);
}

/* Goroutines and threads, in whatever form they wait, stand in one line. */
TEST_GO(threads_stand_in_line_with_goroutines)
{
    enum { N = 12 };

    for (int send = 0; send < 2; send++) {
        gamp_chan *c = gamp_chan_of(int, 0);
        struct waiter w[N] = {{0}};
        pthread_t t[N / 2];

        for (int i = 0; i < N; i++) {
            w[i] = (struct waiter){.c = c, .form = (enum form)(i % FORMS), .send = send, .v = i};
            start(&w[i], i % 2 ? &t[i / 2] : NULL);
        }
        for (int i = 0; i < N; i++) {
            int v = 100 + i;

            if (send) {
                CHECK(gamp_chan_recv(c, &v));
                CHECK_EQ(v, i);
            } else {
                gamp_chan_send(c, &v);
            }
        }
        gamp_waitgroup_wait(&wg);
        for (int i = 0; i < N; i++)
            CHECK_EQ(w[i].v, send ? i : 100 + i);
        for (int i = 0; i < N / 2; i++)
            pthread_join(t[i], NULL);
        gamp_chan_unref(c);
    }
}

/* ---- the last reference ---- */

static void unref(void *c)
{
    gamp_chan_unref(c);
}

TEST_GO(the_last_reference_stays_under_any_waiter)
{
    gamp_panic_info info;

    for (int send = 0; send < 2; send++)
        for (int i = 0; i < 2 * FORMS; i++) {
            gamp_chan *c = gamp_chan_of(int, 0);
            struct waiter w = {.c = c, .form = (enum form)(i / 2), .send = send, .v = 7};
            pthread_t t;
            int v = 8;

            start(&w, i % 2 ? &t : NULL);
            CHECK_EQ(gamp_protect(unref, c, &info), -EFAULT);
            /* Kept: it works on. */
            if (send)
                CHECK(gamp_chan_recv(c, &v));
            else
                gamp_chan_send(c, &v);
            CHECK_EQ(v, send ? 7 : 8);
            gamp_waitgroup_wait(&wg);
            CHECK_EQ(w.v, send ? 7 : 8);
            if (i % 2)
                pthread_join(t, NULL);
            gamp_chan_unref(c);
        }
}

/* ---- sizes ---- */

static const size_t sizes[] = {1, 8, 4096, 65535};

static void fill(unsigned char *p, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (unsigned char)(seed + i * 13);
}

static void send_by_every_way(gamp_chan *c, size_t n)
{
    unsigned char *p = malloc(n);
    gamp_case one = {.kind = GAMP_CASE_SEND, .chan = c, .elem = p, .size = n};

    for (unsigned i = 0; i < 24; i++) {
        fill(p, n, i);
        if (i % 5 == 4) /* the receiver of this one waits */
            while (gamp_chan_try_send_sized(c, p, n) != 0)
                gamp_gosched();
        else if (i % 3 == 0)
            gamp_chan_send_sized(c, p, n);
        else if (i % 3 == 1)
            CHECK_EQ(gamp_chan_send_until_sized(c, p, n, gamp_now() + GAMP_HOUR), 0);
        else
            CHECK_EQ(gamp_selectv(&one, 1), 0);
        memset(p, 0xee, n);
        if (i % 2)
            gamp_sleep(GAMP_MILLISECOND / 2);
    }
    free(p);
    gamp_chan_close(c);
    gamp_waitgroup_done(&wg);
}

TEST_GO(every_size_by_every_way)
{
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (size_t cap = 0; cap < 4; cap += 3) {
            size_t n = sizes[s];
            gamp_chan *c = gamp_chan_new(n, cap);
            unsigned char *p = malloc(n), *want = malloc(n);
            bool ok = true;
            gamp_case one = {.kind = GAMP_CASE_RECV, .chan = c, .elem = p, .size = n, .ok = &ok};

            gamp_waitgroup_add(&wg, 1);
            CHECK_EQ(gamp_go(send_by_every_way, c, n), 0);
            for (unsigned i = 0; i < 24; i++) {
                if (i % 4 == 0 || i % 5 == 4)
                    CHECK(gamp_chan_recv_sized(c, p, n));
                else if (i % 4 == 1)
                    CHECK_EQ(gamp_chan_recv_until_sized(c, p, n, gamp_now() + GAMP_HOUR), 0);
                else if (i % 4 == 2)
                    CHECK(gamp_selectv(&one, 1) == 0 && ok);
                else
                    while (gamp_chan_try_recv_sized(c, p, n) != 0)
                        gamp_gosched();
                fill(want, n, i);
                CHECK(memcmp(p, want, n) == 0);
            }
            CHECK(gamp_selectv(&one, 1) == 0 && !ok);
            memset(want, 0, n);
            CHECK(memcmp(p, want, n) == 0);
            gamp_waitgroup_wait(&wg);
            gamp_chan_unref(c);
            free(p);
            free(want);
        }
}

struct too_large {
    char c[65536];
};

static void new_of(void *size)
{
    CHECK(gamp_chan_new(*(size_t *)size, 0) == NULL);
}

TEST_GO(the_largest_element)
{
    static const size_t wrong[] = {65536, 65537, sizeof(struct too_large) * 2, SIZE_MAX,
                                   SIZE_MAX / 2};
    gamp_chan *c = gamp_chan_new(65535, 1);

    CHECK(c != NULL);
    CHECK_EQ(gamp_chan_elem_size(c), 65535);
    gamp_chan_unref(c);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        panics(new_of, (void *)&wrong[i], "makechan: invalid channel element type");
    CHECK_EQ(gamp_chan_elem_size(NULL), 0);
}

/* ---- signals: no element at all ---- */

static void signal_forms(gamp_chan *c)
{
    gamp_chan_send(c, NULL);
    CHECK_EQ(gamp_chan_send_until(c, NULL, gamp_now() + GAMP_HOUR), 0);
    CHECK_EQ(gamp_select(GAMP_SEND(c, NULL)), 0);
    while (gamp_chan_try_send(c, NULL) == -EAGAIN)
        gamp_gosched();
    gamp_chan_close(c);
    gamp_waitgroup_done(&wg);
}

static void send_an_int(void *c)
{
    int v = 1;

    gamp_chan_try_send((gamp_chan *)c, &v);
}

TEST_GO(signals_in_every_form)
{
    for (size_t cap = 0; cap < 3; cap++) {
        gamp_chan *c = gamp_chan_new(0, cap);
        bool ok = false;

        panics(send_an_int, c, "element size mismatch: 4 bytes on a channel of 0");
        gamp_waitgroup_add(&wg, 1);
        CHECK_EQ(gamp_go(signal_forms, c), 0);
        CHECK(gamp_chan_recv(c, NULL));
        CHECK_EQ(gamp_chan_recv_until(c, NULL, gamp_now() + GAMP_HOUR), 0);
        CHECK_EQ(gamp_select(GAMP_RECV_OK(c, NULL, &ok)), 0);
        CHECK(ok);
        CHECK(gamp_chan_recv(c, NULL)); /* two that only try would never meet */
        CHECK(!gamp_chan_recv(c, NULL));
        CHECK_EQ(gamp_chan_try_recv(c, NULL), -EPIPE);
        gamp_waitgroup_wait(&wg);
        gamp_chan_unref(c);
    }
}

/* ---- places ---- */

static void echo(void *arg)
{
    gamp_chan **c = arg;
    int v;

    CHECK(gamp_chan_recv(c[0], &v));
    v++;
    gamp_chan_send(c[1], &v);
}

static void panic_with_echo(void *arg)
{
    gamp_defer(echo, (gamp_chan **)arg);
    gamp_panic("on the way");
}

static void goexit_with_echo(gamp_chan **c)
{
    gamp_defer(echo, c);
    gamp_goexit();
}

static void echo_protected(gamp_chan **c)
{
    CHECK_EQ(gamp_protect(panic_with_echo, c, NULL), -EFAULT);
}

static void *echo_thread(void *c)
{
    echo_protected(c);
    return NULL;
}

/* In deferred calls of a panic and of goexit, in a timer's function, on a thread's. */
TEST_GO(from_every_place)
{
    gamp_chan *c[2] = {gamp_chan_of(int, 0), gamp_chan_of(int, 0)};
    gamp_timer *t = NULL;
    pthread_t thread;

    for (int place = 0; place < 4; place++) {
        int v = place;

        if (place == 0)
            CHECK_EQ(gamp_go(echo_protected, c), 0);
        else if (place == 1)
            CHECK_EQ(gamp_go(goexit_with_echo, c), 0);
        else if (place == 2)
            CHECK((t = gamp_after_func(GAMP_MILLISECOND, echo, c)) != NULL);
        else
            CHECK_EQ(pthread_create(&thread, NULL, echo_thread, c), 0);
        gamp_chan_send(c[0], &v);
        CHECK(gamp_chan_recv(c[1], &v));
        CHECK_EQ(v, place + 1);
    }
    pthread_join(thread, NULL);
    gamp_timer_free(t);
    gamp_chan_unref(c[0]);
    gamp_chan_unref(c[1]);
}

/* ---- unstopped mistakes: Go's words and status 2 ---- */

static void die_close_nil(void)
{
    gamp_chan_close(NULL);
}

static void die_close_twice(void)
{
    gamp_chan *c = gamp_chan_of(int, 0);

    gamp_chan_close(c);
    gamp_chan_close(c);
}

static void die_send_closed(void)
{
    gamp_chan *c = gamp_chan_of(int, 0);
    int v = 1;

    gamp_chan_close(c);
    gamp_chan_send(c, &v);
}

static void die_select_closed(void)
{
    gamp_chan *c = gamp_chan_of(int, 0);
    int v = 1;

    gamp_chan_close(c);
    gamp_select(GAMP_SEND(c, &v));
}

static int run_main(int argc, char **argv)
{
    (void)argc;
    ((void (*)(void))(void *)argv)();
    return 0;
}

static void run(void *fn)
{
    gamp_run(run_main, 0, fn);
}

static void run_plain(void *fn)
{
    ((void (*)(void))fn)();
}

static void dies(void (*fn)(void), const char *text)
{
    test_child c;
    char all[200];

    for (int plain = 0; plain < 2; plain++) {
        snprintf(all, sizeof all, "panic: %s\n\ngoroutine %d [running]:\n", text, !plain);
        test_run_child(plain ? run_plain : run, (void *)fn, &c);
        CHECK_EQ(c.status, 2);
        CHECK_MSG(strncmp(c.err, all, strlen(all)) == 0, "printed:\n%.300s", c.err);
    }
}

TEST(mistakes_end_the_process_with_gos_words)
{
    dies(die_close_nil, "close of nil channel");
    dies(die_close_twice, "close of closed channel");
    dies(die_send_closed, "send on closed channel");
    dies(die_select_closed, "send on closed channel");
}

/* Close in the middle of a crowd: what was sent is received, the rest of the senders panic, and
 * nothing hangs. */
static void send_on(gamp_chan *c, int n)
{
    while (!gamp_chan_send_until(c, &n, GAMP_NEVER))
        count++;
    gamp_waitgroup_done(&wg);
}

TEST_GO_WITHIN(close_in_a_crowd, 60)
{
    for (int round = 0; round < 200; round++) {
        gamp_chan *c = gamp_chan_of(int, (size_t)round % 3);
        int got = 0;

        count = 0;
        gamp_waitgroup_add(&wg, 5);
        for (int i = 0; i < 5; i++)
            CHECK_EQ(gamp_go(send_on, c, i), 0);
        for (; got < 20 + round; got++)
            CHECK(gamp_chan_recv(c, NULL));
        gamp_chan_close(c);
        while (gamp_chan_recv(c, NULL))
            got++;
        gamp_waitgroup_wait(&wg);
        CHECK_EQ(got, count);
        gamp_chan_unref(c);
    }
}
