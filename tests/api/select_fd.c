/* SPDX-License-Identifier: BSD-3-Clause */
/* select_fd: descriptors as cases: level, beside channels and points in time. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "harness/waits.h"
#include <errno.h>
#include <fcntl.h>
#include <gamp/chan.h>
#include <gamp/go.h>
#include <gamp/net.h>
#include <gamp/run.h>
#include <gamp/select.h>
#include <gamp/sync.h>
#include <gamp/time.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void make_pipe(int p[2])
{
    CHECK_EQ(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
}

static void put(int fd, const char *text)
{
    CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
}

static int readable_now(int fd)
{
    return gamp_select(GAMP_READABLE(fd), GAMP_DEFAULT) == 0;
}

TEST_GO(readiness_is_level)
{
    char buf[8];
    int p[2];

    make_pipe(p);
    CHECK(!readable_now(p[0]));
    CHECK_EQ(gamp_select(GAMP_WRITABLE(p[1]), GAMP_READABLE(p[0])), 0);
    put(p[1], "ab");
    for (int i = 0; i < 3; i++)
        CHECK(readable_now(p[0])); /* nobody read */
    CHECK_EQ(read(p[0], buf, 1), 1);
    CHECK_EQ(gamp_select(GAMP_READABLE(p[0])), 0); /* one byte is left */
    CHECK_EQ(read(p[0], buf, 8), 1);
    CHECK(!readable_now(p[0]));
    CHECK_EQ(gamp_select(GAMP_READABLE(p[0]), GAMP_AT(gamp_now() + 1000)), 1);
    close(p[1]);
    CHECK(readable_now(p[0])); /* the end */
    CHECK_EQ(gamp_select(GAMP_READABLE(p[0])), 0);
    close(p[0]);
}

TEST_GO(what_cannot_wait_is_ready)
{
    int f = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int p[2];

    CHECK_GE(f, 0);
    CHECK_EQ(gamp_select(GAMP_READABLE(f)), 0);
    CHECK_EQ(gamp_select(GAMP_READABLE(f), GAMP_DEFAULT), 0);
    close(f);
    CHECK_EQ(gamp_select(GAMP_READABLE(f)), 0); /* gamp_read would fail at once */
    CHECK_EQ(gamp_select(GAMP_WRITABLE(-1)), 0);
    CHECK_EQ(gamp_select(GAMP_READABLE(-1), GAMP_DEFAULT), 0);
    make_pipe(p);
    close(p[0]);
    CHECK_EQ(gamp_select(GAMP_WRITABLE(p[1])), 0); /* EPIPE */
    close(p[1]);
}

TEST_GO(a_full_pipe_is_not_writable)
{
    static char block[4096];
    int p[2];

    make_pipe(p);
    while (write(p[1], block, sizeof block) > 0)
        ;
    CHECK_EQ(gamp_select(GAMP_WRITABLE(p[1]), GAMP_DEFAULT), 1);
    CHECK_EQ(gamp_select(GAMP_WRITABLE(p[1]), GAMP_AT(gamp_now() + GAMP_MILLISECOND)), 1);
    while (read(p[0], block, sizeof block) > 0)
        ;
    CHECK_EQ(gamp_select(GAMP_WRITABLE(p[1])), 0);
    close(p[0]);
    close(p[1]);
}

static void put_soon(int fd)
{
    gamp_sleep(2 * GAMP_MILLISECOND);
    put(fd, "x");
}

static void send_soon(gamp_chan *c)
{
    gamp_sleep(2 * GAMP_MILLISECOND);
    gamp_chan_send(c, &(int){7});
}

TEST_GO(it_wakes_for_the_first)
{
    gamp_chan *c = gamp_chan_of(int, 0);
    int a[2], b[2], v = 0;
    char ch;

    make_pipe(a);
    make_pipe(b);
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(gamp_go(put_soon, i % 2 ? a[1] : b[1]), 0);
        CHECK_EQ(gamp_select(GAMP_READABLE(a[0]), GAMP_RECV(c, &v), GAMP_READABLE(b[0])),
                 i % 2 ? 0 : 2);
        CHECK_EQ(read(i % 2 ? a[0] : b[0], &ch, 1), 1);
        CHECK_EQ(v, 0);
        CHECK_EQ(gamp_go(send_soon, c), 0);
        CHECK_EQ(gamp_select(GAMP_READABLE(a[0]), GAMP_RECV(c, &v), GAMP_READABLE(b[0])), 1);
        CHECK_EQ(v, 7);
        v = 0;
    }
    CHECK_EQ(gamp_chan_try_send(c, &v), -EAGAIN);
    gamp_chan_unref(c);
    for (int i = 0; i < 2; i++) {
        close(a[i]);
        close(b[i]);
    }
}

