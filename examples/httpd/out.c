/* SPDX-License-Identifier: BSD-3-Clause */
/* out: see out.h. */
#include "out.h"

#include <gamp.h>

#include "watch.h"

/* A client that takes nothing for so long is gone. */
#define STALL_MAX (60 * GAMP_SECOND)

/* As much as sendfile is asked for at once; the socket's buffer takes less in any case. */
enum { FILE_STEP = 1 << 24 };

void out_init(struct out *o, int fd)
{
    o->fd = fd;
    o->error = 0;
    o->niov = o->nheld = 0;
    o->used = 0;
}

void out_drop(struct out *o)
{
    for (unsigned i = 0; i < o->nheld; i++)
        cached_unref(o->held[i]);
    o->niov = o->nheld = 0;
    o->used = 0;
}

/* One attempt at the pieces from the first on. MSG_MORE lets a head travel with the file behind. */
static ssize_t send_pieces(const struct out *o, struct iovec *iov, unsigned n, bool more)
{
    if (more) {
        struct msghdr m = {.msg_iov = iov, .msg_iovlen = n};
        return gamp_sendmsg(o->fd, &m, MSG_MORE);
    }
    if (n == 1)
        return gamp_write(o->fd, iov->iov_base, iov->iov_len);
    return gamp_writev(o->fd, iov, (int)n);
}

static void flush(struct out *o, bool more)
{
    struct iovec *iov = o->iov;
    unsigned n = o->niov;
    gamp_time limit = GAMP_NEVER; /* set at the first wait that was too long */
    while (n && !o->error) {
        ssize_t sent = send_pieces(o, iov, n, more);
        if (sent == -ETIMEDOUT) {
            if (limit == GAMP_NEVER)
                limit = gamp_now() + STALL_MAX;
            sent = watch_extend(o->fd, limit);
        } else {
            limit = GAMP_NEVER;
        }
        if (sent < 0)
            o->error = (int)sent;
        for (; sent > 0 && (size_t)sent >= iov->iov_len; iov++, n--)
            sent -= (ssize_t)iov->iov_len;
        if (sent > 0) {
            iov->iov_base = (char *)iov->iov_base + sent;
            iov->iov_len -= (size_t)sent;
        }
    }
    out_drop(o);
}

int out_flush(struct out *o)
{
    flush(o, false);
    return o->error;
}

/* Room for n more bytes, one more piece and one more reference. */
static void make_room(struct out *o, size_t n)
{
    if (o->used + n > OUT_ROOM || o->niov == OUT_PIECES || o->nheld == OUT_PIECES)
        flush(o, false);
}

char *out_reserve(struct out *o, size_t n)
{
    make_room(o, n);
    return o->buf + o->used;
}

/* Appends a piece, or lengthens the last one when it ends where this one begins. */
static void append(struct out *o, const char *p, size_t n)
{
    struct iovec *last = o->iov + o->niov - 1;
    if (n == 0 || o->error)
        return;
    if (o->niov && (char *)last->iov_base + last->iov_len == p)
        last->iov_len += n;
    else
        o->iov[o->niov++] = (struct iovec){(void *)p, n};
}

void out_took(struct out *o, size_t n)
{
    append(o, o->buf + o->used, n);
    o->used += n;
}

void out_text(struct out *o, struct text t)
{
    memcpy(out_reserve(o, t.n), t.p, t.n);
    out_took(o, t.n);
}

void out_cached(struct out *o, struct cached *c, uint64_t offset, uint64_t n)
{
    if (n <= OUT_COPY_MAX) {
        out_text(o, (struct text){c->body.p + offset, n});
        return;
    }
    make_room(o, 0);
    append(o, c->body.p + offset, n);
    cached_ref(c);
    o->held[o->nheld++] = c;
}

void out_memory(struct out *o, const char *p, size_t n)
{
    make_room(o, 0);
    append(o, p, n);
}

void out_file(struct out *o, int fd, uint64_t offset, uint64_t n)
{
    off_t at = (off_t)offset;
    gamp_time limit = GAMP_NEVER;
    flush(o, n > 0);
    while (n && !o->error) {
        ssize_t sent = gamp_sendfile(o->fd, fd, &at, n < FILE_STEP ? n : FILE_STEP);
        if (sent == -ETIMEDOUT) {
            if (limit == GAMP_NEVER)
                limit = gamp_now() + STALL_MAX;
            sent = watch_extend(o->fd, limit);
        } else if (sent == 0) {
            sent = -EIO; /* the file is shorter than it was */
        } else {
            limit = GAMP_NEVER;
        }
        if (sent < 0)
            o->error = (int)sent;
        else
            n -= (uint64_t)sent;
    }
}
