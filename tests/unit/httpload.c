/* SPDX-License-Identifier: BSD-3-Clause */
/* The load generator's reader of responses and its histogram. */
#include "harness/test.h"
#include "httpload/histogram.h"
#include "httpload/response.h"

#include <string.h>

TEST(percentiles)
{
    static struct histogram h, other, all;
    CHECK_EQ(histogram_percentile(&h, 50), 0);
    for (int i = 1; i <= 100; i++)
        histogram_add(i & 1 ? &h : &other, i * 1000000);
    histogram_merge(&all, &h);
    histogram_merge(&all, &other);
    CHECK_EQ(all.count, 100);
    CHECK_EQ(all.max, 100000000);
    for (int percent = 1; percent <= 100; percent++) {
        int64_t exact = percent * 1000000, got = histogram_percentile(&all, percent);
        CHECK_GE(got, exact);
        CHECK_LE(got, exact + exact / 32);
    }
    CHECK_EQ(histogram_percentile(&all, 100), 100000000);
}

TEST(every_duration_has_its_bucket)
{
    uint64_t seed = test_seed();
    for (int i = 0; i < 3000; i++) {
        static struct histogram h;
        int64_t v = (int64_t)(test_rand(&seed) >> (20 + test_rand(&seed) % 44));
        memset(&h, 0, sizeof h);
        histogram_add(&h, v);
        CHECK_EQ(histogram_percentile(&h, 50), v); /* never above the largest */
        histogram_add(&h, INT64_MAX);
        int64_t got = histogram_percentile(&h, 50);
        CHECK_GE(got, v);
        CHECK(got <= v + v / 32 || got == INT64_MAX);
    }
}

/* Takes all the bytes in steps; how many belong to the first response, 0 if it is not complete. */
static long take(struct response *r, const char *p, size_t step)
{
    size_t n = strlen(p), at = 0;
    response_init(r);
    while (at < n && r->state != RESPONSE_DONE) {
        size_t some = n - at < step ? n - at : step;
        ssize_t took = response_take(r, p + at, some);
        if (took < 0)
            return -1;
        at += (size_t)took;
    }
    return r->state == RESPONSE_DONE ? (long)at : 0;
}

static void check(const char *text, const char *rest, int status, bool close)
{
    char all[1024];
    strcat(strcpy(all, text), rest);
    for (size_t step = 1; step < 64; step += 3) {
        struct response r;
        CHECK_EQ(take(&r, all, step), (long)strlen(text));
        CHECK_EQ(r.status, status);
        CHECK_EQ(r.close, close);
    }
}

TEST(responses)
{
    check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1", 200, false);
    check("HTTP/1.1 200 OK\r\ncontent-length:0\r\nConnection: close\r\n\r\n", "", 200, true);
    check("HTTP/1.0 404 No\r\nContent-Length: 2\r\n\r\nno", "x", 404, true);
    check("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nno", "", 200,
          false);
    check("HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n", "HTTP/1.1 200", 304, false);
    check("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", "y", 200,
          false);
    check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
          "5;x=y\r\nhello\r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\n",
          "HTTP/1.1", 200, false);
}

TEST(responses_to_the_end_of_the_stream)
{
    struct response r;
    CHECK_EQ(take(&r, "HTTP/1.1 200 OK\r\n\r\nas long as it lasts", 7), 0);
    CHECK(response_ends(&r) && r.close);
    CHECK_EQ(take(&r, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", 7), 0);
    CHECK(!response_ends(&r));
    CHECK_EQ(take(&r, "HTTP/1.1 200", 7), 0);
    CHECK(!response_ends(&r));
}

TEST(no_responses)
{
    static const char *const bad[] = {
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1\r\n",
        "\r\n",
        "HTTP/1.1 abc\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n"};
    struct response r;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_EQ(take(&r, bad[i], 5), -1);
}
