/* SPDX-License-Identifier: BSD-3-Clause */
/* Deadlines, and closing what others wait on. */
#include "harness/test.h"
#include <gamp/chan.h>
#include <gamp/go.h>
#include <gamp/net.h>
#include <gamp/os.h>
#include <gamp/run.h>
#include <gamp/sync.h>
#include <gamp/time.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MS GAMP_MILLISECOND

struct pair {
    int a, b;
};

static struct pair connected(void)
{
    char where[64];
    int lfd = gamp_listen("tcp", "127.0.0.1:0");
    struct pair p;

    CHECK_GE(lfd, 0);
    CHECK_GT(gamp_local_addr(lfd, where, sizeof where), 0);
    p.a = gamp_dial("tcp", where, gamp_now() + GAMP_HOUR);
    CHECK_GE(p.a, 0);
    p.b = gamp_accept(lfd);
    CHECK_GE(p.b, 0);
    CHECK_EQ(gamp_close(lfd), 0);
    return p;
}

static void close_pair(struct pair p)
{
    CHECK_EQ(gamp_close(p.a), 0);
    CHECK_EQ(gamp_close(p.b), 0);
}

/* Fills the way from fd until no more goes. */
static void fill(int fd)
{
    static char block[65536];
    ssize_t n;

    /* The kernel moves data to the other end for a while: until nothing more goes for long. */
    CHECK_EQ(gamp_set_write_deadline(fd, gamp_now() + 20 * MS), 0);
    while ((n = gamp_write(fd, block, sizeof block)) > 0)
        CHECK_EQ(gamp_set_write_deadline(fd, gamp_now() + 100 * MS * test_slowness()), 0);
    CHECK_EQ(n, -ETIMEDOUT);
    CHECK_EQ(gamp_set_write_deadline(fd, GAMP_NEVER), 0);
}

TEST_GO(read_deadline)
{
    struct pair p = connected();
    gamp_time t = gamp_now() + 30 * MS;
    char buf[8];

    CHECK_EQ(gamp_set_read_deadline(p.a, t), 0);
    CHECK_EQ(gamp_read(p.a, buf, sizeof buf), -ETIMEDOUT);
    CHECK_GE(gamp_now(), t);
    CHECK_LT(gamp_now(), t + 10 * GAMP_SECOND);
    /* It stays. */
    CHECK_EQ(gamp_read(p.a, buf, sizeof buf), -ETIMEDOUT);
    CHECK_EQ(gamp_write(p.b, "late", 4), 4);
    CHECK_EQ(gamp_read(p.a, buf, sizeof buf), -ETIMEDOUT);
    CHECK_EQ(gamp_read_full(p.a, buf, 1), -ETIMEDOUT);
    /* Writing has its own. */
    CHECK_EQ(gamp_write(p.a, "x", 1), 1);
    CHECK_EQ(gamp_set_read_deadline(p.a, GAMP_NEVER), 0);
    CHECK_EQ(gamp_read(p.a, buf, sizeof buf), 4);
    close_pair(p);
}

TEST_GO(deadline_in_the_past)
{
    struct pair p = connected();
    char buf[8];

    CHECK_EQ(gamp_write(p.b, "data", 4), 4);
    CHECK_EQ(gamp_set_deadline(p.a, gamp_now() - 1), 0);
    CHECK_EQ(gamp_read(p.a, buf, sizeof buf), -ETIMEDOUT);
    CHECK_EQ(gamp_write(p.a, buf, 1), -ETIMEDOUT);
    CHECK_EQ(gamp_set_deadline(p.a, 0), 0);
    CHECK_EQ(gamp_read(p.a, buf, sizeof buf), -ETIMEDOUT);
    CHECK_EQ(gamp_set_deadline(p.a, -5), 0);
    CHECK_EQ(gamp_read(p.a, buf, sizeof buf), -ETIMEDOUT);
    CHECK_EQ(gamp_set_deadline(p.a, GAMP_NEVER), 0);
    CHECK_EQ(gamp_read(p.a, buf, sizeof buf), 4);
    close_pair(p);
}

TEST_GO(write_deadline)
{
    struct pair p = connected();
    gamp_time t;
    ssize_t n;

    fill(p.a);
    t = gamp_now() + 20 * MS;
    CHECK_EQ(gamp_set_write_deadline(p.a, t), 0);
    /* The kernel may find room for some more. */
    while ((n = gamp_write(p.a, "x", 1)) > 0)
        ;
    CHECK_EQ(n, -ETIMEDOUT);
    CHECK_GE(gamp_now(), t);
    CHECK_EQ(gamp_write_full(p.a, "x", 1), -ETIMEDOUT);
    close_pair(p);
}

