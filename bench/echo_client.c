/* SPDX-License-Identifier: BSD-3-Clause */
/* echo_client: loads an echo server with N connections, each with one 64-byte message on its way.
 * One thread, level-triggered epoll: it must be cheaper than any server it measures.
 *
 *   echo_client -c CONNECTIONS -n REQUESTS [-i PID] PORT
 *
 * Requests after a tenth for warming up are measured: rate, latency percentiles and, given the
 * server's PID, the CPU time its process used meanwhile, by the kernel's own nanosecond clock of
 * that process (clock_getcpuclockid), which counts all of its threads, ended ones too. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "bench.h"

enum { MESSAGE = 64, BATCH = 256 };

typedef struct conn {
    int fd;
    int got; /* bytes of the answer so far */
    int64_t sent;
} conn;

typedef struct load {
    int epfd, conns;
    int64_t requests, warm; /* to be answered in all; of them not measured */
    int64_t sent, answered;
    int64_t *took;
    clockid_t server_clock;
    int have_server;
    int64_t start, server_start, own_start;
} load;

static void fail(const char *what)
{
    fprintf(stderr, "echo_client: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void conn_send(load *l, conn *c)
{
    static char message[MESSAGE];
    if (l->sent == l->requests)
        return;
    memcpy(message, &l->sent, sizeof l->sent);
    c->got = 0;
    c->sent = bench_now();
    l->sent++;
    if (send(c->fd, message, MESSAGE, MSG_NOSIGNAL) != MESSAGE)
        fail("send");
}

static void measure_begin(load *l)
{
    l->start = bench_now();
    l->own_start = bench_cpu();
    if (l->have_server)
        l->server_start = bench_clock(l->server_clock);
}

static void conn_ready(load *l, conn *c)
{
    char buf[MESSAGE];
    ssize_t r = recv(c->fd, buf, (size_t)(MESSAGE - c->got), 0);
    if (r <= 0) {
        if (r < 0 && errno == EAGAIN)
            return;
        fail(r == 0 ? "the server closed a connection" : "recv");
    }
    c->got += (int)r;
    if (c->got < MESSAGE)
        return;
    if (++l->answered > l->warm)
        l->took[l->answered - l->warm - 1] = bench_now() - c->sent;
    else if (l->answered == l->warm)
        measure_begin(l);
    conn_send(l, c);
}

static void conn_open(load *l, conn *c, uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    int one = 1;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0)
        fail("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, c->fd, &e) < 0)
        fail("epoll_ctl");
}

static void report(load *l)
{
    int64_t wall = bench_now() - l->start, own = bench_cpu() - l->own_start;
    int64_t server = l->have_server ? bench_clock(l->server_clock) - l->server_start : 0;
    size_t n = (size_t)(l->requests - l->warm);
    bench_print("rate", "", (double)n * 1e9 / (double)wall, "req/s");
    if (l->have_server)
        bench_print("server_cpu", "", (double)server / 1e3 / (double)n, "us/req");
    bench_print("client_busy", "", 100.0 * (double)own / (double)wall, "%");
    bench_percentiles("latency", "", l->took, n, 1e3, "us");
}

static void run(load *l)
{
    struct epoll_event ready[BATCH];
    while (l->answered < l->requests) {
        int n = epoll_wait(l->epfd, ready, BATCH, 10000);
        if (n == 0 || (n < 0 && errno != EINTR)) {
            errno = n == 0 ? ETIMEDOUT : errno;
            fail("no answer");
        }
        for (int i = 0; i < n; i++)
            conn_ready(l, ready[i].data.ptr);
    }
}

int main(int argc, char **argv)
{
    load l = {.conns = 64, .requests = 100000};
    struct rlimit files;
    int opt;
    while ((opt = getopt(argc, argv, "c:n:i:")) != -1) {
        if (opt == 'c')
            l.conns = atoi(optarg);
        else if (opt == 'n')
            l.requests = atoll(optarg);
        else if (opt == 'i' && clock_getcpuclockid(atoi(optarg), &l.server_clock) == 0)
            l.have_server = 1;
        else
            return 2;
    }
    if (optind + 1 != argc || l.conns < 1 || l.requests < 10 || l.requests < l.conns) {
        fprintf(stderr, "usage: %s -c CONNECTIONS -n REQUESTS [-i PID] PORT\n", argv[0]);
        return 2;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    l.warm = l.requests / 10;
    l.took = calloc((size_t)l.requests, sizeof *l.took);
    conn *c = calloc((size_t)l.conns, sizeof *c);
    l.epfd = epoll_create1(EPOLL_CLOEXEC);
    if (!l.took || !c || l.epfd < 0)
        fail("setting up");
    for (int i = 0; i < l.conns; i++)
        conn_open(&l, &c[i], (uint16_t)atoi(argv[optind]));
    for (int i = 0; i < l.conns; i++)
        conn_send(&l, &c[i]);
    run(&l);
    report(&l);
    return 0;
}
