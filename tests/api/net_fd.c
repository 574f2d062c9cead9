/* SPDX-License-Identifier: BSD-3-Clause */
/* Descriptors that the program made: registering, waiting, sharing, plain close(2), numbers that
 * come again, descriptors that nobody registered, and no numbers left. */
#include "harness/test.h"
#include "harness/waits.h"
#include <gamp/chan.h>
#include <gamp/go.h>
#include <gamp/net.h>
#include <gamp/os.h>
#include <gamp/run.h>
#include <gamp/sync.h>
#include <gamp/time.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define MS GAMP_MILLISECOND

static void write_later(int fd, const char *text)
{
    gamp_sleep(3 * MS);
    CHECK_EQ(gamp_write_full(fd, text, strlen(text)), 0);
}

/* --- registering ------------------------------------------------------------------------------ */

TEST_GO(pipes)
{
    int fd[2];
    char buf[16];

    CHECK_EQ(pipe(fd), 0);
    CHECK_EQ(gamp_fd_register(fd[0]), 0);
    CHECK_EQ(gamp_fd_register(fd[1]), 0);
    CHECK_EQ(gamp_fd_register(fd[0]), 0);
    CHECK(fcntl(fd[0], F_GETFL) & O_NONBLOCK);
    CHECK_EQ(gamp_go(write_later, fd[1], "hello"), 0);
    CHECK_EQ(gamp_read(fd[0], buf, sizeof buf), 5);
    CHECK_EQ(gamp_set_read_deadline(fd[0], gamp_now() + 5 * MS), 0);
    CHECK_EQ(gamp_read(fd[0], buf, sizeof buf), -ETIMEDOUT);
    CHECK_EQ(gamp_set_read_deadline(fd[0], GAMP_NEVER), 0);
    CHECK_EQ(gamp_close(fd[1]), 0);
    CHECK_EQ(gamp_read(fd[0], buf, sizeof buf), 0);
    CHECK_EQ(gamp_close(fd[0]), 0);
}

TEST_GO(eventfds_and_timerfds)
{
    int e = eventfd(0, 0), t = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec in = {.it_value = {.tv_nsec = 5000000}};
    uint64_t n = 1;

    CHECK_EQ(gamp_fd_register(e), 0);
    CHECK_EQ(gamp_fd_register(t), 0);
    CHECK_EQ(gamp_set_read_deadline(e, gamp_now() + 5 * MS), 0);
    CHECK_EQ(gamp_read(e, &n, sizeof n), -ETIMEDOUT);
    CHECK_EQ(gamp_set_read_deadline(e, GAMP_NEVER), 0);
    CHECK_EQ(gamp_write(e, &n, sizeof n), 8);
    CHECK_EQ(gamp_read(e, &n, sizeof n), 8);
    CHECK_EQ(n, 1);
    CHECK_EQ(timerfd_settime(t, 0, &in, NULL), 0);
    CHECK_EQ(gamp_read(t, &n, sizeof n), 8);
    CHECK_EQ(n, 1);
    CHECK_EQ(gamp_close(e), 0);
    CHECK_EQ(gamp_close(t), 0);
}

TEST_GO(what_cannot_be_polled)
{
    char name[] = "/tmp/gamp-test-XXXXXX", buf[8];
    int fd = mkstemp(name), null = open("/dev/null", O_RDWR);

    CHECK_GE(fd, 0);
    CHECK_EQ(gamp_fd_register(fd), -EPERM);
    CHECK_EQ(gamp_fd_register(fd), -EPERM);
    CHECK_EQ(gamp_set_deadline(fd, gamp_now() + GAMP_SECOND), -EPERM);
    /* It works all the same, as files do. */
    CHECK_EQ(gamp_write_full(fd, "content", 7), 0);
    CHECK_EQ(gamp_fd_register(fd), -EPERM);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(gamp_read(fd, buf, sizeof buf), 7);
    CHECK_EQ(gamp_read(fd, buf, sizeof buf), 0);
    CHECK_EQ(gamp_read_full(fd, buf, 1), -EPIPE);
    CHECK_EQ(gamp_fd_wait(fd, POLLIN | POLLOUT, GAMP_NEVER), POLLIN | POLLOUT);
    CHECK_EQ(gamp_close(fd), 0);
    CHECK_EQ(gamp_fd_register(null), -EPERM);
    CHECK_EQ(gamp_write(null, "x", 1), 1);
    CHECK_EQ(gamp_read(null, buf, 1), 0);
    CHECK_EQ(gamp_close(null), 0);
    CHECK_EQ(gamp_fd_register(-1), -EBADF);
    CHECK_EQ(gamp_fd_register(9999), -EBADF);
    unlink(name);
}