/* A descriptor, a channel and a point in time, all ready: each gets its third. */
TEST_GO(they_are_equals)
{
    enum { DRAWS = 6000 };
    gamp_chan *c = gamp_chan_of(int, 0);
    int p[2], hits[3] = {0}, v;
    double x2 = 0;

    make_pipe(p);
    put(p[1], "x");
    gamp_chan_close(c);
    for (int i = 0; i < DRAWS; i++)
        hits[gamp_select(GAMP_RECV(c, &v), GAMP_READABLE(p[0]), GAMP_AT(0))]++;
    for (int i = 0; i < 3; i++)
        x2 += (hits[i] - DRAWS / 3.0) * (hits[i] - DRAWS / 3.0) / (DRAWS / 3.0);
    CHECK_MSG(x2 < 28, "%d %d %d", hits[0], hits[1], hits[2]);
    gamp_chan_unref(c);
    close(p[0]);
    close(p[1]);
}

static gamp_waitgroup wg;
static gamp_chan *stop;
static _Atomic int got;

static void take_bytes(int fd)
{
    char ch;

    for (;;) {
        int k = gamp_select(GAMP_READABLE(fd), GAMP_RECV(stop, NULL));

        if (k == 1)
            break;
        /* Another may have been faster. */
        if (read(fd, &ch, 1) == 1)
            got++;
    }
    gamp_waitgroup_done(&wg);
}

static void *take_bytes_thread(void *fd)
{
    take_bytes((int)(intptr_t)fd);
    return NULL;
}

/* Many wait on one descriptor, goroutines and threads: no byte is left behind while somebody
 * waits. */
TEST_GO_WITHIN(many_wait_on_one, 60)
{
    enum { BYTES = 5000 };
    pthread_t t[2];
    int p[2];

    make_pipe(p);
    stop = gamp_chan_new(0, 0);
    gamp_waitgroup_add(&wg, 8);
    for (int i = 0; i < 6; i++)
        CHECK_EQ(gamp_go(take_bytes, p[0]), 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&t[i], NULL, take_bytes_thread, (void *)(intptr_t)p[0]), 0);
    for (int i = 0; i < BYTES; i++) {
        put(p[1], "x");
        if (i % 8 == 0)
            gamp_gosched();
        if (i % 512 == 0)
            gamp_sleep(GAMP_MILLISECOND);
    }
    while (got != BYTES)
        gamp_sleep(GAMP_MILLISECOND);
    gamp_chan_close(stop);
    gamp_waitgroup_wait(&wg);
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    gamp_chan_unref(stop);
    close(p[0]);
    close(p[1]);
}

/* Both come at the same moment, again and again: one is chosen, the other stays ready. */
static gamp_chan *race_c;
static int race_fd;

static void race_put(int rounds, gamp_chan *go)
{
    for (int i = 0; i < rounds; i++) {
        gamp_chan_recv(go, NULL);
        put(race_fd, "x");
    }
    gamp_waitgroup_done(&wg);
}

static void race_send(int rounds, gamp_chan *go)
{
    for (int i = 0; i < rounds; i++) {
        gamp_chan_recv(go, NULL);
        gamp_chan_send(race_c, &i);
    }
    gamp_waitgroup_done(&wg);
}

TEST_GO_WITHIN(races_between_both_lose_nothing, 60)
{
    enum { ROUNDS = 3000 };
    gamp_chan *go1 = gamp_chan_new(0, 0), *go2 = gamp_chan_new(0, 0);
    int p[2], v;
    char ch;

    race_c = gamp_chan_of(int, 0);
    make_pipe(p);
    race_fd = p[1];
    gamp_waitgroup_add(&wg, 2);
    CHECK_EQ(gamp_go(race_put, ROUNDS, go1), 0);
    CHECK_EQ(gamp_go(race_send, ROUNDS, go2), 0);
    for (int i = 0; i < ROUNDS; i++) {
        bool read_one = false, received = false;

        gamp_chan_send(go1, NULL);
        gamp_chan_send(go2, NULL);
        while (!read_one || !received) {
            v = -1;
            if (gamp_select(GAMP_READABLE(p[0]), GAMP_RECV(race_c, &v)) == 0) {
                CHECK_EQ(v, -1);
                CHECK(!read_one);
                CHECK_EQ(read(p[0], &ch, 1), 1);
                read_one = true;
            } else {
                CHECK_EQ(v, i);
                CHECK(!received);
                received = true;
            }
        }
    }
    gamp_waitgroup_wait(&wg);
    gamp_chan_unref(race_c);
    gamp_chan_unref(go1);
    gamp_chan_unref(go2);
    close(p[0]);
    close(p[1]);
}

