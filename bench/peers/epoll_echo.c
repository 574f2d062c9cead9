/* SPDX-License-Identifier: BSD-3-Clause */
/* epoll_echo: the echo server one would write by hand: a level-triggered epoll loop a worker, each
 * with a listener of its own, one read and one write a message. The floor for servers that do the
 * same. */
#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>

#include "server.h"

enum { BATCH = 256 };

static void *worker(void *arg)
{
    static _Thread_local char buf[4096];
    struct epoll_event ready[BATCH], e = {.events = EPOLLIN};
    int lfd = (int)(intptr_t)arg, ep = epoll_create1(EPOLL_CLOEXEC);
    e.data.fd = lfd;
    if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, lfd, &e) < 0)
        server_fail("epoll");
    for (;;) {
        int n = epoll_wait(ep, ready, BATCH, -1);
        for (int i = 0; i < n; i++) {
            int fd = ready[i].data.fd;
            if (fd == lfd) {
                e.data.fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (e.data.fd >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, e.data.fd, &e) < 0)
                    server_fail("epoll_ctl");
                continue;
            }
            ssize_t r = read(fd, buf, sizeof buf);
            if (r > 0 ? write(fd, buf, (size_t)r) != r : r == 0 || errno != EAGAIN)
                close(fd);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    uint16_t port = 0;
    int workers = server_options(argc, argv), first = server_listen(&port, SOCK_NONBLOCK);
    for (int i = 1; i < workers; i++) {
        pthread_t t;
        if (pthread_create(&t, NULL, worker, (void *)(intptr_t)server_listen(&port, SOCK_NONBLOCK)))
            server_fail("pthread_create");
    }
    server_announce(port);
    worker((void *)(intptr_t)first);
    return 0;
}