/* --- without registering ---------------------------------------------------------------------- */

TEST_GO(unregistered_blocking_pipe)
{
    int fd[2];
    char buf[16];

    CHECK_EQ(pipe(fd), 0);
    CHECK_EQ(gamp_go(write_later, fd[1], "soft"), 0);
    CHECK_EQ(gamp_read(fd[0], buf, sizeof buf), 4);
    CHECK_EQ(fcntl(fd[0], F_GETFL) & O_NONBLOCK, 0);
    /* Deadlines work too. */
    CHECK_EQ(gamp_set_read_deadline(fd[0], gamp_now() + 5 * MS), 0);
    CHECK_EQ(gamp_read(fd[0], buf, sizeof buf), -ETIMEDOUT);
    CHECK_EQ(gamp_set_read_deadline(fd[0], GAMP_NEVER), 0);
    CHECK_EQ(gamp_close(fd[1]), 0);
    CHECK_EQ(gamp_read(fd[0], buf, sizeof buf), 0);
    CHECK_EQ(gamp_close(fd[0]), 0);
}

struct reader {
    int fd;
    ssize_t result;
    gamp_waitgroup wg;
};

static void reader(struct reader *r)
{
    char buf[8];

    r->result = gamp_read(r->fd, buf, sizeof buf);
}

TEST_GO(close_wakes_unregistered)
{
    struct reader r = {0};
    int fd[2];

    CHECK_EQ(pipe(fd), 0);
    r.fd = fd[0];
    CHECK_EQ(gamp_waitgroup_go(&r.wg, reader, &r), 0);
    gamp_sleep(5 * MS);
    CHECK_EQ(gamp_close(fd[0]), 0);
    gamp_waitgroup_wait(&r.wg);
    CHECK_EQ(r.result, -EBADF);
    gamp_close(fd[1]);
}

TEST_GO(unregistered_nonblocking_socket)
{
    int fd[2];
    char buf[16];

    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    CHECK_EQ(gamp_go(write_later, fd[1], "x"), 0);
    CHECK_EQ(gamp_read(fd[0], buf, sizeof buf), 1);
    CHECK_EQ(gamp_close(fd[0]), 0);
    CHECK_EQ(gamp_close(fd[1]), 0);
}

/* The library may have a file open for a moment, and so the number that was to come back: then the
 * pair is given up and the round is made again. */
static bool came_back(const int pair[2], int number)
{
    if (pair[0] == number)
        return true;
    close(pair[0]);
    close(pair[1]);
    return false;
}

/* --- plain close(2) --------------------------------------------------------------------------- */

TEST_GO(plain_close_then_another)
{
    for (int i = 0; i < 100; i++) {
        int fd[2], again[2];
        char buf[8];

        CHECK_EQ(pipe(fd), 0);
        CHECK_EQ(gamp_fd_register(fd[0]), 0);
        CHECK_EQ(gamp_set_deadline(fd[0], gamp_now() - 1), 0);
        CHECK_EQ(gamp_read(fd[0], buf, 1), -ETIMEDOUT);
        CHECK_EQ(close(fd[0]), 0);
        CHECK_EQ(close(fd[1]), 0);
        CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, again), 0);
        if (!came_back(again, fd[0]))
            continue;
        CHECK_EQ(gamp_fd_register(again[0]), 0);
        CHECK_EQ(gamp_go(write_later, again[1], "new"), 0);
        CHECK_EQ(gamp_read(again[0], buf, sizeof buf), 3);
        CHECK_EQ(gamp_close(again[0]), 0);
        CHECK_EQ(gamp_close(again[1]), 0);
    }
}