TEST_GO(many_descriptors)
{
    enum { N = 200 };
    gamp_case cases[N];
    int p[N][2];
    char ch;

    for (int i = 0; i < N; i++) {
        make_pipe(p[i]);
        cases[i] = GAMP_READABLE(p[i][0]);
    }
    for (int i = 0; i < 30; i++) {
        int k = i * 37 % N;

        if (i % 2)
            put(p[k][1], "x");
        else
            CHECK_EQ(gamp_go(put_soon, p[k][1]), 0);
        CHECK_EQ(gamp_selectv(cases, N), k);
        CHECK_EQ(read(p[k][0], &ch, 1), 1);
    }
    for (int i = 0; i < N; i++) {
        close(p[i][0]);
        close(p[i][1]);
    }
}

static _Atomic pid_t selector; /* once its first wait is over */

static void *select_on_a_thread(void *fd)
{
    char ch;

    CHECK_EQ(gamp_select(GAMP_READABLE((int)(intptr_t)fd), GAMP_AT(gamp_now() + 1000)), 1);
    selector = gettid();
    CHECK_EQ(gamp_select(GAMP_READABLE((int)(intptr_t)fd)), 0);
    CHECK_EQ(read((int)(intptr_t)fd, &ch, 1), 1);
    return NULL;
}

TEST_GO(a_thread_waits_too)
{
    pthread_t t;
    int p[2];

    make_pipe(p);
    CHECK_EQ(pthread_create(&t, NULL, select_on_a_thread, (void *)(intptr_t)p[0]), 0);
    while (!selector)
        gamp_sleep(GAMP_MILLISECOND);
    await_thread(selector);
    put(p[1], "x");
    pthread_join(t, NULL);
    close(p[0]);
    close(p[1]);
}

TEST_GO(a_passed_deadline_is_ready)
{
    int p[2];
    gamp_time t;

    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p), 0);
    CHECK_EQ(gamp_fd_register(p[0]), 0);
    CHECK(!readable_now(p[0]));
    t = gamp_now() + 3 * GAMP_MILLISECOND;
    CHECK_EQ(gamp_set_read_deadline(p[0], t), 0);
    CHECK_EQ(gamp_select(GAMP_READABLE(p[0]), GAMP_AT(t + GAMP_HOUR)), 0);
    CHECK_GE(gamp_now(), t);
    CHECK(readable_now(p[0]));
    CHECK_EQ(gamp_set_read_deadline(p[0], GAMP_NEVER), 0);
    CHECK(!readable_now(p[0]));
    CHECK_EQ(gamp_select(GAMP_WRITABLE(p[0]), GAMP_READABLE(p[0])), 0);
    CHECK_EQ(gamp_close(p[0]), 0);
    CHECK(readable_now(p[0])); /* until the number is used again */
    close(p[1]);
}

static void deadline_soon(int fd)
{
    gamp_sleep(2 * GAMP_MILLISECOND);
    CHECK_EQ(gamp_set_read_deadline(fd, 1), 0);
}

static void close_soon(int fd)
{
    gamp_sleep(2 * GAMP_MILLISECOND);
    CHECK_EQ(gamp_close(fd), 0);
}

TEST_GO(deadlines_and_closes_wake_it)
{
    gamp_chan *c = gamp_chan_of(int, 0);
    int p[2], v;

    for (int i = 0; i < 10; i++) {
        CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p), 0);
        CHECK_EQ(gamp_fd_register(p[0]), 0);
        CHECK_EQ(gamp_go(deadline_soon, p[0]), 0);
        CHECK_EQ(gamp_select(GAMP_RECV(c, &v), GAMP_READABLE(p[0])), 1);
        CHECK_EQ(gamp_set_read_deadline(p[0], GAMP_NEVER), 0);
        CHECK_EQ(gamp_go(close_soon, p[0]), 0);
        CHECK_EQ(gamp_select(GAMP_RECV(c, &v), GAMP_READABLE(p[0])), 1);
        close(p[1]);
    }
    gamp_chan_unref(c);
}
