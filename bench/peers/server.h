/* SPDX-License-Identifier: BSD-3-Clause */
/* server: what the peers' servers in C share: options, the listening socket on a free port of the
 * loopback interface, and the line that tells the port. */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static inline void server_fail(const char *what)
{
    perror(what);
    exit(1);
}

/* -w WORKERS, the only option; raises the descriptor limit too. */
static inline int server_options(int argc, char **argv)
{
    int opt, workers = 1;
    struct rlimit files;
    while ((opt = getopt(argc, argv, "w:")) != -1) {
        if (opt != 'w')
            exit(2);
        workers = atoi(optarg);
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    return workers > 0 ? workers : 1;
}

/* A listener; *port 0 takes a free one and tells it. SO_REUSEPORT lets each worker have its own. */
static inline int server_listen(uint16_t *port, int flags)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t len = sizeof at;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) < 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 4096) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) < 0)
        server_fail("listen");
    *port = ntohs(at.sin_port);
    return fd;
}

static inline void server_announce(uint16_t port)
{
    printf("listening %u\n", port);
    fflush(stdout);
}

#endif
