/* SPDX-License-Identifier: BSD-3-Clause */
/* Fuzzes what the httpd makes of a client's bytes before it touches a file: heads, chunked bodies,
 * paths, ranges, conditions. Beyond what the sanitizers see it checks that pieces do not matter (a
 * head or body that comes in parts gives the same result), that a head which is taken has its form,
 * and that no path climbs. The first byte says in which steps the others come. */
#include "httpd/chunked.h"
#include "httpd/condition.h"
#include "httpd/path.h"
#include "httpd/range.h"
#include "httpd/request.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static int parse_in_steps(struct request *r, const char *buf, size_t n, size_t step)
{
    int result = 0;
    request_init(r);
    for (size_t have = 0; have < n && result == 0;) {
        have = have + step < n ? have + step : n;
        result = request_parse(r, buf, have);
    }
    return result;
}

static void check_path(struct text encoded)
{
    char out[PATH_ROOM], probe[PATH_ROOM + 2];
    int n = path_resolve(encoded, out);
    HOLDS(n >= 0 || n == -400 || n == -403 || n == -414);
    if (n < 0)
        return;
    HOLDS(strlen(out) == (size_t)n && out[0] != '/');
    snprintf(probe, sizeof probe, "/%s%s", out, n && out[n - 1] == '/' ? "" : "/");
    HOLDS(!strstr(probe, "/../") && !strstr(probe, "/./"));
}

static void check_fields(const struct request *r)
{
    struct range ranges[RANGE_MAX];
    size_t n = 0;
    struct validators v = {.etag = TEXT("\"a-1\""), .dated = true, .modified = 784111777};
    uint64_t sum = 0, file = 1000;
    int status = condition_check(r, &v, 1700000000);
    HOLDS(status == 0 || status == 304 || status == 412);
    condition_range(r, &v, 1700000000);
    if (!request_has(r, FIELD_RANGE) ||
        range_parse(r->first[FIELD_RANGE], file, ranges, &n) != RANGE_PARTIAL)
        return;
    HOLDS(n > 0 && n <= RANGE_MAX);
    for (size_t i = 0; i < n; i++) {
        HOLDS(ranges[i].first <= ranges[i].last && ranges[i].last < file);
        sum += ranges[i].last - ranges[i].first + 1;
    }
    HOLDS(sum <= file);
}

static void check_head(const struct request *r, const char *buf, int len)
{
    HOLDS(len <= REQUEST_HEAD_MAX && memcmp(buf + len - 4, "\r\n\r\n", 4) == 0);
    HOLDS(!memchr(buf, 0, (size_t)len));
    for (int i = 0; i < len; i++) {
        HOLDS(buf[i] != '\n' || (i > 0 && buf[i - 1] == '\r'));
        HOLDS(buf[i] != '\r' || buf[i + 1] == '\n');
    }
    HOLDS(r->count[FIELD_HOST] == 1 || (r->minor == 0 && r->count[FIELD_HOST] == 0));
    HOLDS(!r->chunked || r->count[FIELD_CONTENT_LENGTH] == 0);
    if (r->method == METHOD_GET || r->method == METHOD_HEAD) {
        HOLDS(r->path.n > 0 && r->path.p[0] == '/');
        check_path(r->path);
    }
    check_fields(r);
}

static long chunks_in_steps(const char *p, size_t n, size_t step)
{
    struct chunked c;
    size_t at = 0;
    chunked_init(&c);
    while (at < n && c.state != CHUNKED_DONE) {
        size_t some = n - at < step ? n - at : step;
        ssize_t took = chunked_take(&c, p + at, some, 5000);
        if (took < 0)
            return took;
        at += (size_t)took;
        HOLDS(c.total <= 5000);
    }
    return c.state == CHUNKED_DONE ? (long)at : -9;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct request r;
    if (size == 0)
        return 0;
    size_t step = data[0] ? data[0] : 1, n = size - 1;
    char *buf = malloc(n ? n : 1);
    HOLDS(buf);
    memcpy(buf, data + 1, n);
    check_path((struct text){buf, n});
    HOLDS(chunks_in_steps(buf, n, step) == chunks_in_steps(buf, n, n));
    int parts = parse_in_steps(&r, buf, n, step);
    int whole = parse_in_steps(&r, buf, n, n ? n : 1);
    HOLDS(parts == whole);
    if (whole > 0) {
        check_head(&r, buf, whole);
        if (r.chunked) {
            const char *body = buf + whole;
            size_t rest = n - (size_t)whole;
            HOLDS(chunks_in_steps(body, rest, step) == chunks_in_steps(body, rest, rest));
        }
    }
    free(buf);
    return 0;
}
