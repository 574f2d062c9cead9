/* SPDX-License-Identifier: BSD-3-Clause */
/* Unix sockets and UDP: streams, datagrams, abstract names, descriptors in messages, full
 * receivers. */
#include "harness/test.h"
#include <gamp/go.h>
#include <gamp/net.h>
#include <gamp/os.h>
#include <gamp/run.h>
#include <gamp/sync.h>
#include <gamp/time.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MS GAMP_MILLISECOND

static char path[100];

static const char *temp_path(void)
{
    static int n;

    snprintf(path, sizeof path, "/tmp/gamp-test-%d-%d", (int)getpid(), n++);
    return path;
}

static void echo_once(int fd)
{
    char buf[256];
    ssize_t n = gamp_read(fd, buf, sizeof buf);

    CHECK_GT(n, 0);
    CHECK_EQ(gamp_write_full(fd, buf, (size_t)n), 0);
    CHECK_EQ(gamp_read(fd, buf, sizeof buf), 0);
    CHECK_EQ(gamp_close(fd), 0);
}

static void stream_at(const char *address)
{
    char buf[256], name[128];
    int lfd = gamp_listen("unix", address), a, b;

    CHECK_MSG(lfd >= 0, "listen: %d", lfd);
    CHECK_EQ((size_t)gamp_local_addr(lfd, name, sizeof name), strlen(address));
    CHECK_STR(name, address);
    CHECK_EQ(gamp_local_addr(lfd, name, strlen(address)), -ENOSPC);
    for (int i = 0; i < 20; i++) {
        a = gamp_dial("unix", address, gamp_now() + GAMP_HOUR);
        CHECK_GE(a, 0);
        b = gamp_accept(lfd);
        CHECK_GE(b, 0);
        CHECK_EQ(gamp_go(echo_once, b), 0);
        CHECK_EQ(gamp_write(a, "hello", 5), 5);
        CHECK_EQ(gamp_read_full(a, buf, 5), 0);
        CHECK_EQ(gamp_peer_addr(a, name, sizeof name), (int)strlen(address));
        CHECK_STR(name, address);
        CHECK_EQ(gamp_local_addr(a, name, sizeof name), 0);
        CHECK_STR(name, "");
        CHECK_EQ(gamp_shutdown(a, SHUT_WR), 0);
        CHECK_EQ(gamp_read(a, buf, 5), 0);
        CHECK_EQ(gamp_close(a), 0);
    }
    CHECK_EQ(gamp_close(lfd), 0);
}

TEST_GO(unix_stream)
{
    char abstract[64];
    struct stat st;

    stream_at(temp_path());
    /* The file went with its listener, as in Go; so it works again. */
    CHECK_EQ(stat(path, &st), -1);
    stream_at(path);
    snprintf(abstract, sizeof abstract, "@gamp-test-%d", (int)getpid());
    stream_at(abstract);
}

TEST_GO(unix_file_of_another)
{
    int first = gamp_listen("unix", temp_path()), second;
    struct stat st;

    CHECK_GE(first, 0);
    CHECK_EQ(gamp_listen("unix", path), -EADDRINUSE);
    CHECK_EQ(unlink(path), 0);
    second = gamp_listen("unix", path);
    CHECK_GE(second, 0);
    /* What stands there now is not the first one's. */
    CHECK_EQ(gamp_close(first), 0);
    CHECK_EQ(stat(path, &st), 0);
    CHECK_EQ(gamp_close(second), 0);
    CHECK_EQ(stat(path, &st), -1);
}

