/* SPDX-License-Identifier: BSD-3-Clause */
/* body: a request to a server of files needs no body, but may have one; it must be read all the
 * same to find where the next request begins. */
#include <errno.h>

#include "chunked.h"
#include "server.h"
#include "work.h"

struct body {
    bool chunked;
    uint64_t left; /* of a plain body */
    struct chunked chunks;
};

static bool ended(const struct body *b)
{
    return b->chunked ? b->chunks.state == CHUNKED_DONE : b->left == 0;
}

/* How many of n bytes belong to the body; or minus a status. */
static ssize_t take(struct body *b, const char *p, size_t n)
{
    if (!b->chunked) {
        size_t took = n < b->left ? n : (size_t)b->left;
        b->left -= took;
        return (ssize_t)took;
    }
    ssize_t took = chunked_take(&b->chunks, p, n, WORK_BODY_MAX);
    return took >= 0 ? took : took == -2 ? -413 : -400;
}

/* Lets everything before the body go out, and asks a client that waits to be asked. */
static int ask(struct work *w, bool first)
{
    if (first && w->request.expect == EXPECT_CONTINUE)
        out_text(&w->out, TEXT("HTTP/1.1 100 Continue\r\n\r\n"));
    return out_flush(&w->out);
}

int body_skip(struct conn *c)
{
    struct work *w = c->work;
    struct body b = {.chunked = w->request.chunked, .left = w->request.content_length};
    const size_t head_end = w->start + w->request.head_len;
    size_t at = head_end;
    gamp_time limit = 0;
    for (;;) {
        ssize_t n = take(&b, w->in + at, w->end - at);
        if (n < 0)
            return (int)n;
        at += (size_t)n;
        if (ended(&b))
            break;
        if (ask(w, limit == 0 && at == head_end))
            return 1;
        if (limit == 0)
            limit = gamp_now() + c->server->head_time;
        at = head_end;
        n = conn_read(c, w->in + at, WORK_BODY_STEP, limit);
        if (n == -ETIMEDOUT)
            return -408;
        if (n <= 0)
            return 1;
        w->end = at + (size_t)n;
    }
    w->start = at;
    return 0;
}
