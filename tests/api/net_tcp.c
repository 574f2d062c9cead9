/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP by gamp/net.h: echo among many, both families, ends of streams, addresses, half-closes, short counts. */
#include "harness/test.h"
#include <gamp/go.h>
#include <gamp/net.h>
#include <gamp/run.h>
#include <gamp/sync.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