TEST_GO(unix_errors)
{
    char longpath[200];

    CHECK_EQ(gamp_dial("unix", "/tmp/gamp-no-such-socket", GAMP_NEVER), -ENOENT);
    CHECK_EQ(gamp_dial("unix", "", GAMP_NEVER), -EINVAL);
    CHECK_EQ(gamp_listen("unix", ""), -EINVAL);
    memset(longpath, 'x', sizeof longpath - 1);
    longpath[sizeof longpath - 1] = '\0';
    CHECK_EQ(gamp_listen("unix", longpath), -EINVAL);
    CHECK_EQ(gamp_dial("unix", longpath, GAMP_NEVER), -EINVAL);
    longpath[107] = '\0';
    longpath[0] = '@';
    CHECK_EQ(gamp_close(gamp_listen("unix", longpath)), 0);
    CHECK_EQ(gamp_listen("unix", "/no/such/directory/socket"), -ENOENT);
}

static void accept_later(int lfd, gamp_waitgroup *wg)
{
    gamp_sleep(20 * MS);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(gamp_close(gamp_accept(lfd)), 0);
    gamp_waitgroup_done(wg);
}

/* A queue of connections that is full: dial waits for a place, or for its time. */
TEST_GO(unix_dial_waits_for_a_place)
{
    int lfd = gamp_listen("unix", temp_path()), fds[64], n = 0, fd;
    gamp_waitgroup wg = {0};
    gamp_time t;

    CHECK_EQ(listen(lfd, 1), 0);
    do {
        t = gamp_now() + 20 * MS;
        fd = gamp_dial("unix", path, t);
        if (fd >= 0)
            fds[n++] = fd;
    } while (fd >= 0 && n < 60);
    CHECK_EQ(fd, -ETIMEDOUT);
    CHECK_GE(gamp_now(), t);
    gamp_waitgroup_add(&wg, 1);
    CHECK_EQ(gamp_go(accept_later, lfd, &wg), 0);
    fd = gamp_dial("unix", path, gamp_now() + GAMP_HOUR);
    CHECK_GE(fd, 0);
    gamp_close(fd);
    fd = gamp_dial("unix", path, GAMP_NEVER);
    CHECK_GE(fd, 0);
    gamp_close(fd);
    gamp_waitgroup_wait(&wg);
    while (n > 0)
        gamp_close(fds[--n]);
    gamp_close(lfd);
}

/* --- datagrams -------------------------------------------------------------------------------- */

static struct sockaddr_un unix_addr(const char *p)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    snprintf(a.sun_path, sizeof a.sun_path, "%s", p);
    return a;
}

static void receive_all(int fd, int count, gamp_waitgroup *wg)
{
    gamp_sleep(10 * MS);
    for (int i = 0; i < count; i++) {
        int got;

        CHECK_EQ(gamp_recvfrom(fd, &got, sizeof got, 0, NULL, NULL), 4);
        CHECK_EQ(got, i);
        if (i % 50 == 0)
            gamp_sleep(MS);
    }
    gamp_waitgroup_done(wg);
}

