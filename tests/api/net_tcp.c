/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP by gamp/net.h: echo among many, both families, ends of streams, addresses, half-closes, short
 * counts. */
#include "harness/test.h"
#include <gamp/go.h>
#include <gamp/net.h>
#include <gamp/run.h>
#include <gamp/sync.h>
#include <gamp/time.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int listen_on(const char *network, const char *address, char *where, size_t n)
{
    int fd = gamp_listen(network, address);

    CHECK_GE(fd, 0);
    CHECK_GT(gamp_local_addr(fd, where, n), 0);
    return fd;
}

static void echo(int fd)
{
    char buf[4096];
    ssize_t n;

    while ((n = gamp_read(fd, buf, sizeof buf)) > 0)
        CHECK_EQ(gamp_write_full(fd, buf, (size_t)n), 0);
    CHECK_EQ(n, 0);
    CHECK_EQ(gamp_close(fd), 0);
}

static void serve(int lfd)
{
    int fd;

    while ((fd = gamp_accept(lfd)) >= 0)
        CHECK_EQ(gamp_go(echo, fd), 0);
    CHECK_EQ(fd, -EBADF);
}

struct client {
    const char *where;
    gamp_waitgroup wg;
    int rounds;
};

static void client(struct client *c, int id)
{
    int fd = gamp_dial("tcp", c->where, GAMP_NEVER);
    char out[64], in[64];

    CHECK_GE(fd, 0);
    for (int i = 0; i < c->rounds; i++) {
        snprintf(out, sizeof out, "client %d round %d", id, i);
        CHECK_EQ(gamp_write(fd, out, sizeof out), (ssize_t)sizeof out);
        CHECK_EQ(gamp_read_full(fd, in, sizeof in), 0);
        CHECK_STR(in, out);
    }
    CHECK_EQ(gamp_shutdown(fd, SHUT_WR), 0);
    CHECK_EQ(gamp_read(fd, in, sizeof in), 0);
    CHECK_EQ(gamp_close(fd), 0);
}

static void echo_among(int clients, int rounds)
{
    char where[64];
    struct client c = {.where = where, .rounds = rounds};
    int lfd = listen_on("tcp", "127.0.0.1:0", where, sizeof where);

    CHECK_EQ(gamp_go(serve, lfd), 0);
    for (int i = 0; i < clients; i++)
        CHECK_EQ(gamp_waitgroup_go(&c.wg, client, &c, i), 0);
    gamp_waitgroup_wait(&c.wg);
    CHECK_EQ(gamp_close(lfd), 0);
}

TEST_GO(echo_one)
{
    echo_among(1, 1000);
}

TEST_GO(echo_hundred)
{
    echo_among(100, 100);
}

/* --- ends of streams ------------------------------------------------------------------------- */

struct pair {
    int a, b;
};

static struct pair connected(const char *network, const char *address)
{
    char where[64];
    int lfd = listen_on(network, address, where, sizeof where);
    struct pair p;

    p.a = gamp_dial(network, where, gamp_now() + GAMP_HOUR);
    CHECK_GE(p.a, 0);
    p.b = gamp_accept(lfd);
    CHECK_GE(p.b, 0);
    CHECK_EQ(gamp_close(lfd), 0);
    return p;
}

static void send_and_end(int fd, int bytes)
{
    char buf[100] = "x";

    CHECK_EQ(gamp_write_full(fd, buf, (size_t)bytes), 0);
    CHECK_EQ(gamp_close(fd), 0);
}

/* Data and the end of the stream come together: the reader, whose read was short, must see both. */
TEST_GO(data_and_end_in_one_edge)
{
    for (int i = 0; i < 500; i++) {
        struct pair p = connected("tcp", "127.0.0.1:0");
        char buf[4096];

        if (i % 2)
            send_and_end(p.a, 1 + i % 100);
        else
            CHECK_EQ(gamp_go(send_and_end, p.a, 1 + i % 100), 0);
        CHECK_EQ(gamp_read(p.b, buf, sizeof buf), 1 + i % 100);
        CHECK_EQ(gamp_read(p.b, buf, sizeof buf), 0);
        CHECK_EQ(gamp_read(p.b, buf, sizeof buf), 0);
        CHECK_EQ(gamp_close(p.b), 0);
    }
}

