/* SPDX-License-Identifier: BSD-3-Clause */
/* The httpd's parser of request heads: what it takes, what it refuses and by which status, in one
 * piece and byte by byte. */
#include "harness/test.h"
#include "httpd/request.h"

#include <stdio.h>
#include <stdlib.h>

#define HOST "Host: a\r\n"

/* As the first byte, the second... come in: the first result that is not "more". The bytes lie at
 * the end of an allocation of their own, so that a sanitizer sees a read beyond them. */
static int parse_in_steps(struct request *r, const char *bytes, size_t n, size_t step)
{
    char *buf = malloc(n ? n : 1);
    int result = 0;
    memcpy(buf, bytes, n);
    request_init(r);
    for (size_t have = 0; have < n && result == 0;) {
        have = have + step < n ? have + step : n;
        result = request_parse(r, buf, have);
    }
    free(buf);
    return result;
}

static void check(const char *bytes, size_t n, int expected)
{
    struct request r;
    int whole = parse_in_steps(&r, bytes, n, n ? n : 1);
    CHECK_MSG(whole == expected, "%d, not %d: %.200s", whole, expected, bytes);
    for (size_t step = 1; step < 8; step += 2) {
        int result = parse_in_steps(&r, bytes, n, step);
        CHECK_MSG(result == whole, "%d in steps of %zu, %d at once: %.200s", result, step, whole,
                  bytes);
    }
}

struct example {
    const char *bytes;
    int result; /* 0: its own length */
};

static void check_all(const struct example *e, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(e[i].bytes);
        check(e[i].bytes, len, e[i].result ? e[i].result : (int)len);
    }
}
#define CHECK_ALL(examples) check_all(examples, sizeof(examples) / sizeof(examples)[0])

