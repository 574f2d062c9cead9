/* SPDX-License-Identifier: BSD-3-Clause */
/* clients: what the tests of unmodified client libraries share: a real server on loopback, many
 * goroutines that each call the blocking library, and a ticker whose lateness tells how much they
 * disturb each other.
 *
 * A program defines client(id), which runs CLIENT_ROUNDS requests, checks every answer and counts
 * them with clients_answered(); main calls clients_run. Its server dies with the test's process
 * group. */
#ifndef GAMP_TEST_CLIENTS_H
#define GAMP_TEST_CLIENTS_H

#include "harness/test.h"
#include <arpa/inet.h>
#include <gamp/errno.h>
#include <gamp/go.h>
#include <gamp/run.h>
#include <gamp/sync.h>
#include <gamp/time.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

enum { CLIENTS = 200, CLIENT_ROUNDS = 20, CLIENT_TICKS = 100000 };

static struct {
    pid_t pid;
    int port;
    char dir[64];
    _Atomic long answered, left;
} clients;

static void clients_answered(void)
{
    clients.answered++;
}

static int clients_free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK_EQ(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    CHECK_EQ(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    close(fd);
    return ntohs(a.sin_port);
}

static bool clients_reachable(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                            .sin_port = htons((uint16_t)clients.port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = connect(fd, (struct sockaddr *)&a, sizeof a) == 0;

    close(fd);
    return ok;
}

static void clients_remove(void)
{
    char cmd[96];

    kill(clients.pid, SIGTERM);
    waitpid(clients.pid, NULL, 0);
    snprintf(cmd, sizeof cmd, "rm -rf %s", clients.dir);
    if (system(cmd) != 0)
        fprintf(stderr, "%s stays\n", clients.dir);
}

/* A directory and a port. */
static void clients_prepare(void)
{
    snprintf(clients.dir, sizeof clients.dir, "/tmp/gamp-clients.XXXXXX");
    CHECK(mkdtemp(clients.dir) != NULL);
    clients.port = clients_free_port();
}

/* Before the runtime runs: starts argv and waits until the port answers; what it prints is in the
 * directory's log. */
static void clients_server(const char *const *argv)
{
    char log[96];
    int status;

    clients.pid = fork();
    CHECK_GE(clients.pid, 0);
    if (clients.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        snprintf(log, sizeof log, "%s/log", clients.dir);
        if (!freopen(log, "w", stdout) || !freopen(log, "a", stderr))
            _exit(1);
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    while (!clients_reachable()) {
        if (waitpid(clients.pid, &status, WNOHANG) == clients.pid) {
            if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
                clients_remove();
                test_skip("the server is not installed");
            }
            CHECK_MSG(false, "the server ended with status %x, see %s", (unsigned)status,
                      clients.dir);
        }
        usleep(20000);
    }
}

/* server.sh stands beside this file. */
__attribute__((unused)) static void clients_start(const char *kind)
{
    char script[512], port[16];
    const char *slash = strrchr(__FILE__, '/');

    clients_prepare();
    snprintf(script, sizeof script, "%.*s/server.sh", (int)(slash - __FILE__), __FILE__);
    snprintf(port, sizeof port, "%d", clients.port);
    clients_server((const char *const[]){"sh", script, kind, clients.dir, port, NULL});
}

static void client(int id);

static void clients_one(int id)
{
    client(id);
    clients.left--;
}

static int clients_by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* On the main goroutine: all clients, and the ticker beside them. */
static void clients_run(const char *what)
{
    static int64_t late[CLIENT_TICKS];
    int64_t from = test_nanotime(), next = gamp_now();
    size_t n = 0;

    clients.left = CLIENTS;
    for (int i = 0; i < CLIENTS; i++)
        CHECK_EQ(gamp_go(clients_one, i), 0);
    while (clients.left > 0) {
        gamp_time now;

        next += GAMP_MILLISECOND;
        gamp_sleep(next - gamp_now());
        now = gamp_now();
        if (n < CLIENT_TICKS)
            late[n++] = now - next;
        /* Ticks that were missed are missed. */
        if (now > next)
            next = now;
    }
    CHECK_EQ(clients.answered, CLIENTS * CLIENT_ROUNDS);
    CHECK_GT(n, 0);
    qsort(late, n, sizeof late[0], clients_by_value);
    printf("%s: %ld answers in %.0f ms; ticks late by p50 %.3f ms, p99 %.3f ms, at most %.3f ms\n",
           what, clients.answered, (double)(test_nanotime() - from) / 1e6,
           (double)late[n / 2] / 1e6, (double)late[(n - 1) * 99 / 100] / 1e6,
           (double)late[n - 1] / 1e6);
}

#endif