static void wait_in_vain(int fd)
{
    char c;

    CHECK_EQ(gamp_read(fd, &c, 1), -EBADF);
}

/* All is over before the connection is registered: its first event says so, and is the only one. It
 * may come while the registering is still under way, to the one who sleeps in the poller
 * meanwhile. */
TEST_GO(end_before_accept)
{
    char where[64], buf[64];
    int lfd = listen_on("tcp", "127.0.0.1:0", where, sizeof where);
    int quiet = gamp_listen_packet("udp", "127.0.0.1:0");

    CHECK_EQ(gamp_go(wait_in_vain, quiet), 0);
    for (int i = 0; i < 3000; i++) {
        int a = gamp_dial("tcp", where, GAMP_NEVER), b;

        CHECK_GE(a, 0);
        CHECK_EQ(gamp_write(a, "bye", 3), 3);
        CHECK_EQ(gamp_close(a), 0);
        b = gamp_accept(lfd);
        CHECK_GE(b, 0);
        CHECK_EQ(gamp_set_read_deadline(b, gamp_now() + GAMP_HOUR), 0);
        CHECK_EQ(gamp_read(b, buf, sizeof buf), 3);
        CHECK_EQ(gamp_read(b, buf, sizeof buf), 0);
        CHECK_EQ(gamp_close(b), 0);
    }
    CHECK_EQ(gamp_close(quiet), 0);
    CHECK_EQ(gamp_close(lfd), 0);
}

static void end_later(int fd)
{
    gamp_sleep(5 * GAMP_MILLISECOND);
    gamp_close(fd);
}

TEST_GO(end_while_parked_after_a_short_read)
{
    struct pair p = connected("tcp", "127.0.0.1:0");
    char buf[64];

    CHECK_EQ(gamp_write(p.a, "hello", 5), 5);
    CHECK_EQ(gamp_read(p.b, buf, sizeof buf), 5);
    CHECK_EQ(gamp_go(end_later, p.a), 0);
    CHECK_EQ(gamp_read(p.b, buf, sizeof buf), 0);
    CHECK_EQ(gamp_close(p.b), 0);
}

TEST_GO(read_full_and_early_end)
{
    struct pair p = connected("tcp", "127.0.0.1:0");
    char buf[64];

    CHECK_EQ(gamp_read_full(p.b, buf, 0), 0);
    CHECK_EQ(gamp_write_full(p.a, "0123456789", 10), 0);
    CHECK_EQ(gamp_read_full(p.b, buf, 4), 0);
    CHECK_EQ(memcmp(buf, "0123", 4), 0);
    CHECK_EQ(gamp_close(p.a), 0);
    CHECK_EQ(gamp_read_full(p.b, buf, 10), -EPIPE);
    CHECK_EQ(gamp_read_full(p.b, buf, 1), -EPIPE);
    CHECK_EQ(gamp_close(p.b), 0);
}

static void reset_peer(int fd)
{
    struct linger hard = {1, 0};

    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
    CHECK_EQ(gamp_close(fd), 0);
}

TEST_GO(reset_and_broken_pipe)
{
    struct pair p = connected("tcp", "127.0.0.1:0");
    char buf[8];
    ssize_t n;

    CHECK_EQ(gamp_go(reset_peer, p.a), 0);
    CHECK_EQ(gamp_read(p.b, buf, sizeof buf), -ECONNRESET);
    n = gamp_write(p.b, buf, sizeof buf);
    CHECK_EQ(n, -EPIPE);
    CHECK_EQ(gamp_write_full(p.b, buf, sizeof buf), -EPIPE);
    CHECK_EQ(gamp_close(p.b), 0);
}