/* The receiver's queue holds ten; sendto waits for it though its own socket is always writable. */
TEST_GO(unixgram_to_a_full_receiver)
{
    enum { COUNT = 300 };
    struct sockaddr_un to;
    gamp_waitgroup wg = {0};
    int rx = gamp_listen_packet("unixgram", temp_path()),
        tx = gamp_dial("unixgram", path, GAMP_NEVER);
    int loose = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct iovec iov;
    gamp_time t;
    int i;

    to = unix_addr(path);
    CHECK(rx >= 0 && tx >= 0);
    gamp_waitgroup_add(&wg, 1);
    CHECK_EQ(gamp_go(receive_all, rx, COUNT, &wg), 0);
    for (i = 0; i < COUNT; i++)
        CHECK_EQ(gamp_write(tx, &i, sizeof i), 4);
    gamp_waitgroup_wait(&wg);

    CHECK_EQ(gamp_fd_register(loose), 0);
    gamp_waitgroup_add(&wg, 1);
    CHECK_EQ(gamp_go(receive_all, rx, COUNT, &wg), 0);
    for (i = 0; i < COUNT; i++) {
        struct msghdr m = {
            .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &iov, .msg_iovlen = 1};

        iov = (struct iovec){&i, sizeof i};
        if (i % 2)
            CHECK_EQ(gamp_sendto(loose, &i, sizeof i, 0, (void *)&to, sizeof to), 4);
        else
            CHECK_EQ(gamp_sendmsg(loose, &m, 0), 4);
    }
    gamp_waitgroup_wait(&wg);

    /* Nobody reads: the deadline ends it; and it does not wait when told not to. */
    t = gamp_now() + 20 * MS;
    CHECK_EQ(gamp_set_write_deadline(loose, t), 0);
    for (i = 0; i < 1000; i++) {
        ssize_t n = gamp_sendto(loose, &i, sizeof i, 0, (void *)&to, sizeof to);

        if (n != 4) {
            CHECK_EQ(n, -ETIMEDOUT);
            break;
        }
    }
    CHECK_LT(i, 1000);
    CHECK_GE(gamp_now(), t);
    CHECK_EQ(gamp_set_write_deadline(loose, GAMP_NEVER), 0);
    CHECK_EQ(gamp_sendto(loose, &i, sizeof i, MSG_DONTWAIT, (void *)&to, sizeof to), -EAGAIN);
    gamp_close(rx);
    CHECK_EQ(gamp_sendto(loose, &i, sizeof i, 0, (void *)&to, sizeof to), -ENOENT);
    gamp_close(tx);
    gamp_close(loose);
}

static void close_later(int fd)
{
    gamp_sleep(10 * MS);
    CHECK_EQ(gamp_close(fd), 0);
}

TEST_GO(unixgram_close_of_a_waiting_sender)
{
    struct sockaddr_un to;
    int rx = gamp_listen_packet("unixgram", temp_path()), tx = socket(AF_UNIX, SOCK_DGRAM, 0),
        i = 0;
    ssize_t n;

    to = unix_addr(path);
    CHECK_EQ(gamp_fd_register(tx), 0);
    CHECK_EQ(gamp_go(close_later, tx), 0);
    while ((n = gamp_sendto(tx, &i, sizeof i, 0, (void *)&to, sizeof to)) == 4)
        i++;
    CHECK_EQ(n, -EBADF);
    gamp_close(rx);
}

TEST_GO(descriptors_in_messages)
{
    int fd[2], pipes[2], got = -1;
    char text[8] = "";
    struct iovec iov = {"fd", 2}, in = {text, sizeof text};
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof control.space};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);

    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    CHECK_EQ(pipe(pipes), 0);
    CHECK_EQ(gamp_fd_register(fd[0]), 0);
    CHECK_EQ(gamp_fd_register(fd[1]), 0);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &pipes[1], sizeof(int));
    CHECK_EQ(gamp_sendmsg(fd[0], &m, 0), 2);
    CHECK_EQ(gamp_write(fd[0], "more", 4), 4);

    m = (struct msghdr){.msg_iov = &in,
                        .msg_iovlen = 1,
                        .msg_control = &control,
                        .msg_controllen = sizeof control.space};
    /* The message with the descriptor ends the read; the rest is there without a new edge. */
    CHECK_EQ(gamp_recvmsg(fd[1], &m, 0), 2);
    CHECK_EQ(gamp_read(fd[1], text, sizeof text), 4);
    c = CMSG_FIRSTHDR(&m);
    CHECK(c && c->cmsg_type == SCM_RIGHTS);
    memcpy(&got, CMSG_DATA(c), sizeof got);
    CHECK(fcntl(got, F_GETFD) & FD_CLOEXEC);
    CHECK_EQ(gamp_fd_register(got), 0);
    CHECK_EQ(gamp_write(got, "x", 1), 1);
    CHECK_EQ(gamp_read(pipes[0], text, 1), 1);

    /* The same by read, which drops the descriptor: it too stops there. */
    c = (struct cmsghdr *)&control;
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &pipes[1], sizeof(int));
    m = (struct msghdr){.msg_iov = &iov,
                        .msg_iovlen = 1,
                        .msg_control = &control,
                        .msg_controllen = sizeof control.space};
    CHECK_EQ(gamp_sendmsg(fd[0], &m, 0), 2);
    CHECK_EQ(gamp_write(fd[0], "more", 4), 4);
    CHECK_EQ(gamp_read_full(fd[1], text, 6), 0);
    CHECK_EQ(memcmp(text, "fdmore", 6), 0);
    gamp_close(got);
    for (int i = 0; i < 2; i++) {
        gamp_close(fd[i]);
        gamp_close(pipes[i]);
    }
}