/* Nobody registered the first nor the second. */
TEST_GO(plain_close_of_unregistered)
{
    for (int i = 0; i < 20; i++) {
        int fd[2], again[2];
        char buf[8];

        CHECK_EQ(pipe(fd), 0);
        CHECK_EQ(gamp_write(fd[1], "old", 3), 3);
        CHECK_EQ(gamp_read(fd[0], buf, sizeof buf), 3);
        CHECK_EQ(close(fd[0]), 0);
        CHECK_EQ(close(fd[1]), 0);
        CHECK_EQ(pipe(again), 0);
        if (!came_back(again, fd[0]))
            continue;
        CHECK_EQ(gamp_go(write_later, again[1], "new"), 0);
        CHECK_EQ(gamp_read(again[0], buf, sizeof buf), 3);
        CHECK_EQ(gamp_close(again[0]), 0);
        CHECK_EQ(gamp_close(again[1]), 0);
    }
}

/* accept gives a number that the table believes open. */
TEST_GO(plain_close_then_accept)
{
    char where[64], buf[8];
    int lfd = gamp_listen("tcp", "127.0.0.1:0");

    CHECK_GT(gamp_local_addr(lfd, where, sizeof where), 0);
    for (int i = 0; i < 50; i++) {
        int a = gamp_dial("tcp", where, GAMP_NEVER), b = gamp_accept(lfd);

        CHECK(a >= 0 && b >= 0);
        CHECK_EQ(gamp_write(a, "abc", 3), 3);
        CHECK_EQ(gamp_read(b, buf, sizeof buf), 3);
        CHECK_EQ(close(a), 0);
        CHECK_EQ(close(b), 0);
    }
    gamp_close(lfd);
}

TEST_GO(waiter_of_a_lost_number)
{
    struct reader r = {0};
    int fd[2], again[2];

    CHECK_EQ(pipe(fd), 0);
    CHECK_EQ(gamp_fd_register(fd[0]), 0);
    r.fd = fd[0];
    CHECK_EQ(gamp_waitgroup_go(&r.wg, reader, &r), 0);
    await_goroutines(1, "IO wait");
    CHECK_EQ(close(fd[0]), 0);
    do
        CHECK_EQ(pipe(again), 0);
    while (!came_back(again, fd[0]));
    CHECK_EQ(gamp_fd_register(again[0]), 0);
    gamp_waitgroup_wait(&r.wg);
    CHECK_EQ(r.result, -EBADF);
    gamp_close(again[0]);
    gamp_close(again[1]);
    gamp_close(fd[1]);
}

TEST_GO(dup_of_a_registered)
{
    int fd[2], copy;
    char buf[8];

    CHECK_EQ(pipe(fd), 0);
    CHECK_EQ(gamp_fd_register(fd[0]), 0);
    copy = dup(fd[0]);
    CHECK_EQ(gamp_fd_register(copy), 0);
    CHECK_EQ(gamp_close(fd[0]), 0);
    CHECK_EQ(gamp_go(write_later, fd[1], "copy"), 0);
    CHECK_EQ(gamp_read(copy, buf, sizeof buf), 4);
    CHECK_EQ(gamp_close(copy), 0);
    CHECK_EQ(gamp_close(fd[1]), 0);
}

/* --- fd_wait ---------------------------------------------------------------------------------- */

static void wait_readable(struct reader *r)
{
    r->result = gamp_fd_wait(r->fd, POLLIN, gamp_now() + GAMP_HOUR);
}