TEST_GO(shutdown_both_ways)
{
    struct pair p = connected("tcp", "127.0.0.1:0");
    char buf[8];

    CHECK_EQ(gamp_shutdown(p.a, SHUT_WR), 0);
    CHECK_EQ(gamp_write(p.a, "x", 1), -EPIPE);
    CHECK_EQ(gamp_read(p.b, buf, sizeof buf), 0);
    CHECK_EQ(gamp_write(p.b, "back", 4), 4);
    CHECK_EQ(gamp_read(p.a, buf, sizeof buf), 4);
    CHECK_EQ(gamp_shutdown(p.a, 99), -EINVAL);
    CHECK_EQ(gamp_shutdown(-1, SHUT_RD), -EBADF);
    gamp_close(p.a);
    gamp_close(p.b);
}

static void shut_reader(int fd)
{
    gamp_sleep(2 * GAMP_MILLISECOND);
    CHECK_EQ(gamp_shutdown(fd, SHUT_RD), 0);
}

TEST_GO(shutdown_wakes_own_reader)
{
    struct pair p = connected("tcp", "127.0.0.1:0");
    char buf[8];

    CHECK_EQ(gamp_go(shut_reader, p.b), 0);
    CHECK_EQ(gamp_read(p.b, buf, sizeof buf), 0);
    gamp_close(p.a);
    gamp_close(p.b);
}

/* --- what a short count must not hide -------------------------------------------------------- */

TEST_GO(peek_leaves_data)
{
    struct pair p = connected("tcp", "127.0.0.1:0");
    char buf[64];

    CHECK_EQ(gamp_write(p.a, "abcdef", 6), 6);
    CHECK_EQ(gamp_recvfrom(p.b, buf, sizeof buf, MSG_PEEK, NULL, NULL), 6);
    CHECK_EQ(gamp_recvfrom(p.b, buf, sizeof buf, MSG_PEEK, NULL, NULL), 6);
    CHECK_EQ(gamp_read(p.b, buf, 3), 3);
    CHECK_EQ(gamp_recvfrom(p.b, buf, sizeof buf, MSG_DONTWAIT, NULL, NULL), 3);
    CHECK_EQ(memcmp(buf, "def", 3), 0);
    CHECK_EQ(gamp_recvfrom(p.b, buf, sizeof buf, MSG_DONTWAIT, NULL, NULL), -EAGAIN);
    gamp_close(p.a);
    gamp_close(p.b);
}

static void in_pieces(int fd)
{
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(gamp_write(fd, "0123456789", 10), 10);
        gamp_sleep(GAMP_MILLISECOND);
    }
}

TEST_GO(waitall)
{
    struct pair p = connected("tcp", "127.0.0.1:0");
    char buf[200];

    CHECK_EQ(gamp_go(in_pieces, p.a), 0);
    CHECK_EQ(gamp_recvfrom(p.b, buf, 95, MSG_WAITALL, NULL, NULL), 95);
    CHECK_EQ(gamp_read_full(p.b, buf, 5), 0);
    CHECK_EQ(gamp_write(p.a, "end", 3), 3);
    CHECK_EQ(gamp_shutdown(p.a, SHUT_WR), 0);
    CHECK_EQ(gamp_recvfrom(p.b, buf, 95, MSG_WAITALL, NULL, NULL), 3);
    gamp_close(p.a);
    gamp_close(p.b);
}

/* Urgent data stops a read short in the middle of what is there. */
TEST_GO(urgent_data)
{
    struct pair p = connected("tcp", "127.0.0.1:0");
    char buf[64];
    int got = 0;

    CHECK_EQ(gamp_write(p.a, "abc", 3), 3);
    CHECK_EQ(gamp_sendto(p.a, "!", 1, MSG_OOB, NULL, 0), 1);
    CHECK_EQ(gamp_write(p.a, "def", 3), 3);
    while (got < 6) {
        ssize_t n = gamp_read(p.b, buf + got, sizeof buf - (size_t)got);

        CHECK_GT(n, 0);
        got += (int)n;
    }
    CHECK_EQ(got, 6);
    CHECK_EQ(memcmp(buf, "abcdef", 6), 0);
    gamp_close(p.a);
    gamp_close(p.b);
}

/* --- vectors and messages -------------------------------------------------------------------- */

