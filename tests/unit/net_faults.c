/* SPDX-License-Identifier: BSD-3-Clause */
/* System calls that fail, each in its turn: what the caller gets is an error, nothing leaks, and
 * the next attempt works. And kernels that lack something: epoll_pwait2, pidfd_open. */
#include "harness/test.h"
#include "faults.h"
#include <gamp/go.h>
#include <gamp/net.h>
#include <gamp/os.h>
#include <gamp/run.h>
#include <gamp/sync.h>
#include <gamp/time.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int open_descriptors(void)
{
    int least = 1 << 30;

    /* The runtime may have a file open for a moment. */
    for (int i = 0; i < 3; i++) {
        DIR *d = opendir("/proc/self/fd");
        int n = 0;

        while (readdir(d))
            n++;
        closedir(d);
        least = n < least ? n : least;
    }
    return least;
}

/* --- scenarios: 0, or the error that ended them ---------------------------------------------- */

static void echo_one(int fd)
{
    char buf[64];
    ssize_t n;

    while ((n = gamp_read(fd, buf, sizeof buf)) > 0)
        if (gamp_write_full(fd, buf, (size_t)n) < 0)
            break;
    gamp_close(fd);
}

static int talk(int fd)
{
    char buf[64];
    int err = 0;

    for (int i = 0; i < 3 && !err; i++) {
        err = gamp_write_full(fd, "ping", 4);
        if (!err)
            err = gamp_read_full(fd, buf, 4);
    }
    return err;
}

static int tcp(void)
{
    char where[64];
    int lfd = gamp_listen("tcp", "127.0.0.1:0"), a = -1, b = -1, err = lfd;

    if (err >= 0)
        err = gamp_local_addr(lfd, where, sizeof where);
    if (err >= 0)
        err = a = gamp_dial("tcp", where, gamp_now() + 10 * GAMP_SECOND);
    if (err >= 0)
        err = gamp_set_read_deadline(lfd, gamp_now() + 10 * GAMP_SECOND);
    if (err >= 0)
        err = b = gamp_accept(lfd);
    if (err >= 0)
        err = gamp_set_deadline(a, gamp_now() + 10 * GAMP_SECOND);
    if (err >= 0)
        err = gamp_go(echo_one, b);
    if (err >= 0) {
        b = -1;
        err = talk(a);
    }
    gamp_close(a);
    gamp_close(b);
    gamp_close(lfd);
    return err < 0 ? err : 0;
}

static int unixes(void)
{
    char path[64];
    int rx, tx = -1, err;
    char buf[8];

    snprintf(path, sizeof path, "@gamp-test-%d", (int)getpid());
    err = rx = gamp_listen_packet("unixgram", path);
    if (err >= 0)
        err = tx = gamp_dial("unixgram", path, gamp_now() + 10 * GAMP_SECOND);
    if (err >= 0)
        err = (int)gamp_write(tx, "x", 1);
    if (err >= 0)
        err = (int)gamp_recvfrom(rx, buf, sizeof buf, 0, NULL, NULL);
    gamp_close(rx);
    gamp_close(tx);
    return err < 0 ? err : 0;
}

static int registering(void)
{
    int fd[2], err;
    char c;

    CHECK_EQ(pipe(fd), 0);
    err = gamp_fd_register(fd[0]);
    if (!err)
        err = (int)gamp_write(fd[1], "x", 1);
    if (err >= 0)
        err = (int)gamp_read(fd[0], &c, 1);
    gamp_close(fd[0]);
    gamp_close(fd[1]);
    return err < 0 ? err : 0;
}

static int files(void)
{
    char name[] = "/tmp/gamp-test-XXXXXX", buf[4];
    int fd = mkstemp(name), err;

    close(fd);
    err = fd = gamp_open(name, O_RDWR, 0);
    if (err >= 0)
        err = (int)gamp_write(fd, "abcd", 4);
    if (err >= 0)
        err = (int)gamp_pread(fd, buf, 4, 0);
    gamp_close(fd);
    unlink(name);
    return err < 0 ? err : 0;
}

static int processes(void)
{
    const char *const argv[] = {"sh", "-c", "exit 3", NULL};
    int fds[2] = {0, 1};
    const gamp_exec_options o = {.fds = fds, .nfds = 2};
    gamp_process p;
    int err = gamp_exec(argv, &o, &p), r;

    if (err < 0)
        return err;
    r = gamp_process_wait(&p, gamp_now() + 10 * GAMP_SECOND);
    if (r < 0) {
        /* Without the fault it can be waited for. */
        disarm();
        CHECK_EQ(gamp_process_wait(&p, GAMP_NEVER), 3);
        return r;
    }
    CHECK_EQ(r, 3);
    return 0;
}

static const struct scenario {
    const char *name;
    int (*run)(void);
} scenarios[] = {
    {"tcp", tcp},     {"unixes", unixes},       {"registering", registering},
    {"files", files}, {"processes", processes},
};