TEST_GO(fd_wait)
{
    struct reader many[10];
    gamp_time t;
    int fd[2];
    char buf[8];

    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    CHECK_EQ(gamp_fd_register(fd[0]), 0);
    CHECK_EQ(gamp_fd_wait(fd[0], POLLOUT, gamp_now() - 1), POLLOUT);
    CHECK_EQ(gamp_fd_wait(fd[0], POLLIN | POLLOUT, GAMP_NEVER), POLLOUT);
    CHECK_EQ(gamp_fd_wait(fd[0], POLLIN, gamp_now() - 1), -ETIMEDOUT);
    t = gamp_now() + 10 * MS;
    CHECK_EQ(gamp_fd_wait(fd[0], POLLIN, t), -ETIMEDOUT);
    CHECK_GE(gamp_now(), t);
    /* The descriptor's own deadlines do not count. */
    CHECK_EQ(gamp_set_deadline(fd[0], gamp_now() - 1), 0);
    CHECK_EQ(gamp_fd_wait(fd[0], POLLIN, gamp_now() + 5 * MS), -ETIMEDOUT);
    CHECK_EQ(gamp_set_deadline(fd[0], GAMP_NEVER), 0);
    /* One event wakes all. */
    memset(many, 0, sizeof many);
    for (int i = 0; i < 10; i++) {
        many[i].fd = fd[0];
        CHECK_EQ(gamp_waitgroup_go(&many[i].wg, wait_readable, &many[i]), 0);
    }
    CHECK_EQ(gamp_go(write_later, fd[1], "abc"), 0);
    for (int i = 0; i < 10; i++) {
        gamp_waitgroup_wait(&many[i].wg);
        CHECK_EQ(many[i].result, POLLIN);
    }
    CHECK_EQ(gamp_fd_wait(fd[0], POLLIN, GAMP_NEVER), POLLIN);
    CHECK_EQ(gamp_read(fd[0], buf, sizeof buf), 3);
    CHECK_EQ(gamp_fd_wait(fd[0], POLLIN, gamp_now() - 1), -ETIMEDOUT);
    CHECK_EQ(gamp_close(fd[1]), 0);
    CHECK_EQ(gamp_fd_wait(fd[0], POLLIN, GAMP_NEVER), POLLIN | POLLHUP);
    CHECK(gamp_fd_wait(fd[0], 0, GAMP_NEVER) & POLLHUP);
    CHECK_EQ(gamp_close(fd[0]), 0);
}

/* Until a write has waited in vain. */
static void fill_pipe(int fd)
{
    static char block[65536];
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    ssize_t n;

    do {
        CHECK_EQ(gamp_set_write_deadline(fd, gamp_now() + 100 * MS), 0);
        n = gamp_write(fd, block, sizeof block);
    } while (n > 0 || poll(&p, 1, 0) > 0);
    CHECK_EQ(gamp_set_write_deadline(fd, GAMP_NEVER), 0);
}

static void drain_later(int fd, gamp_waitgroup *wg)
{
    static char block[65536];

    gamp_sleep(5 * MS);
    CHECK_GT(gamp_read(fd, block, sizeof block), 0);
    gamp_waitgroup_done(wg);
}

TEST_GO(fd_wait_writable)
{
    gamp_waitgroup wg = {0};
    int fd[2];

    gamp_waitgroup_add(&wg, 1);
    CHECK_EQ(pipe(fd), 0);
    CHECK_EQ(gamp_fd_register(fd[1]), 0);
    fill_pipe(fd[1]);
    CHECK_EQ(gamp_fd_wait(fd[1], POLLOUT, gamp_now() + 5 * MS), -ETIMEDOUT);
    CHECK_EQ(gamp_go(drain_later, fd[0], &wg), 0);
    CHECK_EQ(gamp_fd_wait(fd[1], POLLOUT, GAMP_NEVER), POLLOUT);
    gamp_waitgroup_wait(&wg);
    CHECK_EQ(gamp_close(fd[0]), 0);
    CHECK(gamp_fd_wait(fd[1], POLLOUT, GAMP_NEVER) & POLLERR);
    CHECK_EQ(gamp_close(fd[1]), 0);
}

