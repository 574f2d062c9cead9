/* SPDX-License-Identifier: BSD-3-Clause */
/* response: reads HTTP/1.1 responses off a stream of bytes in any pieces, and keeps none of it but
 * status, length and whether the connection goes on. Bodies have a length, come in chunks, or last
 * to the end of the stream. */
#ifndef HTTPLOAD_RESPONSE_H
#define HTTPLOAD_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum response_state {
    RESPONSE_LINE,  /* lines of the head */
    RESPONSE_BODY,  /* `left` bytes of it, a chunk's included */
    RESPONSE_CHUNK, /* the line of a chunk's size */
    RESPONSE_CHUNK_END,
    RESPONSE_TRAILER,
    RESPONSE_REST, /* to the end of the stream */
    RESPONSE_DONE,
};

struct response {
    enum response_state state;
    int status; /* 0 before the status line */
    bool close, chunked, sized;
    uint64_t left;
    size_t n;       /* of line */
    char line[512]; /* a longer one is cut; the fields that count are short */
};

void response_init(struct response *r);
/* Takes bytes up to the end of the response: how many; -1 for what is no response. */
ssize_t response_take(struct response *r, const char *p, size_t n);
/* The stream has ended: was that the end of the response? */
bool response_ends(struct response *r);

#endif
