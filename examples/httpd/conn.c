/* SPDX-License-Identifier: BSD-3-Clause */
/* conn: see conn.h. */
#include "conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>

#include "content.h"
#include "server.h"
#include "watch.h"
#include "work.h"

/* A client that still sends when the connection ends is heard out so long and so far, for a reset
 * would take from it the answer that says why (RFC 9112, 9.6). */
#define LINGER_TIME (2 * GAMP_SECOND)
enum { LINGER_BYTES = 64 << 20 };

ssize_t conn_read(struct conn *c, char *p, size_t n, gamp_time limit)
{
    for (;;) {
        ssize_t r = gamp_read(c->fd, p, n);
        if (r == -ETIMEDOUT && watch_extend(c->fd, limit) == 0)
            continue;
        return r;
    }
}

void conn_refuse(int fd)
{
    static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
                               "Retry-After: 1\r\nConnection: close\r\n\r\n";
    gamp_write(fd, text, sizeof text - 1); /* a fresh socket has room: it does not wait */
}

static bool work_begin(struct conn *c)
{
    if (c->work)
        return true;
    struct work *w = malloc(sizeof *w);
    if (!w) {
        conn_refuse(c->fd);
        return false;
    }
    w->start = w->end = 0;
    w->exchange.site = &c->server->site;
    w->exchange.out = &w->out;
    w->exchange.request = &w->request;
    w->exchange.second = 0;
    out_init(&w->out, c->fd);
    c->work = w;
    return true;
}

static void work_end(struct conn *c)
{
    if (c->work)
        out_drop(&c->work->out);
    free(c->work);
    c->work = NULL;
}

/* Pairs with server_stop, which first sets `stopping` and then looks at `idle`: one of the two sees
 * the other's, and shuts the reading side down. What had come before can still be read. */
static void idle_begin(struct conn *c)
{
    atomic_store_explicit(&c->idle, true, memory_order_seq_cst);
    if (server_stopping(c->server))
        gamp_shutdown(c->fd, SHUT_RD);
}

static void idle_end(struct conn *c)
{
    atomic_store_explicit(&c->idle, false, memory_order_relaxed);
}

/* Waits for the first bytes of a request; `limit` is when the client has been silent for too long.
 * As conn_read, but gives the buffers back when nothing comes soon. They are empty. */
static ssize_t read_first(struct conn *c, gamp_time limit)
{
    idle_begin(c);
    ssize_t n = gamp_read(c->fd, c->work->in, REQUEST_HEAD_MAX);
    if (n == -ETIMEDOUT && watch_extend(c->fd, limit) == 0) /* set while the client was busy */
        n = gamp_read(c->fd, c->work->in, REQUEST_HEAD_MAX);
    if (n == -ETIMEDOUT) {
        work_end(c);
        n = gamp_fd_wait(c->fd, POLLIN, limit);
        if (n >= 0)
            n = work_begin(c) ? conn_read(c, c->work->in, REQUEST_HEAD_MAX, limit) : -ENOMEM;
    }
    idle_end(c);
    return n;
}

/* How long the client may be silent. One that has never said anything has no longer than for a
 * head: it may be slow on purpose. */
static gamp_duration patience(const struct conn *c)
{
    const struct server *s = c->server;
    return c->fresh && s->head_time < s->idle_time ? s->head_time : s->idle_time;
}

/* Moves the unused bytes to the front. */
static void compact(struct work *w)
{
    memmove(w->in, w->in + w->start, w->end - w->start);
    w->end -= w->start;
    w->start = 0;
}

/* Reads until the next head is complete. Its length; 0 when the connection is over; minus a status.
 * What was gathered goes out before any wait. */
