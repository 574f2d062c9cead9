/* SPDX-License-Identifier: BSD-3-Clause */
/* work: what a connection needs while it has a request: the bytes that came, the request in them,
 * and the bytes that go out. One allocation, of which only the pages that are written take memory.
 *
 * in[start..end) is not used up yet. A head begins at `start` and is read where it lies, for the
 * request points into it until it is answered; so the bytes move to the front of `in` only before
 * a head is looked at, and a body's bytes, which nobody keeps, are read behind the head. */
#ifndef HTTPD_WORK_H
#define HTTPD_WORK_H

#include "conn.h"
#include "out.h"
#include "reply.h"
#include "request.h"

enum {
    WORK_BODY_STEP = 4096, /* a body is read in such steps */
    WORK_ROOM = REQUEST_HEAD_MAX + WORK_BODY_STEP,
    WORK_BODY_MAX = 256 << 10, /* bodies up to this are read and dropped; beyond: 413 */
};

struct work {
    struct request request;
    size_t start, end;
    bool unread; /* the client may still be sending what nobody will read */
    struct exchange exchange;
    struct out out;
    char in[WORK_ROOM];
};

/* Reads at least a byte into p, waiting until the limit: how many, 0 at the end of the stream,
 * -ETIMEDOUT, or another -errno. */
ssize_t conn_read(struct conn *c, char *p, size_t n, gamp_time limit);

/* body.c: reads the body of w->request, whose head is in[start..start + head_len), and drops it;
 * asks for it by a 100 where the client waits for that. Then start is behind the body. Returns 0;
 * minus a status, the connection is then to be closed; or 1 when the client is gone. */
int body_skip(struct conn *c);

/* Has the request a body? */
static inline bool body_follows(const struct request *r)
{
    return r->chunked || r->content_length > 0;
}

#endif