TEST_GO(fd_wait_beside_a_reader)
{
    struct reader r = {0};
    int fd[2];

    CHECK_EQ(pipe(fd), 0);
    CHECK_EQ(gamp_fd_register(fd[0]), 0);
    r.fd = fd[0];
    CHECK_EQ(gamp_waitgroup_go(&r.wg, reader, &r), 0);
    CHECK_EQ(gamp_go(write_later, fd[1], "0123456789"), 0);
    /* The reader takes eight, two stay. */
    CHECK_EQ(gamp_fd_wait(fd[0], POLLIN, GAMP_NEVER), POLLIN);
    gamp_waitgroup_wait(&r.wg);
    CHECK_EQ(r.result, 8);
    CHECK_EQ(gamp_fd_wait(fd[0], POLLIN, GAMP_NEVER), POLLIN);
    gamp_close(fd[0]);
    gamp_close(fd[1]);
}

/* --- sharing ---------------------------------------------------------------------------------- */

enum { WRITERS = 8, RECORDS = 20, RECORD = 30000 };

static void write_records(int fd, int who, gamp_waitgroup *wg)
{
    char *record = malloc(RECORD);

    memset(record, 'a' + who, RECORD);
    for (int i = 0; i < RECORDS; i++)
        CHECK_EQ(gamp_write_full(fd, record, RECORD), 0);
    free(record);
    gamp_waitgroup_done(wg);
}

static void no_interleave(int in, int out)
{
    char *record = malloc(RECORD);
    gamp_waitgroup wg = {0};
    int seen[WRITERS] = {0};

    gamp_waitgroup_add(&wg, WRITERS);
    for (int i = 0; i < WRITERS; i++)
        CHECK_EQ(gamp_go(write_records, out, i, &wg), 0);
    for (int i = 0; i < WRITERS * RECORDS; i++) {
        CHECK_EQ(gamp_read_full(in, record, RECORD), 0);
        for (int j = 1; j < RECORD; j++)
            CHECK_EQ(record[j], record[0]);
        seen[record[0] - 'a']++;
    }
    gamp_waitgroup_wait(&wg);
    for (int i = 0; i < WRITERS; i++)
        CHECK_EQ(seen[i], RECORDS);
    free(record);
}

TEST_GO(write_full_never_interleaves)
{
    int fd[2];

    CHECK_EQ(pipe(fd), 0);
    CHECK_EQ(gamp_fd_register(fd[0]), 0);
    CHECK_EQ(gamp_fd_register(fd[1]), 0);
    no_interleave(fd[0], fd[1]);
    gamp_close(fd[0]);
    gamp_close(fd[1]);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    CHECK_EQ(gamp_fd_register(fd[0]), 0);
    CHECK_EQ(gamp_fd_register(fd[1]), 0);
    no_interleave(fd[0], fd[1]);
    gamp_close(fd[0]);
    gamp_close(fd[1]);
    /* And where nobody registered. */
    CHECK_EQ(pipe(fd), 0);
    no_interleave(fd[0], fd[1]);
    gamp_close(fd[0]);
    gamp_close(fd[1]);
}

struct order {
    int fd, next;
    gamp_waitgroup wg;
};

static void read_in_turn(struct order *o, int turn)
{
    char c;

    CHECK_EQ(gamp_read(o->fd, &c, 1), 1);
    /* First come, first served: the byte has the number of the turn. */
    CHECK_EQ(c, turn);
    __atomic_fetch_add(&o->next, 1, __ATOMIC_RELAXED);
}

TEST_GO(readers_queue_in_order)
{
    struct order o = {0};
    int fd[2];

    CHECK_EQ(pipe(fd), 0);
    CHECK_EQ(gamp_fd_register(fd[0]), 0);
    o.fd = fd[0];
    for (char i = 0; i < 50; i++) {
        CHECK_EQ(gamp_waitgroup_go(&o.wg, read_in_turn, &o, i), 0);
        await_goroutines(i + 1, "IO wait");
    }
    for (char i = 0; i < 50; i++)
        CHECK_EQ(gamp_write(fd[1], &i, 1), 1);
    gamp_waitgroup_wait(&o.wg);
    CHECK_EQ(o.next, 50);
    gamp_close(fd[0]);
    gamp_close(fd[1]);
}