/* Each call of the number fails once, until the scenario no longer comes to that many. */
static void fail_in_turn(const struct scenario *s, long number, long error, bool hidden)
{
    int before = open_descriptors(), err;

    for (int at = 0; at < 100; at++) {
        arm(number, error, at);
        err = s->run();
        disarm();
        /* Emulators make a copy of a child that borrows our memory: that its call failed is then
         * seen by the error alone. */
        if (!faulted() && !(s->run == processes && err == error)) {
            CHECK_MSG(err == 0, "%s: call %ld, number %d did not fail: %d", s->name, number, at,
                      err);
            break;
        }
        if (hidden)
            CHECK_MSG(err == 0, "%s: call %ld, number %d: %d", s->name, number, at, err);
        /* What went wrong has no effect on the next. */
        CHECK_EQ(s->run(), 0);
    }
    /* The other ends close theirs when they see it. */
    for (int i = 0; i < 2000 && open_descriptors() > before; i++)
        gamp_sleep(5 * GAMP_MILLISECOND);
    CHECK_MSG(open_descriptors() <= before, "%s: call %ld leaks", s->name, number);
}

TEST_GO_WITHIN(each_call_in_turn, 60)
{
    static const long numbers[] = {
        SYS_socket,     SYS_bind,       SYS_listen,      SYS_connect, SYS_accept4,
        SYS_epoll_ctl,  SYS_setsockopt, SYS_getsockname, SYS_fcntl,   SYS_eventfd2,
        SYS_pidfd_open, SYS_waitid,     SYS_getsockopt,
    };
    static const long errors[] = {-EMFILE, -ENOMEM, -EINVAL};

    /* The first use makes what stays. */
    for (size_t s = 0; s < sizeof scenarios / sizeof scenarios[0]; s++)
        CHECK_EQ(scenarios[s].run(), 0);
    for (size_t s = 0; s < sizeof scenarios / sizeof scenarios[0]; s++)
        for (size_t n = 0; n < sizeof numbers / sizeof numbers[0]; n++)
            for (size_t e = 0; e < sizeof errors / sizeof errors[0]; e++)
                fail_in_turn(&scenarios[s], numbers[n], errors[e], false);
}

TEST_GO_WITHIN(interruptions_never_surface, 60)
{
    static const long numbers[] = {SYS_read,         SYS_write,   SYS_sendto,  SYS_recvfrom,
                                   SYS_accept4,      SYS_connect, SYS_ppoll,   SYS_waitid,
                                   SYS_epoll_pwait2, SYS_openat,  SYS_pread64, SYS_epoll_pwait};

    for (size_t s = 0; s < sizeof scenarios / sizeof scenarios[0]; s++)
        for (size_t n = 0; n < sizeof numbers / sizeof numbers[0]; n++)
            fail_in_turn(&scenarios[s], numbers[n], -EINTR, true);
}

/* --- what a kernel may lack ------------------------------------------------------------------ */

static void time_outs(void)
{
    int fd = eventfd(0, 0);
    uint64_t n;
    gamp_time t;

    CHECK_EQ(gamp_fd_register(fd), 0);
    for (int i = 1; i <= 3; i++) {
        t = gamp_now() + i * 1300 * GAMP_MICROSECOND;
        CHECK_EQ(gamp_set_read_deadline(fd, t), 0);
        CHECK_EQ(gamp_read(fd, &n, sizeof n), -ETIMEDOUT);
        CHECK_GE(gamp_now(), t);
        CHECK_LT(gamp_now(), t + 10 * GAMP_SECOND);
    }
    CHECK_EQ(gamp_close(fd), 0);
}

static int all_of_it(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    for (int i = 0; i < 5; i++)
        for (size_t s = 0; s < sizeof scenarios / sizeof scenarios[0]; s++)
            CHECK_EQ(scenarios[s].run(), 0);
    time_outs();
    return 0;
}

static void without(long number, long answer)
{
    arm(number, answer, 0);
    fault.every = true;
    CHECK_EQ(gamp_run(all_of_it, 0, NULL), 0);
    CHECK(faulted());
}

TEST(without_epoll_pwait2)
{
    without(SYS_epoll_pwait2, -ENOSYS);
}

TEST(forbidden_epoll_pwait2)
{
    without(SYS_epoll_pwait2, -EPERM);
}

TEST(without_pidfd)
{
    without(SYS_pidfd_open, -ENOSYS);
}

/* No poller at first: whoever needs it gets the error, and later it is there. */
static int late_poller(int argc, char **argv)
{
    int fd[2];

    (void)argc;
    (void)argv;
    CHECK_EQ(pipe(fd), 0);
    CHECK_EQ(gamp_fd_register(fd[0]), -EMFILE);
    CHECK_EQ(gamp_listen("tcp", "127.0.0.1:0"), -EMFILE);
    gamp_sleep(GAMP_MILLISECOND);
    disarm();
    close(fd[0]);
    close(fd[1]);
    return all_of_it(0, NULL);
}

TEST(without_a_poller_at_first)
{
    for (int turn = 0; turn < 2; turn++) {
        arm(turn ? SYS_eventfd2 : SYS_epoll_create1, -EMFILE, 0);
        fault.every = true;
        if (turn == 0)
            CHECK_EQ(gamp_fd_register(0), -EMFILE);
    }
    arm(SYS_epoll_create1, -EMFILE, 0);
    fault.every = true;
    CHECK_EQ(gamp_run(late_poller, 0, NULL), 0);
}
