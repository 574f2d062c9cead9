/* SPDX-License-Identifier: BSD-3-Clause */
/* uv_echo: the echo server on libuv: callbacks, one loop, a write tried at once before it is
 * queued. */
#include <uv.h>

#include "server.h"

typedef struct conn {
    uv_tcp_t tcp;
    char buf[2048];
} conn;

typedef struct pending {
    uv_write_t req;
    char data[];
} pending;

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *out)
{
    conn *c = (conn *)h;
    (void)hint;
    *out = uv_buf_init(c->buf, sizeof c->buf);
}

static void on_close(uv_handle_t *h)
{
    free(h);
}

static void on_written(uv_write_t *req, int status)
{
    (void)status;
    free(req);
}

static void write_rest(conn *c, const char *data, size_t n)
{
    pending *p = malloc(sizeof *p + n);
    if (!p)
        server_fail("malloc");
    for (size_t i = 0; i < n; i++)
        p->data[i] = data[i];
    uv_buf_t b = uv_buf_init(p->data, (unsigned)n);
    if (uv_write(&p->req, (uv_stream_t *)&c->tcp, &b, 1, on_written) < 0)
        free(p);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *in)
{
    conn *c = (conn *)s;
    if (n <= 0) {
        if (n < 0)
            uv_close((uv_handle_t *)s, on_close);
        return;
    }
    uv_buf_t b = uv_buf_init(in->base, (unsigned)n);
    int sent = uv_try_write(s, &b, 1);
    if (sent < 0)
        sent = 0;
    if (sent < n)
        write_rest(c, in->base + sent, (size_t)(n - sent));
}

static void on_connection(uv_stream_t *listener, int status)
{
    conn *c = malloc(sizeof *c);
    if (status < 0 || !c || uv_tcp_init(listener->loop, &c->tcp) < 0)
        server_fail("accept");
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) < 0 ||
        uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) < 0)
        uv_close((uv_handle_t *)&c->tcp, on_close);
}

int main(int argc, char **argv)
{
    uint16_t port = 0;
    uv_tcp_t listener;
    if (server_options(argc, argv) != 1) {
        fprintf(stderr, "this libuv server has one worker\n");
        return 2;
    }
    if (uv_tcp_init(uv_default_loop(), &listener) < 0 ||
        uv_tcp_open(&listener, server_listen(&port, SOCK_NONBLOCK)) < 0 ||
        uv_listen((uv_stream_t *)&listener, 4096, on_connection) < 0)
        server_fail("libuv");
    server_announce(port);
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
