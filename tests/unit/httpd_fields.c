/* SPDX-License-Identifier: BSD-3-Clause */
/* The httpd's dates, ranges, conditions and content types. */
#include "harness/test.h"
#include "httpd/condition.h"
#include "httpd/date.h"
#include "httpd/entity.h"
#include "httpd/mime.h"
#include "httpd/range.h"

#include <stdio.h>
#include <stdlib.h>

static struct text text_of(const char *s)
{
    return (struct text){s, strlen(s)};
}

TEST(dates_are_written)
{
    static const struct {
        time_t t;
        const char *text;
    } cases[] = {
        {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
        {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {-1, "Wed, 31 Dec 1969 23:59:59 GMT"},
        {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
        {4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"},
        {253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"},
        {253402300800, "Fri, 31 Dec 9999 23:59:59 GMT"},
        {-62135596800, "Mon, 01 Jan 0001 00:00:00 GMT"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[DATE_LEN + 1] = {0};
        date_format(cases[i].t, text);
        CHECK_STR(text, cases[i].text);
    }
}

TEST(dates_agree_with_libc)
{
    uint64_t seed = test_seed();
    for (int i = 0; i < 20000; i++) {
        time_t t = (time_t)(test_rand(&seed) % 253402300800u), back;
        char ours[DATE_LEN + 1] = {0}, libcs[64];
        struct tm tm;
        date_format(t, ours);
        gmtime_r(&t, &tm);
        strftime(libcs, sizeof libcs, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        CHECK_STR(ours, libcs);
        CHECK(date_parse(text_of(ours), 0, &back));
        CHECK_EQ(back, t);
        strftime(libcs, sizeof libcs, "%a %b %e %H:%M:%S %Y", &tm);
        CHECK(date_parse(text_of(libcs), 0, &back));
        CHECK_EQ(back, t);
    }
}

TEST(dates_are_read)
{
    time_t now = 1700000000, t; /* 2023 */
    CHECK(date_parse(TEXT("Sunday, 06-Nov-94 08:49:37 GMT"), now, &t));
    CHECK_EQ(t, 784111777);
    CHECK(date_parse(TEXT("Sun Nov  6 08:49:37 1994"), now, &t));
    CHECK_EQ(t, 784111777);
    CHECK(date_parse(TEXT("Friday, 01-Jan-73 00:00:00 GMT"), now, &t));
    CHECK_EQ(t, 3250454400); /* 50 years ahead is still ahead */
    CHECK(date_parse(TEXT("Friday, 01-Jan-74 00:00:00 GMT"), now, &t));
    CHECK_EQ(t, 126230400);
    CHECK(date_parse(TEXT("Sat, 31 Dec 2016 23:59:60 GMT"), now, &t));
    CHECK_EQ(t, 1483228800);
}

TEST(bad_dates)
{
    static const char *const bad[] = {
        "",
        "Sun",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 29 Feb 1900 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "784111777",
        "Sun Nov 06 08:49:37 1994 GMT",
        "Sun, -6 Nov 1994 08:49:37 GMT",
        "Sun Nov +6 08:49:37 1994",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        time_t t = 5;
        CHECK_MSG(!date_parse(text_of(bad[i]), 0, &t), "%s", bad[i]);
        CHECK_EQ(t, 5);
    }
}

/* The ranges as text: "0-4 7-9", or "ignore", "none". */
static void check_ranges(const char *value, uint64_t size, const char *expected)
{
    struct range ranges[RANGE_MAX];
    size_t n;
    char got[RANGE_MAX * 44] = "";
    char *copy = malloc(strlen(value)); /* a sanitizer sees a read behind it */
    memcpy(copy, value, strlen(value));
    switch (range_parse((struct text){copy, strlen(value)}, size, ranges, &n)) {
    case RANGE_IGNORE:
        strcpy(got, "ignore");
        break;
    case RANGE_UNSATISFIABLE:
        strcpy(got, "none");
        break;
    case RANGE_PARTIAL:
        for (size_t i = 0; i < n; i++) {
            CHECK(ranges[i].first <= ranges[i].last && ranges[i].last < size);
            sprintf(got + strlen(got), i ? " %llu-%llu" : "%llu-%llu",
                    (unsigned long long)ranges[i].first, (unsigned long long)ranges[i].last);
        }
    }
    free(copy);
    CHECK_MSG(strcmp(got, expected) == 0, "%s of %llu: %s, not %s", value, (unsigned long long)size,
              got, expected);
}

TEST(ranges)
{
    check_ranges("bytes=0-4", 10, "0-4");
    check_ranges("Bytes=0-0", 10, "0-0");
    check_ranges("bytes=9-9", 10, "9-9");
    check_ranges("bytes=5-", 10, "5-9");
    check_ranges("bytes=5-999", 10, "5-9");
    check_ranges("bytes=-3", 10, "7-9");
    check_ranges("bytes=-30", 10, "0-9");
    check_ranges("bytes=0-0,-1", 10, "0-0 9-9");
    check_ranges("bytes= 4-5 , ,1-2", 10, "4-5 1-2");
    check_ranges("bytes=0-18446744073709551616", 10, "0-9");
    check_ranges("bytes=10-", 10, "none");
    check_ranges("bytes=-0", 10, "none");
    check_ranges("bytes=99999999999999999999-", 10, "none");
    check_ranges("bytes=0-", 0, "none");
    check_ranges("bytes=-5", 0, "none");
    check_ranges("bytes=20-30,1-2", 10, "1-2");
    check_ranges("bytes=0-5,3-8", 20, "0-5 3-8");
    check_ranges("bytes=6-9,0-7,8-9", 10, "0-9");
    check_ranges("bytes=8-9,0-4,0-4", 10, "0-4 8-9");
}

TEST(ranges_that_are_ignored)
{
    static const char *const ignored[] = {
        "",           "bytes",       "bytes=",        "bytes=,",     "bytes 0-4",
        "bytes =0-4", "items=0-4",   "bytes=a-4",     "bytes=4-0",   "bytes=-",
        "bytes=0",    "bytes=0-4-5", "bytes=0-4;5-6", "bytes=0 - 4", "bytes=+0-4",
        "bytes=--4",  "bytes=0-4,x", "bytes=0x0-4",
    };
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        check_ranges(ignored[i], 10, "ignore");
    char many[8 * (RANGE_MAX + 2)] = "bytes=0-0";
    for (int i = 1; i < RANGE_MAX; i++)
        strcat(many, ",1-1");
    struct range ranges[RANGE_MAX];
    size_t n;
    CHECK_EQ(range_parse(text_of(many), 1000, ranges, &n), RANGE_PARTIAL);
    CHECK_EQ(n, RANGE_MAX);
    strcat(many, ",2-2");
    CHECK_EQ(range_parse(text_of(many), 1000, ranges, &n), RANGE_IGNORE);
}

/* What a conditional GET gives; `fields` are whole lines. The file's tag is "v1", its time `t`. */
static int condition(const char *fields, time_t t, bool *range)
{
    static char head[2048];
    static const char tag[] = "\"v1\"";
    struct request r;
    struct validators v = {.etag = {tag, t ? 4 : 0}, .dated = t != 0, .modified = t};
    int n = snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", fields);
    request_init(&r);
    CHECK_EQ(request_parse(&r, head, (size_t)n), n);
    *range = condition_range(&r, &v, 1700000000);
    return condition_check(&r, &v, 1700000000);
}

#define AT "Sun, 06 Nov 1994 08:49:37 GMT"
#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define AFTER "Sun, 06 Nov 1994 08:49:38 GMT"

TEST(conditions)
{
    static const struct {
        const char *fields;
        int status;
    } cases[] = {
        {"", 0},
        {"If-Match: \"v1\"\r\n", 0},
        {"If-Match: \"v0\", \"v1\"\r\n", 0},
        {"If-Match: \"v0\"\r\nIf-Match: \"v1\"\r\n", 0},
        {"If-Match: *\r\n", 0},
        {"If-Match: W/\"v1\"\r\n", 412},
        {"If-Match: \"v0\"\r\n", 412},
        {"If-Match: v1\r\n", 412},
        {"If-Match: \"v0,\"v1\"\r\n", 412},
        {"If-Match:\r\n", 412},
        {"If-None-Match: \"v1\"\r\n", 304},
        {"If-None-Match: W/\"v1\"\r\n", 304},
        {"If-None-Match: \"a,b\", W/\"v1\"\r\n", 304},
        {"If-None-Match: *\r\n", 304},
        {"If-None-Match: \"v0\"\r\n", 0},
        {"If-None-Match: w/\"v1\"\r\n", 0},
        {"If-Unmodified-Since: " AT "\r\n", 0},
        {"If-Unmodified-Since: " AFTER "\r\n", 0},
        {"If-Unmodified-Since: " BEFORE "\r\n", 412},
        {"If-Unmodified-Since: yesterday\r\n", 0},
        {"If-Modified-Since: " AT "\r\n", 304},
        {"If-Modified-Since: " AFTER "\r\n", 304},
        {"If-Modified-Since: " BEFORE "\r\n", 0},
        {"If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\r\n", 304},
        {"If-Modified-Since: Sun Nov  6 08:49:37 1994\r\n", 304},
        {"If-Modified-Since: 0\r\n", 0},
        {"If-Modified-Since: " AT "\r\nIf-Modified-Since: " AT "\r\n", 0},
        /* Precedence. */
        {"If-Match: \"v1\"\r\nIf-Unmodified-Since: " BEFORE "\r\n", 0},
        {"If-None-Match: \"v0\"\r\nIf-Modified-Since: " AT "\r\n", 0},
        {"If-Match: \"v0\"\r\nIf-None-Match: \"v1\"\r\n", 412},
        {"If-Match: \"v1\"\r\nIf-None-Match: \"v1\"\r\n", 304},
        {"If-Unmodified-Since: " BEFORE "\r\nIf-None-Match: \"v1\"\r\n", 412},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool range;
        int status = condition(cases[i].fields, 784111777, &range);
        CHECK_MSG(status == cases[i].status, "%d, not %d: %s", status, cases[i].status,
                  cases[i].fields);
    }
}

TEST(conditions_without_validators)
{
    bool range;
    CHECK_EQ(condition("If-Match: \"v1\"\r\n", 0, &range), 412);
    CHECK_EQ(condition("If-Match: *\r\n", 0, &range), 0);
    CHECK_EQ(condition("If-None-Match: *\r\n", 0, &range), 304);
    CHECK_EQ(condition("If-Modified-Since: " AT "\r\n", 0, &range), 0);
    CHECK_EQ(condition("If-Unmodified-Since: " BEFORE "\r\n", 0, &range), 0);
    CHECK_EQ(condition("If-Range: \"v1\"\r\n", 0, &range), 0);
    CHECK(!range);
}

TEST(if_range)
{
    static const struct {
        const char *fields;
        bool range;
    } cases[] = {
        {"", true},
        {"If-Range: \"v1\"\r\n", true},
        {"If-Range: W/\"v1\"\r\n", false},
        {"If-Range: \"v0\"\r\n", false},
        {"If-Range: \"v1\", \"v1\"\r\n", false},
        {"If-Range: *\r\n", false},
        {"If-Range: " AT "\r\n", true},
        {"If-Range: " AFTER "\r\n", false},
        {"If-Range: " BEFORE "\r\n", false},
        {"If-Range: \"v1\"\r\nIf-Range: \"v1\"\r\n", false},
        {"If-Range:\r\n", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool range;
        condition(cases[i].fields, 784111777, &range);
        CHECK_MSG(range == cases[i].range, "%s", cases[i].fields);
    }
}

static void check_type(const char *path, const char *type)
{
    struct text got = mime_type(text_of(path));
    CHECK_MSG(text_eq(got, text_of(type)), "%s: %.*s", path, (int)got.n, got.p);
}

TEST(content_types)
{
    check_type("index.html", "text/html; charset=utf-8");
    check_type("a/b/INDEX.HTM", "text/html; charset=utf-8");
    check_type("a.tar.gz", "application/gzip");
    check_type("a.7z", "application/x-7z-compressed");
    check_type("a.zst", "application/zstd");
    check_type("a.avi", "video/x-msvideo");
    check_type("a.avif", "image/avif");
    check_type("a.webmanifest", "application/manifest+json");
    check_type("a.json", "application/json");
    check_type("a.c", "text/plain; charset=utf-8");
    check_type("a.jso", "application/octet-stream");
    check_type("a.", "application/octet-stream");
    check_type("a.html/b", "application/octet-stream");
    check_type("html", "application/octet-stream");
    check_type("", "application/octet-stream");
    check_type("a.averylongextension", "application/octet-stream");
}

TEST(entity_tags_tell_versions_apart)
{
    struct version v = {.dev = 1, .ino = 2, .size = 3, .modified = {4, 5}, .changed = {6, 7}};
    struct version other[] = {v, v, v, v};
    struct entity e, o;
    other[0].ino++;
    other[1].size++;
    other[2].modified.tv_nsec++;
    other[3].modified.tv_sec++;
    entity_of(&v, TEXT("a.txt"), 4, &e);
    CHECK(e.dated && e.modified == 4 && e.size == 3);
    CHECK(e.etag[0] == '"' && e.etag[e.etag_len - 1] == '"' && e.etag_len <= ENTITY_ETAG_MAX);
    for (int i = 0; i < 4; i++) {
        entity_of(&other[i], TEXT("a.txt"), 4, &o);
        CHECK(!version_equal(&v, &other[i]));
        CHECK(!text_eq((struct text){e.etag, e.etag_len}, (struct text){o.etag, o.etag_len}));
    }
    entity_of(&v, TEXT("a.txt"), 3, &o);
    CHECK(!o.dated); /* from the future */
    v = (struct version){.ino = UINT64_MAX, .size = INT64_MAX, .modified = {INT64_MAX, 999999999}};
    entity_of(&v, TEXT(""), 0, &o);
    CHECK_LE(o.etag_len, ENTITY_ETAG_MAX);
}