static int head_read(struct conn *c)
{
    struct server *s = c->server;
    struct work *w = c->work;
    gamp_time limit = 0; /* for the whole head, once it has begun */
    if (w->end > REQUEST_HEAD_MAX)
        compact(w);
    request_init(&w->request);
    for (;;) {
        int r = request_parse(&w->request, w->in + w->start, w->end - w->start);
        if (r)
            return r;
        if (out_flush(&w->out))
            return 0;
        if (w->start > 0) {
            compact(w);
            request_init(&w->request);
            request_parse(&w->request, w->in, w->end);
        }
        ssize_t n;
        if (w->end == 0) {
            n = read_first(c, gamp_now() + patience(c));
            if (n <= 0)
                return 0;
            w = c->work; /* it may be another one */
            request_init(&w->request);
        } else {
            if (limit == 0) {
                limit = gamp_now() + s->head_time;
                watch_extend(c->fd, limit);
            }
            n = conn_read(c, w->in + w->end, REQUEST_HEAD_MAX - w->end, limit);
            if (n == -ETIMEDOUT && request_begun(&w->request, w->end))
                return -408;
            if (n <= 0)
                return 0;
        }
        w->end += (size_t)n;
    }
}

/* What can be said without the body and without a file. 0: nothing. */
static int early_status(const struct request *r)
{
    if (r->method == METHOD_UNKNOWN)
        return 501;
    if (r->method == METHOD_OTHER)
        return 405;
    if (r->expect == EXPECT_UNKNOWN)
        return 417;
    return !r->chunked && r->content_length > WORK_BODY_MAX ? 413 : 0;
}

/* Answers w->request, whose head is complete, and leaves start behind it. False when the client is
 * gone. A client that asked whether it may send a body is not made to when the answer is no. */
static bool answer(struct conn *c)
{
    struct work *w = c->work;
    struct request *r = &w->request;
    struct exchange *x = &w->exchange;
    int status = early_status(r);
    x->close |= !r->keep_alive;
    if (!body_follows(r)) {
        w->start += r->head_len;
    } else if (status && (r->expect != EXPECT_NOTHING || r->content_length > WORK_BODY_MAX)) {
        x->close = w->unread = true;
    } else {
        int failed = body_skip(c);
        if (failed > 0)
            return false;
        if (failed < 0) {
            x->close = w->unread = true;
            status = status ? status : -failed;
        }
    }
    if (status)
        reply_status(x, status, status == 405 ? TEXT("Allow: GET, HEAD\r\n") : TEXT(""));
    else
        content_serve(x);
    return true;
}

static void put_log(const struct conn *c)
{
    const struct exchange *x = &c->work->exchange;
    if (c->server->log)
        accesslog_put(c->server->log, c->peer, x->request->line, x->status, x->body);
}

/* Half-closes, and reads until the client has closed too. */
static void linger(struct conn *c)
{
    struct work *w = c->work;
    gamp_time limit = gamp_now() + LINGER_TIME;
    uint64_t total = 0;
    ssize_t n;
    gamp_shutdown(c->fd, SHUT_WR);
    idle_begin(c);
    do {
        n = conn_read(c, w->in, WORK_ROOM, limit);
        total += n > 0 ? (uint64_t)n : 0;
    } while (n > 0 && total < LINGER_BYTES && gamp_now() < limit);
    idle_end(c);
}

/* One request. False: the connection is over. */
static bool turn(struct conn *c)
{
    int head = head_read(c);
    if (head == 0)
        return false;
    struct work *w = c->work;
    struct exchange *x = &w->exchange;
    c->fresh = false;
    c->requests++;
    x->status = 0;
    w->unread = head < 0;
    x->close = head < 0 || server_stopping(c->server);
    if (head < 0)
        reply_status(x, -head, TEXT(""));
    else if (!answer(c))
        return false;
    put_log(c);
    if (!x->close)
        return w->out.error == 0;
    if (out_flush(&w->out) == 0 && (w->unread || w->start < w->end))
        linger(c);
    return false;
}

void conn_serve(struct conn *c)
{
    int one = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    watch_extend(c->fd, gamp_now() + patience(c));
    if (work_begin(c))
        while (turn(c))
            ;
    work_end(c);
}
