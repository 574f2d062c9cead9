/* SPDX-License-Identifier: BSD-3-Clause */
/* request: the head of an HTTP/1 request, as RFC 9112 has it, read strictly: whatever two readers
 * of one connection could understand differently (bare CR or LF, folded lines, space before a
 * colon, two lengths, a length beside a transfer coding) is refused, so that no request can be
 * smuggled past a front end in another one's body.
 *
 * The parser takes the head as it comes in, in any pieces, and looks at each byte a fixed number
 * of times. It needs no runtime, allocates nothing and copies nothing: every piece of text points
 * into the caller's buffer, which must not move until the request has been answered. */
#ifndef HTTPD_REQUEST_H
#define HTTPD_REQUEST_H

#include "text.h"

/* Heads up to this many bytes, blank line included, are read. */
enum { REQUEST_HEAD_MAX = 16384 };

enum method {
    METHOD_GET,
    METHOD_HEAD,
    METHOD_OTHER,   /* a method of HTTP that a server of files has no use for: 405 */
    METHOD_UNKNOWN, /* 501 */
};

/* The fields that the server acts on; all others are checked for their form only. */
enum field {
    FIELD_HOST,
    FIELD_CONNECTION,
    FIELD_CONTENT_LENGTH,
    FIELD_TRANSFER_ENCODING,
    FIELD_EXPECT,
    FIELD_RANGE,
    FIELD_IF_RANGE,
    FIELD_IF_MATCH,
    FIELD_IF_NONE_MATCH,
    FIELD_IF_MODIFIED_SINCE,
    FIELD_IF_UNMODIFIED_SINCE,
    FIELD_COUNT
};

enum expect { EXPECT_NOTHING, EXPECT_CONTINUE, EXPECT_UNKNOWN };

struct request {
    /* Where the parser stands. */
    const char *head;
    size_t line_start; /* of the line not taken yet */
    size_t scanned;    /* bytes known to hold no LF after line_start */
    size_t head_len;   /* once complete */

    struct text line; /* the request line, for the log; no pointer before it was read */
    struct text target;
    struct text path;  /* of the target, still encoded; begins with '/' */
    struct text query; /* with its '?', or empty */
    enum method method;
    int minor; /* of the version: 0 or 1 (a later 1.x counts as 1.1) */

    struct text first[FIELD_COUNT]; /* the value of the field's first line */
    uint16_t count[FIELD_COUNT];    /* how many lines it has */

    /* What the fields mean together. */
    bool keep_alive;
    bool chunked;
    enum expect expect;
    uint64_t content_length; /* 0 when there is none; UINT64_MAX when it fits no number */
};

void request_init(struct request *r);

/* Goes on with the head in buf[0..n), of which earlier calls have seen a part. Returns the head's
 * length when it is complete, 0 when bytes are missing, and minus the status when the request
 * cannot be understood: what follows it on the connection is then meaningless. */
int request_parse(struct request *r, const char *buf, size_t n);

/* Has any byte of a request come? Blank lines before it do not count. */
bool request_begun(const struct request *r, size_t n);

/* The values of all lines of a field, in order. *cursor is 0 before the first call. */
bool request_field_next(const struct request *r, enum field f, size_t *cursor, struct text *value);

static inline bool request_has(const struct request *r, enum field f)
{
    return r->count[f] != 0;
}

/* request_meaning.c: called once the last line is in. 0 or minus the status. */
int request_meaning(struct request *r);

#endif