TEST_GO(accept_deadline)
{
    int lfd = gamp_listen("tcp", "127.0.0.1:0");
    gamp_time t = gamp_now() + 20 * MS;

    CHECK_EQ(gamp_set_read_deadline(lfd, t), 0);
    CHECK_EQ(gamp_accept(lfd), -ETIMEDOUT);
    CHECK_GE(gamp_now(), t);
    CHECK_EQ(gamp_accept(lfd), -ETIMEDOUT);
    CHECK_EQ(gamp_close(lfd), 0);
}

/* Go's TestVariousDeadlines: from the past over nanoseconds to a second, the write that never ends
 * is cut. */
TEST_GO_WITHIN(various_deadlines, 60)
{
    static const gamp_duration ds[] = {
        1,      2,      5,      50,      100,     900,     5000,     50000,    400000,   900000,
        1 * MS, 3 * MS, 7 * MS, 19 * MS, 49 * MS, 99 * MS, 101 * MS, 150 * MS, 250 * MS, 400 * MS};

    for (size_t i = 0; i < sizeof ds / sizeof ds[0]; i++)
        for (int run = 0; run < 2; run++) {
            struct pair p = connected();
            static char block[100000];
            gamp_time begin = gamp_now();
            ssize_t n;

            CHECK_EQ(gamp_set_deadline(p.a, begin + ds[i]), 0);
            while ((n = gamp_write(p.a, block, sizeof block)) > 0)
                ;
            CHECK_EQ(n, -ETIMEDOUT);
            CHECK_GE(gamp_now(), begin + ds[i]);
            CHECK_LT(gamp_now(), begin + ds[i] + 10 * GAMP_SECOND);
            close_pair(p);
        }
}

struct blocked {
    int fd;
    ssize_t result;
    gamp_time ended;
    gamp_waitgroup wg;
};

static void blocked_read(struct blocked *b)
{
    char buf[8];

    b->result = gamp_read(b->fd, buf, sizeof buf);
    b->ended = gamp_now();
}

static void blocked_write(struct blocked *b)
{
    static char block[1 << 20];

    b->result = gamp_write_full(b->fd, block, sizeof block);
    b->ended = gamp_now();
}

static void blocked_accept(struct blocked *b)
{
    b->result = gamp_accept(b->fd);
    b->ended = gamp_now();
}

static void blocked_wait(struct blocked *b)
{
    b->result = gamp_fd_wait(b->fd, POLLIN, GAMP_NEVER);
    b->ended = gamp_now();
}

TEST_GO(deadline_moves_under_a_reader)
{
    struct pair p = connected();
    struct blocked b = {.fd = p.a};
    gamp_time t, first;
    bool away;

    /* Set while it waits. */
    CHECK_EQ(gamp_waitgroup_go(&b.wg, blocked_read, &b), 0);
    gamp_sleep(5 * MS);
    t = gamp_now() + 10 * MS;
    CHECK_EQ(gamp_set_read_deadline(p.a, t), 0);
    gamp_waitgroup_wait(&b.wg);
    CHECK_EQ(b.result, -ETIMEDOUT);
    CHECK_GE(b.ended, t);

    /* Later than first said; on a busy machine the first may have come by then. */
    first = gamp_now() + 30 * MS;
    CHECK_EQ(gamp_set_read_deadline(p.a, first), 0);
    CHECK_EQ(gamp_waitgroup_go(&b.wg, blocked_read, &b), 0);
    gamp_sleep(5 * MS);
    t = gamp_now() + 80 * MS;
    CHECK_EQ(gamp_set_read_deadline(p.a, t), 0);
    if (gamp_now() >= first)
        t = first;
    gamp_waitgroup_wait(&b.wg);
    CHECK_EQ(b.result, -ETIMEDOUT);
    CHECK_GE(b.ended, t);

    /* Earlier than first said. */
    CHECK_EQ(gamp_set_read_deadline(p.a, gamp_now() + 3600 * GAMP_SECOND), 0);
    CHECK_EQ(gamp_waitgroup_go(&b.wg, blocked_read, &b), 0);
    gamp_sleep(5 * MS);
    CHECK_EQ(gamp_set_read_deadline(p.a, gamp_now() + 5 * MS), 0);
    gamp_waitgroup_wait(&b.wg);
    CHECK_EQ(b.result, -ETIMEDOUT);

    /* Into the past. */
    CHECK_EQ(gamp_set_read_deadline(p.a, GAMP_NEVER), 0);
    CHECK_EQ(gamp_waitgroup_go(&b.wg, blocked_read, &b), 0);
    gamp_sleep(5 * MS);
    CHECK_EQ(gamp_set_deadline(p.a, gamp_now() - GAMP_SECOND), 0);
    gamp_waitgroup_wait(&b.wg);
    CHECK_EQ(b.result, -ETIMEDOUT);

    /* Away: data comes instead, unless the machine was so busy that the time was up before. */
    do {
        char rest[2];

        first = gamp_now() + 20 * MS;
        CHECK_EQ(gamp_set_deadline(p.a, first), 0);
        CHECK_EQ(gamp_waitgroup_go(&b.wg, blocked_read, &b), 0);
        gamp_sleep(5 * MS);
        CHECK_EQ(gamp_set_deadline(p.a, GAMP_NEVER), 0);
        away = gamp_now() < first;
        gamp_sleep(40 * MS);
        CHECK_EQ(gamp_write(p.b, "hi", 2), 2);
        gamp_waitgroup_wait(&b.wg);
        CHECK(b.result == 2 || (!away && b.result == -ETIMEDOUT));
        if (b.result != 2)
            CHECK_EQ(gamp_read_full(p.a, rest, 2), 0);
    } while (!away);
    close_pair(p);
}

