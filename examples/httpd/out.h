/* SPDX-License-Identifier: BSD-3-Clause */
/* out: what a connection is about to send. Heads and small bodies are gathered in one buffer,
 * larger bodies from memory are referred to, so that one system call sends a response, or all
 * responses of pipelined requests that fit. Files go out by sendfile behind what was gathered.
 *
 * Invariants: the pieces iov[0..niov) are to be sent in order; `used` bytes of buf are taken.
 * held[0..nheld) are the cached files that pieces point into; a flush lets them go.
 * After an error nothing more is sent; the connection is over. */
#ifndef HTTPD_OUT_H
#define HTTPD_OUT_H

#include <sys/uio.h>

#include "cache.h"
#include "text.h"

enum {
    OUT_ROOM = 32768,
    OUT_PIECES = 64,
    OUT_COPY_MAX = 4096, /* a body up to this is copied: cheaper than one more piece */
};

struct out {
    int fd;
    int error; /* 0 or the -errno that ended the connection */
    unsigned niov, nheld;
    size_t used;
    struct iovec iov[OUT_PIECES];
    struct cached *held[OUT_PIECES];
    char buf[OUT_ROOM];
};

void out_init(struct out *o, int fd);

static inline bool out_pending(const struct out *o)
{
    return o->niov != 0;
}

/* Where the next n <= OUT_ROOM bytes are to be written, then taken by out_took. Flushes what is
 * there if they don't fit behind it. */
char *out_reserve(struct out *o, size_t n);
void out_took(struct out *o, size_t n);

void out_text(struct out *o, struct text t);

/* n bytes of a cached file's content; takes a reference of its own if it needs one. */
void out_cached(struct out *o, struct cached *c, uint64_t offset, uint64_t n);

/* n bytes of memory that stays as it is until the next flush. */
void out_memory(struct out *o, const char *p, size_t n);

/* Sends what is gathered and n bytes of a file. A file that has shrunk meanwhile ends the
 * connection: the length is promised already. */
void out_file(struct out *o, int fd, uint64_t offset, uint64_t n);

/* Sends all that is gathered; waits for the client as long as it takes some of it now and then.
 * 0 or the error. */
int out_flush(struct out *o);

/* Forgets what was gathered, without sending. */
void out_drop(struct out *o);

#endif
