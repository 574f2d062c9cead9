/* SPDX-License-Identifier: BSD-3-Clause */
/* response: see response.h. */
#define _GNU_SOURCE
#include "response.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void response_init(struct response *r)
{
    memset(r, 0, offsetof(struct response, line));
}

static bool status_line(struct response *r)
{
    if (strncmp(r->line, "HTTP/1.", 7) != 0 || strlen(r->line) < 12)
        return false;
    r->status = atoi(r->line + 9);
    r->close = r->line[7] == '0';
    return r->status >= 100 && r->status <= 599;
}

/* The value, if the line is of that field. */
static const char *value_of(const char *line, const char *name)
{
    size_t n = strlen(name);
    if (strncasecmp(line, name, n) != 0 || line[n] != ':')
        return NULL;
    return line + n + 1 + strspn(line + n + 1, " \t");
}

static void field(struct response *r)
{
    const char *v;
    if ((v = value_of(r->line, "Content-Length"))) {
        r->sized = true;
        r->left = strtoull(v, NULL, 10);
    } else if ((v = value_of(r->line, "Transfer-Encoding"))) {
        r->chunked = strcasestr(v, "chunked") != NULL;
    } else if ((v = value_of(r->line, "Connection"))) {
        r->close = strcasestr(v, "close") != NULL;
    }
}

static enum response_state after_head(struct response *r)
{
    if (r->status < 200) { /* an interim response: the real one follows */
        response_init(r);
        return RESPONSE_LINE;
    }
    if (r->status == 204 || r->status == 304)
        return RESPONSE_DONE;
    if (r->chunked)
        return RESPONSE_CHUNK;
    if (!r->sized) {
        r->close = true;
        return RESPONSE_REST;
    }
    return r->left ? RESPONSE_BODY : RESPONSE_DONE;
}

/* A whole line, without its end, is in r->line. */
static bool take_line(struct response *r)
{
    char *end;
    switch (r->state) {
    case RESPONSE_LINE:
        if (r->status == 0)
            return status_line(r);
        if (r->line[0])
            field(r);
        else
            r->state = after_head(r);
        return true;
    case RESPONSE_CHUNK:
        r->left = strtoull(r->line, &end, 16);
        r->state = r->left ? RESPONSE_BODY : RESPONSE_TRAILER;
        return end != r->line;
    case RESPONSE_CHUNK_END:
        r->state = RESPONSE_CHUNK;
        return !r->line[0];
    case RESPONSE_TRAILER:
        if (!r->line[0])
            r->state = RESPONSE_DONE;
        return true;
    default:
        return false;
    }
}

/* Bytes up to the end of a line, or all. */
static size_t gather(struct response *r, const char *p, size_t n, bool *whole)
{
    const char *lf = memchr(p, '\n', n);
    size_t took = lf ? (size_t)(lf - p) + 1 : n, room = sizeof r->line - 1 - r->n;
    size_t some = lf ? took - 1 : took;
    memcpy(r->line + r->n, p, some < room ? some : room);
    r->n += some < room ? some : room;
    *whole = lf != NULL;
    if (lf) {
        if (r->n && r->line[r->n - 1] == '\r')
            r->n--;
        r->line[r->n] = '\0';
        r->n = 0;
    }
    return took;
}

ssize_t response_take(struct response *r, const char *p, size_t n)
{
    size_t at = 0;
    while (at < n && r->state != RESPONSE_DONE) {
        if (r->state == RESPONSE_REST)
            return (ssize_t)n;
        if (r->state == RESPONSE_BODY) {
            size_t some = n - at < r->left ? n - at : (size_t)r->left;
            at += some;
            r->left -= some;
            if (r->left == 0)
                r->state = r->chunked ? RESPONSE_CHUNK_END : RESPONSE_DONE;
            continue;
        }
        bool whole;
        at += gather(r, p + at, n - at, &whole);
        if (whole && !take_line(r))
            return -1;
    }
    return (ssize_t)at;
}

bool response_ends(struct response *r)
{
    return r->state == RESPONSE_DONE || r->state == RESPONSE_REST;
}
