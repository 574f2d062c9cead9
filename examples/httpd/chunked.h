/* SPDX-License-Identifier: BSD-3-Clause */
/* chunked: reads past a body in the chunked transfer coding (RFC 9112, 7.1), in any pieces, without
 * keeping any of it. As strict as the head's parser: CRLF alone ends a line, and the text of chunk
 * extensions and trailers is bounded. */
#ifndef HTTPD_CHUNKED_H
#define HTTPD_CHUNKED_H

#include <sys/types.h>

#include "text.h"

/* All text that is not data, sizes and extensions and trailers together, may be this long for
 * each body; so may no client send frames for ever. */
enum { CHUNKED_OVERHEAD_MAX = 65536 };

enum chunked_state {
    CHUNKED_SIZE,      /* first digit of a chunk's size */
    CHUNKED_DIGITS,    /* more digits */
    CHUNKED_SPACE,     /* after the digits, before an extension's ';' */
    CHUNKED_EXTENSION, /* until CR */
    CHUNKED_SIZE_LF,
    CHUNKED_DATA,
    CHUNKED_DATA_CR,
    CHUNKED_DATA_LF,
    CHUNKED_TRAILER,      /* first byte of a trailer line */
    CHUNKED_TRAILER_NAME, /* its name, up to the colon */
    CHUNKED_TRAILER_VALUE,
    CHUNKED_TRAILER_LF,
    CHUNKED_END_LF,
    CHUNKED_DONE,
};

struct chunked {
    enum chunked_state state;
    uint64_t left;  /* data bytes of this chunk still to come; while digits come, its size */
    uint64_t total; /* sizes of all chunks so far */
    size_t overhead;
};

void chunked_init(struct chunked *c);

/* Takes bytes of the body from p[0..n), up to its end. Returns how many were taken: fewer than n
 * only when state is CHUNKED_DONE. Returns -1 for what is no chunked body, -2 when the data is
 * longer than max. */
ssize_t chunked_take(struct chunked *c, const char *p, size_t n, uint64_t max);

#endif