TEST_GO(vectors)
{
    struct pair p = connected("tcp", "127.0.0.1:0");
    char a[3], b[5], c[100];
    struct iovec out[3] = {{"one", 3}, {"", 0}, {"twothree", 8}};
    struct iovec in[3] = {{a, sizeof a}, {b, sizeof b}, {c, sizeof c}};
    static struct iovec many[1025];
    int fds[2];

    CHECK_EQ(gamp_writev(p.a, out, 3), 11);
    CHECK_EQ(gamp_readv(p.b, in, 3), 11);
    CHECK_EQ(memcmp(a, "one", 3), 0);
    CHECK_EQ(memcmp(b, "twoth", 5), 0);
    CHECK_EQ(memcmp(c, "ree", 3), 0);
    CHECK_EQ(gamp_writev(p.a, out, -1), -EINVAL);
    CHECK_EQ(gamp_readv(p.b, in, -1), -EINVAL);
    CHECK_EQ(pipe(fds), 0);
    for (int i = 0; i < 2; i++) {
        int from = i == 0 ? fds[0] : p.b, to = i == 0 ? fds[1] : p.a;

        CHECK_EQ(gamp_write(to, "x", 1), 1);
        CHECK_EQ(gamp_fd_wait(from, POLLIN, GAMP_NEVER), POLLIN);
        CHECK_EQ(gamp_readv(from, NULL, 1), -EFAULT);
        CHECK_EQ(gamp_writev(to, NULL, 1), -EFAULT);
        CHECK_EQ(gamp_writev(to, many, 1025), -EINVAL);
        CHECK_EQ(gamp_readv(from, many, 1025), -EINVAL);
        CHECK_EQ(gamp_readv(from, NULL, 0), 0);
        CHECK_EQ(gamp_read(from, a, 1), 1);
        CHECK_EQ(gamp_fd_wait(from, POLLIN, gamp_now()), -ETIMEDOUT);
        CHECK_EQ(gamp_readv(from, many, 1025), -EINVAL); /* at once, with nothing to read */
    }
    gamp_close(fds[0]);
    gamp_close(fds[1]);
    gamp_close(p.a);
    gamp_close(p.b);
}

TEST_GO(messages)
{
    struct pair p = connected("tcp", "127.0.0.1:0");
    char a[2], b[64];
    struct iovec out[2] = {{"mess", 4}, {"age", 3}}, in[2] = {{a, sizeof a}, {b, sizeof b}};
    struct msghdr m = {.msg_iov = out, .msg_iovlen = 2};

    CHECK_EQ(gamp_sendmsg(p.a, &m, 0), 7);
    m = (struct msghdr){.msg_iov = in, .msg_iovlen = 2};
    CHECK_EQ(gamp_recvmsg(p.b, &m, 0), 7);
    CHECK_EQ(memcmp(a, "me", 2), 0);
    CHECK_EQ(memcmp(b, "ssage", 5), 0);
    gamp_close(p.a);
    gamp_close(p.b);
}

/* --- families and addresses ------------------------------------------------------------------ */

static void one_echo(const char *network, const char *listen_at, const char *dial_as)
{
    char where[64], port[16], target[96], own[64], peer[64], buf[8];
    int lfd = listen_on(network, listen_at, where, sizeof where), a, b;

    snprintf(port, sizeof port, "%s", strrchr(where, ':') + 1);
    snprintf(target, sizeof target, "%s:%s", dial_as, port);
    a = gamp_dial("tcp", target, gamp_now() + 5 * GAMP_SECOND);
    CHECK_MSG(a >= 0, "dial %s: %d", target, a);
    b = gamp_accept(lfd);
    CHECK_GE(b, 0);
    CHECK_EQ(gamp_write(a, "hi", 2), 2);
    CHECK_EQ(gamp_read(b, buf, sizeof buf), 2);
    /* Each end's own address is the other's peer. */
    CHECK_GT(gamp_local_addr(a, own, sizeof own), 0);
    CHECK_GT(gamp_peer_addr(b, peer, sizeof peer), 0);
    CHECK_STR(own, peer);
    CHECK_GT(gamp_peer_addr(a, own, sizeof own), 0);
    CHECK_GT(gamp_local_addr(b, peer, sizeof peer), 0);
    CHECK_STR(own, peer);
    gamp_close(a);
    gamp_close(b);
    gamp_close(lfd);
}

