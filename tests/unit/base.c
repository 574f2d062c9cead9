/* SPDX-License-Identifier: BSD-3-Clause */
/* The words of the house: fmt against libc's printf, lists, random numbers, atomics' results. */
#include "base/atomic.h"
#include "base/fmt.h"
#include "base/list.h"
#include "base/rand.h"
#include "harness/test.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* --- the smaller and the greater -------------------------------------------------------------- */

static int looks;

/* As of something that others change: each look sees another value. */
static int64_t look(void)
{
    static const int64_t seen[] = {5, -7};

    return seen[looks++ % 2];
}

TEST(min_and_max_look_once)
{
    CHECK_EQ(MIN(look(), 10), 5);
    CHECK_EQ(looks, 1);
    looks = 0;
    CHECK_EQ(MAX(MIN((int64_t)10, look()), 1), 5);
    CHECK_EQ(looks, 1);
    CHECK_EQ(MAX(MIN(1u, 2u), MAX(MIN(4u, 3u), 0)), 3);
}

/* --- fmt -------------------------------------------------------------------------------------- */

#define SAME(...)                                                                                  \
    do {                                                                                           \
        char ours[256], libc[256];                                                                 \
        size_t n_ = fmt_buf(ours, sizeof ours, __VA_ARGS__);                                       \
        CHECK_EQ(n_, snprintf(libc, sizeof libc, __VA_ARGS__));                                    \
        CHECK_STR(ours, libc);                                                                     \
    } while (0)

TEST(fmt_as_printf)
{
    static const int ints[] = {0, 1, -1, 9, 10, -10, 12345, INT_MAX, INT_MIN};
    static const long longs[] = {0, -1, LONG_MAX, LONG_MIN, 1l << 40};

    SAME("plain text, %%, and %c%c", 'a', '%');
    SAME("[%s] [%9s] [%-9s] [%s]", "text", "right", "", "end");
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
        int v = ints[i];

        SAME("[%d] [%5d] [%05d] [%012d] [%i]", v, v, v, v, v);
        SAME("[%u] [%x] [%8x] [%08x] [%3u]", (unsigned)v, (unsigned)v, (unsigned)v, (unsigned)v,
             (unsigned)v);
    }
    for (size_t i = 0; i < sizeof longs / sizeof *longs; i++) {
        long v = longs[i];

        SAME("[%ld] [%25ld] [%025ld] [%lld] [%zd]", v, v, v, (long long)v, (ssize_t)v);
        SAME("[%lu] [%lx] [%zu] [%020lx] [%llx]", (unsigned long)v, (unsigned long)v, (size_t)v,
             (unsigned long)v, (unsigned long long)v);
    }
    SAME("%p %p", (void *)&ints, (void *)0x1000);
    SAME("%d of %s at %p, %ld%%", 7, "nine", (void *)ints, 50l);
}

TEST(fmt_random_numbers)
{
    uint64_t r = test_seed();

    for (int i = 0; i < 20000; i++) {
        uint64_t v = test_rand(&r) >> (test_rand(&r) % 64);

        SAME("%lu|%lx|%ld|%024ld|%22lx", (unsigned long)v, (unsigned long)v, (long)v, (long)-v,
             (unsigned long)v);
    }
}

TEST(fmt_null_string)
{
    char buf[32];
    const char *volatile none = NULL;

    fmt_buf(buf, sizeof buf, "<%s>", none);
    CHECK_STR(buf, "<(null)>");
}

/* What does not fit is cut, never written past the end, and always ended. */
TEST(fmt_cuts)
{
    char buf[16];

    for (size_t n = 0; n <= sizeof buf; n++) {
        size_t got;

        memset(buf, '#', sizeof buf);
        got = fmt_buf(buf, n, "%s%012d", "abc", 7);
        CHECK_EQ(got, n == 0 ? 0 : n - 1 < 15 ? n - 1 : 15);
        CHECK(n == 0 || buf[got] == '\0');
        CHECK(!memcmp(buf, "abc000000000007", got));
        for (size_t i = n; i < sizeof buf; i++)
            CHECK_EQ(buf[i], '#');
    }
}

/* A format that ends in the middle of a directive reads nothing beyond. */
TEST(fmt_broken_format)
{
    const char *volatile broken[] = {"x%", "x%0", "x%12", "x%l", "x%-"};
    char buf[16];

    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
        CHECK_EQ(fmt_buf(buf, sizeof buf, broken[i]), 1);
#pragma GCC diagnostic pop
        CHECK_STR(buf, "x");
    }
}

/* --- list ------------------------------------------------------------------------------------- */

struct item {
    int v;
    struct list link;
};

static void expect_list(const struct list *head, const char *want)
{
    char got[16];
    int n = 0;

    for (struct list *l = head->next; l != head; l = l->next) {
        CHECK(l->next->prev == l && l->prev->next == l);
        got[n++] = (char)('0' + container_of(l, struct item, link)->v);
    }
    got[n] = '\0';
    CHECK_STR(got, want);
}

TEST(list_keeps_order)
{
    struct item item[6];
    struct list head;

    list_init(&head);
    CHECK(list_empty(&head));
    for (int i = 0; i < 6; i++) {
        item[i].v = i;
        if (i % 2)
            list_add_tail(&head, &item[i].link);
        else
            list_add_head(&head, &item[i].link);
    }
    expect_list(&head, "420135");
    list_del(&item[4].link);
    list_del(&item[5].link);
    list_del(&item[0].link);
    expect_list(&head, "213");
    CHECK(list_empty(&item[0].link)); /* one that is out may be taken out again */
    list_del(&item[0].link);
    expect_list(&head, "213");
    list_del(&item[2].link);
    list_del(&item[1].link);
    list_del(&item[3].link);
    CHECK(list_empty(&head));
}

/* --- rand ------------------------------------------------------------------------------------- */

/* Below its bound, each number about as often as the next, and the same again from the same
 * seed. */
TEST(rand_is_uniform_and_repeats)
{
    enum { N = 100000 };
    static const uint32_t bounds[] = {1, 2, 3, 7, 10, 64};

    for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++) {
        uint64_t r = 42, again = 42;
        long count[64] = {0}, expected = N / bounds[b];

        for (int i = 0; i < N; i++) {
            uint32_t v = rand_below(&r, bounds[b]);

            CHECK_LT(v, bounds[b]);
            CHECK_EQ(v, rand_below(&again, bounds[b]));
            count[v]++;
        }
        /* The seed is fixed, so this says the same each time; ten per cent is far outside
         * chance. */
        for (uint32_t v = 0; v < bounds[b]; v++) {
            CHECK_GT(count[v], expected - expected / 10 - 1);
            CHECK_LT(count[v], expected + expected / 10 + 1);
        }
    }
}

/* --- atomic ----------------------------------------------------------------------------------- */

TEST(atomics_say_what_they_did)
{
    uint32_t v = 5;
    uint64_t n = 1;

    CHECK(!cas_acqrel(&v, 4, 6));
    CHECK_EQ(v, 5);
    CHECK(cas_acqrel(&v, 5, 6));
    CHECK_EQ(xchg_acqrel(&v, 7), 6);
    CHECK_EQ(fetch_add_acqrel(&v, 3), 7);
    CHECK_EQ(fetch_or_acqrel(&v, 0x10), 10);
    CHECK_EQ(fetch_and_acqrel(&v, 0x12), 0x1a);
    CHECK_EQ(load_seqcst(&v), 0x12);
    count_owned(&n);
    CHECK_EQ(load_relaxed(&n), 2);
}
