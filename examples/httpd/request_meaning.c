/* SPDX-License-Identifier: BSD-3-Clause */
/* request_meaning: what the lines of a head say together: for whom, how long its body is, whether
 * the connection goes on. Rules by RFC 9112 (3.2 targets and Host, 6.3 lengths, 9.3 persistence)
 * and RFC 9110 (10.1.1 Expect). */
#include "request.h"

/* uri-host [ ":" port ]. May be empty in a Host field: a target without authority. */
static bool authority_valid(struct text t)
{
    size_t i = 0;
    if (t.n && t.p[0] == '[') {
        const char *end = memchr(t.p, ']', t.n);
        if (!end || end == t.p + 1)
            return false;
        for (i = 1; t.p + i < end; i++)
            if (t.p[i] != ':' && !text_is(t.p[i], CHAR_HOST))
                return false;
        i++;
    } else {
        while (i < t.n && text_is(t.p[i], CHAR_HOST))
            i++;
    }
    if (i == t.n)
        return true;
    if (t.p[i] != ':')
        return false;
    for (i++; i < t.n; i++)
        if (t.p[i] < '0' || t.p[i] > '9')
            return false;
    return true;
}

/* Cuts scheme and authority off an absolute-form target; false if it is not one. */
static bool absolute_form(struct text *t)
{
    size_t scheme = 0;
    if (t->n > 7 && text_eq_nocase((struct text){t->p, 7}, TEXT("http://")))
        scheme = 7;
    else if (t->n > 8 && text_eq_nocase((struct text){t->p, 8}, TEXT("https://")))
        scheme = 8;
    else
        return false;
    struct text rest = {t->p + scheme, t->n - scheme};
    size_t n = 0;
    while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
        n++;
    if (n == 0 || rest.p[0] == ':' || !authority_valid((struct text){rest.p, n}))
        return false;
    *t = (struct text){rest.p + n, rest.n - n};
    return true;
}

static int target_meaning(struct request *r)
{
    struct text t = r->target;
    /* authority-form and asterisk-form belong to methods that are answered without a path. */
    if (r->method == METHOD_OTHER && r->line.p[0] == 'C')
        return authority_valid(t) ? 0 : -400;
    if (r->method == METHOD_OTHER && r->line.p[0] == 'O' && text_eq(t, TEXT("*")))
        return 0;
    if (t.p[0] != '/' && !absolute_form(&t))
        return -400;
    const char *query = memchr(t.p, '?', t.n);
    size_t path = query ? (size_t)(query - t.p) : t.n;
    r->path = path ? (struct text){t.p, path} : TEXT("/");
    r->query = (struct text){t.p + path, t.n - path};
    return 0;
}

static int host_meaning(const struct request *r)
{
    unsigned n = r->count[FIELD_HOST];
    if (n > 1 || (n == 0 && r->minor > 0))
        return -400;
    return n == 0 || authority_valid(r->first[FIELD_HOST]) ? 0 : -400;
}

/* The codings in order: "chunked" alone is understood. 400 when the body's end cannot be known,
 * 501 when it could be but for a coding that is not known here. */
static int transfer_coding(const struct request *r)
{
    size_t cursor = 0;
    unsigned chunked = 0, unknown = 0;
    bool last_chunked = false;
    struct text value, coding;
    while (request_field_next(r, FIELD_TRANSFER_ENCODING, &cursor, &value)) {
        while (text_list_next(&value, &coding)) {
            last_chunked = text_eq_nocase(coding, TEXT("chunked"));
            chunked += last_chunked;
            unknown += !last_chunked;
        }
    }
    if (chunked > 1 || (chunked && !last_chunked) || chunked + unknown == 0)
        return -400;
    return unknown ? -501 : 0;
}

static int length_meaning(struct request *r)
{
    unsigned lengths = r->count[FIELD_CONTENT_LENGTH];
    if (request_has(r, FIELD_TRANSFER_ENCODING)) {
        if (lengths || r->minor == 0)
            return -400;
        r->chunked = true;
        return transfer_coding(r);
    }
    if (lengths > 1 ||
        (lengths && !text_number(r->first[FIELD_CONTENT_LENGTH], &r->content_length)))
        return -400;
    return 0;
}

static void connection_meaning(struct request *r)
{
    size_t cursor = 0;
    struct text value, option;
    r->keep_alive = r->minor > 0;
    if (!request_has(r, FIELD_CONNECTION))
        return;
    bool close = false;
    while (request_field_next(r, FIELD_CONNECTION, &cursor, &value)) {
        while (text_list_next(&value, &option)) {
            close |= text_eq_nocase(option, TEXT("close"));
            r->keep_alive |= text_eq_nocase(option, TEXT("keep-alive"));
        }
    }
    r->keep_alive &= !close;
}

/* A 1.0 client cannot know what 100 means: its Expect is ignored. */
static void expect_meaning(struct request *r)
{
    size_t cursor = 0;
    struct text value, expectation;
    r->expect = EXPECT_NOTHING;
    if (r->minor == 0 || !request_has(r, FIELD_EXPECT))
        return;
    while (request_field_next(r, FIELD_EXPECT, &cursor, &value)) {
        while (text_list_next(&value, &expectation)) {
            if (!text_eq_nocase(expectation, TEXT("100-continue")))
                r->expect = EXPECT_UNKNOWN;
            else if (r->expect == EXPECT_NOTHING)
                r->expect = EXPECT_CONTINUE;
        }
    }
}

int request_meaning(struct request *r)
{
    int status = host_meaning(r);
    if (!status)
        status = target_meaning(r);
    if (!status)
        status = length_meaning(r);
    if (!status) {
        connection_meaning(r);
        expect_meaning(r);
    }
    return status;
}
