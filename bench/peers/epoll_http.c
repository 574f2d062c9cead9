/* SPDX-License-Identifier: BSD-3-Clause */
/* epoll_http: the least an HTTP server can do: a level-triggered epoll loop that answers each
 * request head (found by its blank line, otherwise unread) with one prepared response. Not a
 * server, a floor.
 *
 *   epoll_http [-w WORKERS] FILE */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>

#include "server.h"

enum { BATCH = 256, HEAD = 8192 };

static char *response;
static size_t response_len;

/* A head in parts; a level-triggered loop reads one chunk an event. */
typedef struct conn {
    int fd;
    size_t len;
    char head[HEAD];
} conn;

static void load_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    char *body = malloc(1 << 20);
    if (!f || !body)
        server_fail(path);
    size_t n = fread(body, 1, 1 << 20, f);
    fclose(f);
    response = malloc(n + 512);
    if (!response)
        server_fail("malloc");
    response_len =
        (size_t)snprintf(response, 512,
                         "HTTP/1.1 200 OK\r\nServer: epoll\r\nContent-Type: text/html\r\n"
                         "Content-Length: %zu\r\nLast-Modified: Thu, 01 Jan 1970 "
                         "00:00:00 GMT\r\nAccept-Ranges: bytes\r\n\r\n",
                         n);
    memcpy(response + response_len, body, n);
    response_len += n;
    free(body);
}

/* 0 while the connection lives. */
static int conn_ready(conn *c)
{
    ssize_t r = read(c->fd, c->head + c->len, HEAD - c->len);
    if (r <= 0)
        return r < 0 && errno == EAGAIN ? 0 : -1;
    c->len += (size_t)r;
    for (;;) {
        char *end = memmem(c->head, c->len, "\r\n\r\n", 4);
        if (!end)
            return c->len < HEAD ? 0 : -1;
        if (write(c->fd, response, response_len) != (ssize_t)response_len)
            return -1;
        size_t used = (size_t)(end + 4 - c->head);
        memmove(c->head, c->head + used, c->len - used);
        c->len -= used;
    }
}

static void conn_accept(int ep, int lfd)
{
    struct epoll_event e = {.events = EPOLLIN};
    conn *c;
    int fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    c = malloc(sizeof *c);
    e.data.ptr = c;
    if (!c || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) < 0)
        server_fail("accept");
    c->fd = fd;
    c->len = 0;
}

static void *worker(void *arg)
{
    struct epoll_event ready[BATCH], e = {.events = EPOLLIN, .data.ptr = NULL};
    int lfd = (int)(intptr_t)arg, ep = epoll_create1(EPOLL_CLOEXEC);
    if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, lfd, &e) < 0)
        server_fail("epoll");
    for (;;) {
        int n = epoll_wait(ep, ready, BATCH, -1);
        for (int i = 0; i < n; i++) {
            conn *c = ready[i].data.ptr;
            if (!c) {
                conn_accept(ep, lfd);
            } else if (conn_ready(c) < 0) {
                close(c->fd);
                free(c);
            }
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    uint16_t port = 0;
    int workers = server_options(argc, argv);
    if (optind + 1 != argc)
        return 2;
    load_file(argv[optind]);
    int first = server_listen(&port, SOCK_NONBLOCK);
    for (int i = 1; i < workers; i++) {
        pthread_t t;
        if (pthread_create(&t, NULL, worker, (void *)(intptr_t)server_listen(&port, SOCK_NONBLOCK)))
            server_fail("pthread_create");
    }
    server_announce(port);
    worker((void *)(intptr_t)first);
    return 0;
}