static bool have_ipv6(void)
{
    int fd = gamp_listen("tcp6", "[::1]:0");

    if (fd < 0)
        return false;
    gamp_close(fd);
    return true;
}

TEST_GO(families)
{
    one_echo("tcp4", "127.0.0.1:0", "127.0.0.1");
    one_echo("tcp", ":0", "127.0.0.1");
    one_echo("tcp", ":0", "");
    one_echo("tcp", "0.0.0.0:0", "0.0.0.0");
    if (access("/etc/hosts", R_OK) == 0)
        one_echo("tcp", "localhost:0", "localhost");
    if (!have_ipv6())
        return;
    one_echo("tcp6", "[::1]:0", "[::1]");
    one_echo("tcp", ":0", "[::1]");
    one_echo("tcp", "[::]:0", "127.0.0.1");
    one_echo("tcp6", "[::]:0", "[::1]");
    one_echo("tcp6", ":0", "");
}

TEST_GO(addresses_as_text)
{
    char buf[64];
    int fd = gamp_listen("tcp", "127.0.0.1:0"), n;

    n = gamp_local_addr(fd, buf, sizeof buf);
    CHECK_EQ((size_t)n, strlen(buf));
    CHECK_EQ(strncmp(buf, "127.0.0.1:", 10), 0);
    CHECK_EQ(gamp_local_addr(fd, buf, (size_t)n), -ENOSPC);
    CHECK_EQ(gamp_local_addr(fd, buf, (size_t)n + 1), n);
    CHECK_EQ(gamp_local_addr(fd, buf, 0), -ENOSPC);
    CHECK_EQ(gamp_local_addr(fd, NULL, 0), -ENOSPC);
    CHECK_EQ(gamp_peer_addr(fd, buf, sizeof buf), -ENOTCONN);
    CHECK_EQ(gamp_local_addr(-1, buf, sizeof buf), -EBADF);
    CHECK_EQ(gamp_local_addr(0x7ffffff, buf, sizeof buf), -EBADF);
    gamp_close(fd);
    if (have_ipv6()) {
        fd = gamp_listen("tcp6", "[::1]:0");
        CHECK_GT(gamp_local_addr(fd, buf, sizeof buf), 0);
        CHECK_EQ(strncmp(buf, "[::1]:", 6), 0);
        gamp_close(fd);
    }
}

TEST_GO(malformed)
{
    static const char *const bad[] = {
        "",
        "127.0.0.1",
        "127.0.0.1:",
        "x:",
        "::1:80",
        "[::1]",
        "[::1:80",
        "::1]:80",
        "[::1]80",
        "127.0.0.1:65536",
        "127.0.0.1: 80",
        " 127.0.0.1:80",
        "127.0.0.1:80\n",
        "127.0.0.1:-1",
        "127.0.0.1:+1",
        "127.0.0.1:99999999999",
        "127.0.0.1:0x50",
        "127.0.0.1:8o",
        "a:b:c",
        "[127.0.0.1:80]",
        "[]]:80",
        "127.0.0.1:80]",
        "[::1%]:80",
        ":",
        "999.999.999.999:80",
        "127.1:80",
        "1.2.3.4.5:80",
        "[::1%nosuchinterface]:80",
        "127.0.0.1:nosuchservice",
    };
    char longname[400];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int fd;

        fd = gamp_listen("tcp", bad[i]);
        CHECK_MSG(fd == -EINVAL, "listen %s: %d", bad[i], fd);
        fd = gamp_dial("tcp", bad[i], GAMP_NEVER);
        CHECK_MSG(fd == -EINVAL, "dial %s: %d", bad[i], fd);
        fd = gamp_listen_packet("udp", bad[i]);
        CHECK_MSG(fd == -EINVAL, "listen_packet %s: %d", bad[i], fd);
    }
    CHECK_EQ(gamp_listen("tpc", "127.0.0.1:0"), -EINVAL);
    CHECK_EQ(gamp_listen("", "127.0.0.1:0"), -EINVAL);
    CHECK_EQ(gamp_listen(NULL, "127.0.0.1:0"), -EINVAL);
    CHECK_EQ(gamp_listen("tcp", NULL), -EINVAL);
    CHECK_EQ(gamp_listen("udp", "127.0.0.1:0"), -EINVAL);
    CHECK_EQ(gamp_listen("TCP", "127.0.0.1:0"), -EINVAL);
    CHECK_EQ(gamp_listen_packet("tcp", "127.0.0.1:0"), -EINVAL);
    CHECK_EQ(gamp_listen_packet("unix", "/tmp/x"), -EINVAL);
    CHECK_EQ(gamp_dial("ip", "127.0.0.1:1", GAMP_NEVER), -EINVAL);
    CHECK_EQ(gamp_listen("tcp4", "[::1]:0"), -EINVAL);
    CHECK_EQ(gamp_listen("tcp6", "127.0.0.1:0"), -EINVAL);
    memset(longname, 'a', sizeof longname);
    memcpy(longname + sizeof longname - 4, ":80", 4);
    CHECK_EQ(gamp_listen("tcp", longname), -EINVAL);
}