static void write_much(int fd, gamp_waitgroup *wg)
{
    char *block = calloc(1, 1 << 20);

    CHECK_EQ(gamp_write_full(fd, block, 1 << 20), 0);
    free(block);
    gamp_waitgroup_done(wg);
}

static void read_much(int fd, gamp_waitgroup *wg)
{
    char *block = malloc(1 << 20);

    CHECK_EQ(gamp_read_full(fd, block, 1 << 20), 0);
    free(block);
    gamp_waitgroup_done(wg);
}

/* A reader and a writer on each end, all four at once. */
TEST_GO(both_ways_at_once)
{
    gamp_waitgroup wg = {0};
    int fd[2];

    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(gamp_fd_register(fd[i]), 0);
        gamp_waitgroup_add(&wg, 2);
        CHECK_EQ(gamp_go(write_much, fd[i], &wg), 0);
        CHECK_EQ(gamp_go(read_much, fd[i], &wg), 0);
    }
    gamp_waitgroup_wait(&wg);
    gamp_close(fd[0]);
    gamp_close(fd[1]);
}

/* --- no numbers left -------------------------------------------------------------------------- */

TEST_GO(emfile)
{
    struct rlimit few = {64, 64};
    char where[64];
    int lfd = gamp_listen("tcp", "127.0.0.1:0"), a, b, spare[64], n = 0;

    CHECK_GT(gamp_local_addr(lfd, where, sizeof where), 0);
    a = gamp_dial("tcp", where, GAMP_NEVER);
    CHECK_GE(a, 0);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    while (n < 64 && (spare[n] = dup(0)) >= 0)
        n++;
    CHECK_EQ(gamp_accept(lfd), -EMFILE);
    CHECK_EQ(gamp_dial("tcp", where, GAMP_NEVER), -EMFILE);
    CHECK_EQ(gamp_listen("tcp", "127.0.0.1:0"), -EMFILE);
    CHECK_EQ(gamp_open("/dev/null", O_RDONLY, 0), -EMFILE);
    close(spare[--n]);
    /* The connection was not lost. */
    b = gamp_accept(lfd);
    CHECK_GE(b, 0);
    while (n > 0)
        close(spare[--n]);
    gamp_close(a);
    gamp_close(b);
    gamp_close(lfd);
}

/* --- sendfile --------------------------------------------------------------------------------- */

static void read_all(int fd, char *to, size_t *n, gamp_waitgroup *wg)
{
    ssize_t r;

    while ((r = gamp_read(fd, to + *n, 65536)) > 0)
        *n += (size_t)r;
    CHECK_EQ(r, 0);
    gamp_waitgroup_done(wg);
}

TEST_GO(sendfile_in_full)
{
    const size_t size = 3 << 20;
    char name[] = "/tmp/gamp-test-XXXXXX", where[64], *data = malloc(size),
         *got = malloc(size + 65536);
    int file = mkstemp(name), lfd = gamp_listen("tcp", "127.0.0.1:0"), a, b;
    gamp_waitgroup wg = {0};
    size_t n = 0;
    off_t at = 0;

    unlink(name);
    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i * 2654435761u >> 13);
    CHECK_EQ(gamp_write_full(file, data, size), 0);
    CHECK_GT(gamp_local_addr(lfd, where, sizeof where), 0);
    a = gamp_dial("tcp", where, GAMP_NEVER);
    b = gamp_accept(lfd);
    gamp_waitgroup_add(&wg, 1);
    CHECK_EQ(gamp_go(read_all, b, got, &n, &wg), 0);
    while (at < (off_t)size)
        CHECK_GT(gamp_sendfile(a, file, &at, size - (size_t)at), 0);
    CHECK_EQ(gamp_sendfile(a, file, &at, 100), 0);
    CHECK_EQ(gamp_close(a), 0);
    gamp_waitgroup_wait(&wg);
    CHECK_EQ(n, size);
    CHECK_EQ(memcmp(data, got, size), 0);
    CHECK_EQ(gamp_sendfile(b, -1, NULL, 10), -EBADF);
    gamp_close(b);
    gamp_close(file);
    gamp_close(lfd);
    free(data);
    free(got);
}