/* All that queue on one descriptor time out, not just the first. */
TEST_GO(queued_readers_time_out)
{
    struct pair p = connected();
    struct blocked b[10];
    gamp_time t = gamp_now() + 30 * MS;

    memset(b, 0, sizeof b);
    CHECK_EQ(gamp_set_read_deadline(p.a, t), 0);
    for (int i = 0; i < 10; i++) {
        b[i].fd = p.a;
        CHECK_EQ(gamp_waitgroup_go(&b[i].wg, blocked_read, &b[i]), 0);
    }
    for (int i = 0; i < 10; i++) {
        gamp_waitgroup_wait(&b[i].wg);
        CHECK_EQ(b[i].result, -ETIMEDOUT);
        CHECK_GE(b[i].ended, t);
    }
    close_pair(p);
}

static void set_deadlines(int fd, gamp_waitgroup *wg)
{
    for (int i = 0; i < 2000; i++)
        gamp_set_deadline(fd, gamp_now() + (i % 7 - 3) * 1000);
    gamp_waitgroup_done(wg);
}

static void read_on(int fd, gamp_waitgroup *wg)
{
    char buf[4];
    ssize_t n = 0;

    for (int i = 0; i < 2000; i++)
        n = gamp_read(fd, buf, 1);
    CHECK(n == -ETIMEDOUT || n == 1);
    gamp_waitgroup_done(wg);
}

static void write_on(int fd, gamp_waitgroup *wg)
{
    for (int i = 0; i < 2000; i++)
        gamp_write(fd, "x", 1);
    gamp_waitgroup_done(wg);
}

/* Go's TestReadWriteDeadlineRace. */
TEST_GO(deadline_race)
{
    struct pair p = connected();
    gamp_waitgroup wg = {0};

    gamp_waitgroup_add(&wg, 3);
    CHECK_EQ(gamp_set_deadline(p.a, gamp_now()), 0);
    CHECK_EQ(gamp_go(set_deadlines, p.a, &wg), 0);
    CHECK_EQ(gamp_go(read_on, p.a, &wg), 0);
    CHECK_EQ(gamp_go(write_on, p.a, &wg), 0);
    while (gamp_waitgroup_wait_until(&wg, gamp_now() + 5 * MS) < 0)
        gamp_set_deadline(p.a, gamp_now() - 1);
    close_pair(p);
}

/* --- close wakes ------------------------------------------------------------------------------ */

static void close_wakes(void (*fn)(struct blocked *), int fd, int n)
{
    struct blocked b[20];

    memset(b, 0, sizeof b);
    for (int i = 0; i < n; i++) {
        b[i].fd = fd;
        CHECK_EQ(gamp_waitgroup_go(&b[i].wg, fn, &b[i]), 0);
    }
    gamp_sleep(5 * MS);
    CHECK_EQ(gamp_close(fd), 0);
    for (int i = 0; i < n; i++) {
        CHECK_EQ(gamp_waitgroup_wait_until(&b[i].wg, gamp_now() + GAMP_HOUR), 0);
        CHECK_EQ(b[i].result, -EBADF);
    }
    CHECK_EQ(gamp_close(fd), -EBADF);
}

TEST_GO(close_wakes_readers)
{
    for (int n = 1; n <= 20; n += 19) {
        struct pair p = connected();

        close_wakes(blocked_read, p.a, n);
        CHECK_EQ(gamp_close(p.b), 0);
    }
}

TEST_GO(close_wakes_writers)
{
    for (int n = 1; n <= 20; n += 19) {
        struct pair p = connected();

        fill(p.a);
        close_wakes(blocked_write, p.a, n);
        CHECK_EQ(gamp_close(p.b), 0);
    }
}

