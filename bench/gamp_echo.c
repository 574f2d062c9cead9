/* SPDX-License-Identifier: BSD-3-Clause */
/* gamp_echo: the echo server in straight-line code, one goroutine a connection.
 *   gamp_echo [-w WORKERS]    prints "listening PORT", serves until it is killed. */
#include <gamp.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void serve(int fd)
{
    char buf[2048];
    ssize_t n;
    while ((n = gamp_read(fd, buf, sizeof buf)) > 0)
        if (gamp_write_full(fd, buf, (size_t)n) < 0)
            break;
    gamp_close(fd);
}

static int echo_main(int argc, char **argv)
{
    char addr[64];
    int lfd = gamp_listen("tcp", "127.0.0.1:0");
    (void)argc;
    (void)argv;
    if (lfd < 0 || gamp_local_addr(lfd, addr, sizeof addr) < 0)
        return 1;
    printf("listening %s\n", strrchr(addr, ':') + 1);
    fflush(stdout);
    for (;;) {
        int fd = gamp_accept(lfd);
        if (fd < 0)
            return 1;
        if (gamp_go(serve, fd) < 0)
            gamp_close(fd);
    }
}

int main(int argc, char **argv)
{
    gamp_config cfg = {.maxprocs = 1};
    struct rlimit files;
    int opt;
    while ((opt = getopt(argc, argv, "w:")) != -1) {
        if (opt != 'w')
            return 2;
        cfg.maxprocs = atoi(optarg);
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    return gamp_run_with(&cfg, echo_main, argc, argv);
}
