/* SPDX-License-Identifier: BSD-3-Clause */
/* The httpd's reader of chunked bodies: where they end, and which ones are refused. */
#include "harness/test.h"
#include "httpd/chunked.h"

#include <stdio.h>
#include <stdlib.h>

/* All of the bytes in steps: how many belong to the body when it is done, 0 when it is not, or the
 * error. */
static long take(const char *p, size_t n, size_t step, uint64_t max)
{
    struct chunked c;
    size_t at = 0;
    chunked_init(&c);
    while (at < n && c.state != CHUNKED_DONE) {
        size_t some = n - at < step ? n - at : step;
        ssize_t took = chunked_take(&c, p + at, some, max);
        if (took < 0)
            return took;
        at += (size_t)took;
        CHECK((size_t)took == some || c.state == CHUNKED_DONE);
    }
    return c.state == CHUNKED_DONE ? (long)at : 0;
}

static void check(const char *p, size_t n, uint64_t max, long expected)
{
    for (size_t step = 1; step <= n; step = step < 4 ? step + 1 : 2 * step) {
        long r = take(p, n, step, max);
        CHECK_MSG(r == expected, "%ld, not %ld, in steps of %zu: %.100s", r, expected, step, p);
    }
    CHECK_EQ(take(p, n, n, max), expected);
}

#define GOOD(text, rest) check(text rest, sizeof(text rest) - 1, 1000, sizeof(text) - 1)
#define RESULT(text, expected) check(text, sizeof(text) - 1, 1000, expected)

TEST(good_bodies)
{
    GOOD("0\r\n\r\n", "GET");
    GOOD("5\r\nhello\r\n0\r\n\r\n", "");
    GOOD("5\r\nhello\r\n00A\r\n0123456789\r\n000\r\n\r\n", "x");
    GOOD("1;a=b;c=\"d e\"\r\n\0\r\n0;x\r\n\r\n", "\r\n");
    GOOD("1 \t;a\r\nx\r\n0\r\n\r\n", "");
    GOOD("0\r\nX: y\r\nTrailer-2:\r\n\r\n", "0\r\n\r\n");
    GOOD("2\r\n\r\n\r\n0\r\n\r\n", "");
}

TEST(unfinished_bodies)
{
    RESULT("5\r\nhell", 0);
    RESULT("0\r\n", 0);
    RESULT("0\r\n\r", 0);
    RESULT("0\r\nX: y\r\n", 0);
}

TEST(bad_bodies)
{
    RESULT("\r\n", -1);
    RESULT("x\r\n", -1);
    RESULT(" 5\r\nhello\r\n", -1);
    RESULT("-1\r\n", -1);
    RESULT("0x5\r\nhello\r\n", -1);
    RESULT("5\nhello\r\n", -1);
    RESULT("5 \r\nhello\r\n", -1);
    RESULT("5 x\r\nhello\r\n", -1);
    RESULT("5\rhello", -1);
    RESULT("5\r\nhelloX", -1);
    RESULT("5\r\nhello\n0\r\n\r\n", -1);
    RESULT("5\r\nhello\r0\r\n", -1);
    RESULT("5;\n", -1);
    RESULT("5;a\0\r\n", -1);
    RESULT("0\r\n X: y\r\n\r\n", -1);
    RESULT("0\r\nX y: z\r\n\r\n", -1);
    RESULT("0\r\nX: y\n\r\n", -1);
    RESULT("0\r\n\n", -1);
    RESULT("0\r\n\rX", -1);
}

TEST(bounded)
{
    RESULT("3e9\r\n", -2);
    RESULT("fffffffffffffffff\r\n", -2);
    RESULT("ffffffffffffffff\r\n", -2);
    check("1f4\r\n", 5, 500, 0);
    check("1f5\r\n", 5, 500, -2);
    check("5\r\nhello\r\n6\r\n", 13, 10, -2);
    size_t n = CHUNKED_OVERHEAD_MAX + 2;
    char *frames = malloc(n);
    memset(frames, 'a', n);
    memcpy(frames, "1;", 2);
    CHECK_EQ(take(frames, n, n, 1000), -1);
    CHECK_EQ(take(frames, n - 2, n, 1000), 0);
    memset(frames, '0', n);
    CHECK_EQ(take(frames, n, n, 1000), -1);
    free(frames);
}
