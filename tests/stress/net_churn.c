/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections that live briefly: clients of every temper against an echo server, while deadlines
 * move and descriptors are closed under those who use them. Every byte that comes back is checked,
 * nobody hangs, nothing leaks. */
#include "harness/test.h"
#include <gamp/debug.h>
#include <gamp/go.h>
#include <gamp/net.h>
#include <gamp/run.h>
#include <gamp/sync.h>
#include <gamp/time.h>
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS = 60, THREADS = 4, SECONDS = 12 };

static char where[64], unix_where[64];
static gamp_time until;
static bool
    /* descriptors are closed under those who use them, who then meet what has their number next */
    early;
static uint64_t served, closed_on, timed_out;

static void count(uint64_t *n)
{
    __atomic_fetch_add(n, 1, __ATOMIC_RELAXED);
}

static void echo(int fd)
{
    char buf[8192];
    ssize_t n;

    while ((n = gamp_read(fd, buf, sizeof buf)) > 0)
        if (gamp_write_full(fd, buf, (size_t)n) < 0)
            break;
    gamp_close(fd);
}

static void serve(int lfd)
{
    for (;;) {
        int fd = gamp_accept(lfd);

        if (fd == -EBADF)
            return;
        if (fd >= 0)
            CHECK_EQ(gamp_go(echo, fd), 0);
    }
}

/* What a failed operation may say here: this side's deadline, a close of our own, the other's end;
 * and where the number may have become a socket that is not connected yet, what tcp (-ENOTCONN) and
 * unix (-EINVAL) say of one. */
static void allowed(int err)
{
    CHECK_MSG(err == -ETIMEDOUT || err == -EPIPE || err == -ECONNRESET ||
                  (early && (err == -EBADF || err == -ENOTCONN || err == -EINVAL)),
              "%d", err);
    if (err == -ETIMEDOUT)
        count(&timed_out);
    if (err == -EBADF)
        count(&closed_on);
}

struct shared {
    int fd;
    uint64_t seed;
    gamp_waitgroup wg;
};

static void disturb(struct shared *s)
{
    uint64_t seed = s->seed;

    for (int i = 0; i < 20; i++) {
        gamp_sleep((gamp_duration)(test_rand(&seed) % 200000));
        switch (test_rand(&seed) % 8) {
        case 0:
            gamp_set_deadline(s->fd, gamp_now() + (gamp_duration)(test_rand(&seed) % 100000));
            break;
        case 1:
            gamp_set_read_deadline(s->fd, gamp_now() - 1);
            break;
        case 2:
            gamp_shutdown(s->fd, (int)(test_rand(&seed) % 3));
            break;
        case 3:
            gamp_fd_wait(s->fd, POLLIN, gamp_now() + 50000);
            break;
        default:
            gamp_set_deadline(s->fd, GAMP_NEVER);
        }
    }
}

static void talk(int fd, uint64_t *seed, bool disturbed)
{
    char out[6000], in[6000];

    for (int rounds = (int)(test_rand(seed) % 30); rounds > 0; rounds--) {
        size_t n = 1 + test_rand(seed) % sizeof out;
        int err;

        memset(out, (int)(test_rand(seed) & 255), n);
        err = gamp_write_full(fd, out, n);
        if (!err)
            err = gamp_read_full(fd, in, n);
        if (err) {
            CHECK_MSG(disturbed || early, "undisturbed: %d", err);
            allowed(err);
            return;
        }
        /* Closed early, the number may be another client's by now, and so the echo. */
        if (!early)
            CHECK_EQ(memcmp(in, out, n), 0);
        count(&served);
    }
}

static void talker(struct shared *s)
{
    uint64_t seed = s->seed + 1;

    talk(s->fd, &seed, true);
}

static int dial(uint64_t *seed)
{
    bool local = test_rand(seed) % 3 == 0;
    int fd;

    do
        fd =
            gamp_dial(local ? "unix" : "tcp", local ? unix_where : where, gamp_now() + GAMP_MINUTE);
    while (fd == -EADDRNOTAVAIL || (fd < 0 && early)); /* ports rest for a while after their use */
    CHECK_MSG(fd >= 0, "dial: %d", fd);
    return fd;
}

static void client(uint64_t seed)
{
    while (gamp_now() < until) {
        struct shared s = {.fd = dial(&seed), .seed = test_rand(&seed)};
        bool disturbed = test_rand(&seed) % 2;

        if (disturbed)
            CHECK_EQ(gamp_waitgroup_go(&s.wg, disturb, &s), 0);
        if (early) {
            CHECK_EQ(gamp_waitgroup_go(&s.wg, talker, &s), 0);
            gamp_sleep((gamp_duration)(test_rand(&seed) % 500000));
        } else {
            talk(s.fd, &seed, disturbed);
            gamp_waitgroup_wait(&s.wg);
        }
        CHECK_EQ(gamp_close(s.fd), 0);
        gamp_waitgroup_wait(&s.wg);
    }
}

static void *client_thread(void *arg)
{
    client(*(uint64_t *)arg);
    return NULL;
}

static int open_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;

    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void churn(void)
{
    int before = open_descriptors(), tcp = gamp_listen("tcp", "127.0.0.1:0"), local;
    uint64_t seed = test_seed(), seeds[THREADS];
    pthread_t threads[THREADS];
    gamp_waitgroup wg = {0};

    snprintf(unix_where, sizeof unix_where, "@gamp-churn-%llx", (unsigned long long)seed);
    local = gamp_listen("unix", unix_where);
    CHECK(tcp >= 0 && local >= 0);
    CHECK_GT(gamp_local_addr(tcp, where, sizeof where), 0);
    until = gamp_now() + SECONDS * GAMP_SECOND;
    CHECK_EQ(gamp_go(serve, tcp), 0);
    CHECK_EQ(gamp_go(serve, tcp), 0);
    CHECK_EQ(gamp_go(serve, local), 0);
    for (int i = 0; i < CLIENTS; i++)
        CHECK_EQ(gamp_waitgroup_go(&wg, client, test_rand(&seed)), 0);
    for (int i = 0; i < THREADS; i++) {
        seeds[i] = test_rand(&seed);
        CHECK_EQ(pthread_create(&threads[i], NULL, client_thread, &seeds[i]), 0);
    }
    gamp_waitgroup_wait(&wg);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK_EQ(gamp_close(tcp), 0);
    CHECK_EQ(gamp_close(local), 0);
    for (int i = 0; i < 400 && open_descriptors() > before; i++)
        gamp_sleep(10 * GAMP_MILLISECOND);
    if (open_descriptors() > before)
        gamp_stack_dump(2, 1);
    CHECK_LE(open_descriptors(), before);
    printf("%llu messages, %llu time-outs, %llu closed under their users\n",
           (unsigned long long)served, (unsigned long long)timed_out,
           (unsigned long long)closed_on);
}

TEST_GO_WITHIN(orderly, SECONDS * 4)
{
    churn();
}

TEST_GO_WITHIN(closed_under_their_users, SECONDS * 4)
{
    early = true;
    churn();
}