TEST_GO(service_names)
{
    int fd;

    if (access("/etc/services", R_OK) < 0)
        test_skip("a system without /etc/services");
    fd = gamp_dial("tcp", "127.0.0.1:http", gamp_now() + GAMP_HOUR);
    /* Nobody listens there, or somebody does; either way the name was understood. */
    CHECK(fd >= 0 || fd == -ECONNREFUSED);
    gamp_close(fd);
}

/* --- dialling -------------------------------------------------------------------------------- */

TEST_GO(refused)
{
    char where[64];
    int lfd = listen_on("tcp", "127.0.0.1:0", where, sizeof where);

    gamp_close(lfd);
    CHECK_EQ(gamp_dial("tcp", where, GAMP_NEVER), -ECONNREFUSED);
    CHECK_EQ(gamp_dial("tcp", where, gamp_now() + GAMP_HOUR), -ECONNREFUSED);
}

/* A listener whose queue is full answers nobody. */
TEST_GO(dial_times_out)
{
    char where[64];
    int lfd = listen_on("tcp", "127.0.0.1:0", where, sizeof where), fds[64], n = 0, err = 0;

    CHECK_EQ(listen(lfd, 0), 0);
    while (n < 64 && err == 0) {
        gamp_time begin = gamp_now();

        err = fds[n] = gamp_dial("tcp", where, begin + 50 * GAMP_MILLISECOND);
        if (fds[n] >= 0) {
            n++;
            err = 0;
        } else {
            CHECK_GE(gamp_now() - begin, 50 * GAMP_MILLISECOND);
        }
    }
    CHECK_EQ(err, -ETIMEDOUT);
    CHECK_LT(n, 64);
    while (n > 0)
        gamp_close(fds[--n]);
    gamp_close(lfd);
}

TEST_GO(dial_in_the_past)
{
    char where[64];
    int lfd = listen_on("tcp", "127.0.0.1:0", where, sizeof where);
    int fd = gamp_dial("tcp", where, gamp_now() - 1);

    /* One try: on loopback it may be through at once. */
    CHECK(fd >= 0 || fd == -ETIMEDOUT);
    gamp_close(fd);
    gamp_close(lfd);
}

TEST_GO(port_in_use)
{
    char where[64];
    int lfd = listen_on("tcp", "127.0.0.1:0", where, sizeof where);

    CHECK_EQ(gamp_listen("tcp", where), -EADDRINUSE);
    gamp_close(lfd);
    /* SO_REUSEADDR: free at once. */
    lfd = gamp_listen("tcp", where);
    CHECK_GE(lfd, 0);
    gamp_close(lfd);
}

TEST_GO(options_of_sockets)
{
    struct pair p = connected("tcp", "127.0.0.1:0");
    int fds[2] = {p.a, p.b};

    for (int i = 0; i < 2; i++) {
        int value = 0;
        socklen_t len = sizeof value;

        CHECK_EQ(getsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &value, &len), 0);
        CHECK_NE(value, 0);
        CHECK_EQ(getsockopt(fds[i], SOL_SOCKET, SO_KEEPALIVE, &value, &len), 0);
        CHECK_NE(value, 0);
        CHECK(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
        CHECK(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
        gamp_close(fds[i]);
    }
}