TEST(good_heads)
{
    static const struct example examples[] = {
        {"GET / HTTP/1.1\r\n" HOST "\r\n", 0},
        {"\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 0},
        {"GET / HTTP/1.0\r\n\r\n", 0},
        {"GET / HTTP/1.9\r\n" HOST "\r\n", 0},
        {"HEAD /a%20b?c=d&e HTTP/1.1\r\nHost: a:80\r\n\r\n", 0},
        {"GET http://a/b HTTP/1.1\r\n" HOST "\r\n", 0},
        {"GET HTTPS://a:1?x HTTP/1.1\r\n" HOST "\r\n", 0},
        {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 0},
        {"GET / HTTP/1.1\r\nHost:[::1]:8080\r\n\r\n", 0},
        {"GET / HTTP/1.1\r\nHost: \t a \t \r\n\r\n", 0},
        {"GET /\xc3\xa9 HTTP/1.1\r\n" HOST "X: \xff\r\n\r\n", 0},
        {"GET / HTTP/1.1\r\n" HOST "X:\r\nY: \t\r\n!#$%&'*+-.^_`|~: odd name\r\n\r\n", 0},
        {"GET / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 0},
        {"GET / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999999999\r\n\r\n", 0},
        {"GET / HTTP/1.1\r\n" HOST "transfer-encoding: ChunKed\r\n\r\n", 0},
        {"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: ,, chunked ,\r\n\r\n", 0},
        {"POST / HTTP/1.1\r\n" HOST "\r\n", 0},
        {"BREW /pot HTTP/1.1\r\n" HOST "\r\n", 0},
        {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 0},
        {"OPTIONS / HTTP/1.1\r\n" HOST "\r\n", 0},
        {"CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n", 0},
    };
    CHECK_ALL(examples);
}

TEST(bad_request_lines)
{
    static const struct example examples[] = {
        {"GET /\r\n\r\n", -400},
        {"GET / \r\n" HOST "\r\n", -400},
        {"GET  / HTTP/1.1\r\n" HOST "\r\n", -400},
        {"GET /  HTTP/1.1\r\n" HOST "\r\n", -400},
        {"GET / HTTP/1.1 \r\n" HOST "\r\n", -400},
        {" GET / HTTP/1.1\r\n" HOST "\r\n", -400},
        {"GET\t/ HTTP/1.1\r\n" HOST "\r\n", -400},
        {"GET /a b HTTP/1.1\r\n" HOST "\r\n", -400},
        {"GET /a#b HTTP/1.1\r\n" HOST "\r\n", -400},
        {"GET /a\x01 HTTP/1.1\r\n" HOST "\r\n", -400},
        {"GET /a\x7f HTTP/1.1\r\n" HOST "\r\n", -400},
        {"G(T / HTTP/1.1\r\n" HOST "\r\n", -400},
        {"GET a HTTP/1.1\r\n" HOST "\r\n", -400},
        {"GET * HTTP/1.1\r\n" HOST "\r\n", -400},
        {"GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n", -400},
        {"GET http:///a HTTP/1.1\r\n" HOST "\r\n", -400},
        {"GET http://:80/ HTTP/1.1\r\n" HOST "\r\n", -400},
        {"GET http://u@a/ HTTP/1.1\r\n" HOST "\r\n", -400},
        {"GET / http/1.1\r\n" HOST "\r\n", -400},
        {"GET / HTTP/1\r\n" HOST "\r\n", -400},
        {"GET / HTTP/1.10\r\n" HOST "\r\n", -400},
        {"GET / HTTP/11.1\r\n" HOST "\r\n", -400},
        {"GET / HTTP/1,1\r\n" HOST "\r\n", -400},
        {"GET / HTTP/2.0\r\n" HOST "\r\n", -505},
        {"GET / HTTP/0.9\r\n" HOST "\r\n", -505},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", -505},
        {"\x16\x03\x01\x02", -400},
        {"\n", -400},
        {"\rG", -400},
    };
    CHECK_ALL(examples);
}

TEST(bad_lines)
{
    static const struct example examples[] = {
        {"GET / HTTP/1.1\n" HOST "\r\n", -400},
        {"GET / HTTP/1.1\r\nHost: a\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" HOST "\n", -400},
        {"GET / HTTP/1.1\rHost: a\r\r", -400},
        {"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" HOST "\r\r\n", -400},
        {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" HOST " X: a\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" HOST "X: a\r\n\tb\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" HOST ": a\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" HOST "X\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" HOST "X Y: a\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" HOST "X\"Y: a\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" HOST "X\x80: a\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" HOST "X: a\x01\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" HOST "X: a\x7f\r\n\r\n", -400},
    };
    CHECK_ALL(examples);
    static const char nul[] = "GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n";
    check(nul, sizeof nul - 1, -400);
    static const char nul_target[] = "GET /\0 HTTP/1.1\r\n" HOST "\r\n";
    check(nul_target, sizeof nul_target - 1, -400);
}

TEST(bad_hosts)
{
    static const struct example examples[] = {
        {"GET / HTTP/1.1\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" HOST HOST "\r\n", -400},
        {"GET / HTTP/1.0\r\n" HOST "Host: b\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\nHost: []\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", -400},
    };
    CHECK_ALL(examples);
}

TEST(lengths_that_smuggle)
{
    static const struct example examples[] = {
        {"GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" HOST "Content-Length: 0x1\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" HOST "Content-Length: 1 1\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, chunked\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" HOST
         "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
         -400},
        {"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, gzip\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n", -400},
        {"GET / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", -501},
        {"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n", -501},
        {"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n", -501},
        {"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: \"chunked\"\r\n\r\n", -501},
        {"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n", -400},
    };
    CHECK_ALL(examples);
}

/* A head of exactly n bytes: the request line, Host, and one long field. */
static char *head_of(size_t n)
{
    static const char start[] = "GET / HTTP/1.1\r\n" HOST "X: ";
    char *head = malloc(n);
    memset(head, 'x', n);
    memcpy(head, start, sizeof start - 1);
    memcpy(head + n - 4, "\r\n\r\n", 4);
    return head;
}

TEST(longest_heads)
{
    char *head = head_of(REQUEST_HEAD_MAX);
    check(head, REQUEST_HEAD_MAX, REQUEST_HEAD_MAX);
    free(head);
    head = head_of(REQUEST_HEAD_MAX + 1);
    check(head, REQUEST_HEAD_MAX + 1, -431);
    memset(head + 5, 'y', REQUEST_HEAD_MAX + 1 - 5);
    check(head, REQUEST_HEAD_MAX + 1, -414);
    memset(head, 'A', REQUEST_HEAD_MAX + 1);
    check(head, REQUEST_HEAD_MAX + 1, -501);
    free(head);
}

TEST(long_target_fits)
{
    static char head[REQUEST_HEAD_MAX];
    int n = snprintf(head, sizeof head, "GET /?%0*d HTTP/1.1\r\n" HOST "\r\n", 16300, 0);
    check(head, (size_t)n, n);
}

static void parse(struct request *r, const char *text)
{
    request_init(r);
    CHECK_EQ(request_parse(r, text, strlen(text)), (int)strlen(text));
}

static void check_text(struct text t, const char *expected)
{
    CHECK_MSG(t.n == strlen(expected) && memcmp(t.p, expected, t.n) == 0, "\"%.*s\", not \"%s\"",
              (int)t.n, t.p, expected);
}

TEST(parts_of_the_request)
{
    struct request r;
    parse(&r, "HEAD /a/b?c?d HTTP/1.1\r\nhOST: x\r\nrange:  bytes=0-1 \r\n\r\n");
    CHECK_EQ(r.method, METHOD_HEAD);
    CHECK_EQ(r.minor, 1);
    check_text(r.line, "HEAD /a/b?c?d HTTP/1.1");
    check_text(r.path, "/a/b");
    check_text(r.query, "?c?d");
    check_text(r.first[FIELD_RANGE], "bytes=0-1");
    CHECK(!request_has(&r, FIELD_IF_MATCH));
    parse(&r, "GET http://h:1 HTTP/1.1\r\nHost: x\r\n\r\n");
    check_text(r.path, "/");
    check_text(r.query, "");
    parse(&r, "GET http://h?q/r HTTP/1.1\r\nHost: x\r\n\r\n");
    check_text(r.path, "/");
    check_text(r.query, "?q/r");
    parse(&r, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0012\r\n\r\n");
    CHECK_EQ(r.content_length, 12);
    parse(&r, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551616\r\n\r\n");
    CHECK(r.content_length == UINT64_MAX);
    parse(&r, "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    CHECK(r.chunked);
}

TEST(stops_at_the_end_of_its_head)
{
    struct request r;
    static const char two[] = "GET /1 HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n";
    request_init(&r);
    CHECK_EQ(request_parse(&r, two, sizeof two - 1), 17 + 9 + 2);
    check_text(r.path, "/1");
}

TEST(persistence)
{
    static const struct {
        const char *text;
        bool keep_alive;
    } cases[] = {
        {"GET / HTTP/1.1\r\n" HOST "\r\n", true},
        {"GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\n" HOST "Connection: keep-alive, CLOSE\r\n\r\n", false},
        {"GET / HTTP/1.1\r\n" HOST "Connection: x\r\nConnection: close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\n" HOST "Connection: closed\r\n\r\n", true},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct request r;
        parse(&r, cases[i].text);
        CHECK_MSG(r.keep_alive == cases[i].keep_alive, "%s", cases[i].text);
    }
}

TEST(expectations)
{
    static const struct {
        const char *text;
        enum expect expect;
    } cases[] = {
        {"GET / HTTP/1.1\r\n" HOST "\r\n", EXPECT_NOTHING},
        {"GET / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\n\r\n", EXPECT_CONTINUE},
        {"GET / HTTP/1.1\r\n" HOST "Expect: 100-continue, other\r\n\r\n", EXPECT_UNKNOWN},
        {"GET / HTTP/1.1\r\n" HOST "Expect: 200-ok\r\n\r\n", EXPECT_UNKNOWN},
        {"GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", EXPECT_NOTHING},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct request r;
        parse(&r, cases[i].text);
        CHECK_MSG(r.expect == cases[i].expect, "%s", cases[i].text);
    }
}

TEST(fields_of_several_lines)
{
    struct request r;
    struct text value;
    size_t cursor = 0;
    parse(&r,
          "GET / HTTP/1.1\r\nIf-Match: a\r\n" HOST "if-match:b, c\r\nX: d\r\nIF-MATCH: \r\n\r\n");
    CHECK_EQ(r.count[FIELD_IF_MATCH], 3);
    CHECK(request_field_next(&r, FIELD_IF_MATCH, &cursor, &value));
    check_text(value, "a");
    CHECK(request_field_next(&r, FIELD_IF_MATCH, &cursor, &value));
    check_text(value, "b, c");
    CHECK(request_field_next(&r, FIELD_IF_MATCH, &cursor, &value));
    check_text(value, "");
    CHECK(!request_field_next(&r, FIELD_IF_MATCH, &cursor, &value));
}