TEST_GO(close_wakes_accepters)
{
    close_wakes(blocked_accept, gamp_listen("tcp", "127.0.0.1:0"), 20);
}

TEST_GO(close_wakes_fd_wait)
{
    for (int n = 1; n <= 20; n += 19) {
        struct pair p = connected();

        close_wakes(blocked_wait, p.a, n);
        CHECK_EQ(gamp_close(p.b), 0);
    }
}

TEST_GO(close_of_what_is_not_open)
{
    struct pair p = connected();
    char buf[4];

    CHECK_EQ(gamp_close(-1), -EBADF);
    CHECK_EQ(gamp_close(0x7ffffff), -EBADF);
    CHECK_EQ(gamp_close(p.a), 0);
    CHECK_EQ(gamp_read(p.a, buf, 4), -EBADF);
    CHECK_EQ(gamp_write(p.a, buf, 4), -EBADF);
    CHECK_EQ(gamp_accept(p.a), -EBADF);
    CHECK_EQ(gamp_set_deadline(p.a, GAMP_NEVER), -EBADF);
    CHECK_EQ(gamp_fd_register(p.a), -EBADF);
    CHECK_EQ(gamp_fd_wait(p.a, POLLIN, GAMP_NEVER), -EBADF);
    CHECK_EQ(gamp_read(-1, buf, 4), -EBADF);
    CHECK_EQ(gamp_write_full(-1, buf, 4), -EBADF);
    CHECK_EQ(gamp_close(p.a), -EBADF);
    CHECK_EQ(gamp_close(p.b), 0);
}

/* Numbers come again at once; nothing of the old one is left. */
TEST_GO(numbers_come_again)
{
    for (int i = 0; i < 300; i++) {
        struct pair p = connected();
        char buf[8];

        CHECK_EQ(gamp_set_deadline(p.a, gamp_now() - 1), 0);
        CHECK_EQ(gamp_close(p.a), 0);
        CHECK_EQ(gamp_close(p.b), 0);
        p = connected();
        CHECK_EQ(gamp_write(p.b, "new", 3), 3);
        CHECK_EQ(gamp_read(p.a, buf, sizeof buf), 3);
        close_pair(p);
    }
}

struct churn {
    gamp_chan *fds;
    gamp_waitgroup wg;
};

static void churn_reader(struct churn *c)
{
    char buf[8];
    int fd;

    while (gamp_chan_recv(c->fds, &fd)) {
        /* Data, the end, closed before or while it read; or, when the number came again, whatever
         * the new one has to say. But it ends. */
        gamp_read(fd, buf, sizeof buf);
    }
}

/* Closing races with the beginning of reads. */
/* Used, never registered, closed behind the library's back: the next owner's deadline is its
 * own. */
TEST_GO(a_deadline_for_a_number_that_came_again)
{
    int s[2], number = -1;
    char ch = 'x';

    for (int i = 0; i < 3; i++) {
        CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, s), 0);
        CHECK(number < 0 || number == s[1]);
        number = s[1];
        CHECK_EQ(gamp_write(s[0], &ch, 1), 1);
        CHECK_EQ(gamp_set_read_deadline(s[1], gamp_now() + MS), 0);
        gamp_sleep(2 * MS);
        CHECK_EQ(gamp_read(s[1], &ch, 1), -ETIMEDOUT);
        CHECK_EQ(gamp_set_read_deadline(s[1], gamp_now() + GAMP_HOUR), 0);
        CHECK_EQ(gamp_read(s[1], &ch, 1), 1);
        CHECK_EQ(gamp_set_read_deadline(s[1], gamp_now() + MS), 0);
        CHECK_EQ(gamp_read(s[1], &ch, 1), -ETIMEDOUT);
        close(s[1]);
        CHECK_EQ(gamp_close(s[0]), 0);
    }
    CHECK_EQ(gamp_set_read_deadline(number, gamp_now()), -EBADF);
}

TEST_GO(close_race)
{
    struct churn c = {.fds = gamp_chan_of(int, 0)};

    for (int i = 0; i < 4; i++)
        CHECK_EQ(gamp_waitgroup_go(&c.wg, churn_reader, &c), 0);
    for (int i = 0; i < 500; i++) {
        struct pair p = connected();

        gamp_chan_send(c.fds, &p.a);
        if (i % 3 == 0)
            CHECK_EQ(gamp_write(p.b, "abc", 3), 3);
        if (i % 2)
            gamp_gosched();
        CHECK_EQ(gamp_close(p.a), 0);
        CHECK_EQ(gamp_close(p.b), 0);
    }
    gamp_chan_close(c.fds);
    gamp_waitgroup_wait(&c.wg);
    gamp_chan_unref(c.fds);
}