static void udp_between(const char *network, const char *at)
{
    char where[64], buf[2048], from[64];
    gamp_addr peer = {.len = sizeof peer.addr};
    int rx = gamp_listen_packet(network, at), tx;
    ssize_t n;

    CHECK_MSG(rx >= 0, "%s %s: %d", network, at, rx);
    CHECK_GT(gamp_local_addr(rx, where, sizeof where), 0);
    if (strncmp(where, "[::]", 4) == 0 || strncmp(where, "0.0.0.0", 7) == 0)
        snprintf(where, sizeof where, "127.0.0.1%s", strrchr(strcpy(buf, where), ':'));
    tx = gamp_dial("udp", where, GAMP_NEVER);
    CHECK_GE(tx, 0);
    CHECK_EQ(gamp_write(tx, "question", 8), 8);
    CHECK_EQ(gamp_recvfrom(rx, buf, sizeof buf, 0, (struct sockaddr *)&peer.addr, &peer.len), 8);
    CHECK_GT(gamp_local_addr(tx, from, sizeof from), 0);
    CHECK_EQ(gamp_sendto(rx, "answer", 6, 0, (struct sockaddr *)&peer.addr, peer.len), 6);
    CHECK_EQ(gamp_read(tx, buf, sizeof buf), 6);
    /* Messages stay whole, and empty ones are messages. */
    CHECK_EQ(gamp_write(tx, "", 0), 0);
    CHECK_EQ(gamp_write(tx, "ab", 2), 2);
    CHECK_EQ(gamp_recvfrom(rx, buf, sizeof buf, 0, NULL, NULL), 0);
    CHECK_EQ(gamp_recvfrom(rx, buf, 1, 0, NULL, NULL), 1);
    CHECK_EQ(gamp_set_read_deadline(rx, gamp_now() + 5 * MS), 0);
    n = gamp_recvfrom(rx, buf, sizeof buf, 0, NULL, NULL);
    CHECK_EQ(n, -ETIMEDOUT);
    gamp_close(rx);
    gamp_close(tx);
}

TEST_GO(udp)
{
    int v6 = gamp_listen_packet("udp6", "[::1]:0");

    udp_between("udp", "127.0.0.1:0");
    udp_between("udp4", ":0");
    udp_between("udp", ":0");
    if (v6 >= 0) {
        udp_between("udp6", "[::1]:0");
        gamp_close(v6);
    }
}

TEST_GO(udp_port_is_owned)
{
    char where[64];
    int fd = gamp_listen_packet("udp", "127.0.0.1:0");

    CHECK_GT(gamp_local_addr(fd, where, sizeof where), 0);
    CHECK_EQ(gamp_listen_packet("udp", where), -EADDRINUSE);
    gamp_close(fd);
}

TEST_GO(udp_refused)
{
    char where[64], buf[8];
    int fd = gamp_listen_packet("udp", "127.0.0.1:0"), tx;

    CHECK_GT(gamp_local_addr(fd, where, sizeof where), 0);
    gamp_close(fd);
    tx = gamp_dial("udp", where, GAMP_NEVER);
    CHECK_EQ(gamp_write(tx, "x", 1), 1);
    CHECK_EQ(gamp_read(tx, buf, sizeof buf), -ECONNREFUSED);
    gamp_close(tx);
}
