/* SPDX-License-Identifier: BSD-3-Clause */
/* sync_map: the concurrent map, alone and under contention. */
#include "harness/test.h"
#include <errno.h>
#include <gamp/chan.h>
#include <gamp/go.h>
#include <gamp/panic.h>
#include <gamp/run.h>
#include <gamp/sync.h>
#include <gamp/time.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gamp_waitgroup wg;

static gamp_bytes key_of(char *buf, long k)
{
    return (gamp_bytes){buf, (size_t)sprintf(buf, "key %ld", k)};
}

static void *value_of(long v)
{
    return (void *)(v + 1);
}

static void one_at_a_time(void)
{
    gamp_map *m = gamp_map_new();
    gamp_bytes k = GAMP_BYTES("a"), empty = {NULL, 0};
    void *v = m;

    CHECK(m != NULL);
    errno = 77;
    CHECK(!gamp_map_load(m, k, &v));
    CHECK(v == m); /* left alone */
    CHECK(!gamp_map_delete(m, k));
    CHECK(!gamp_map_load_and_delete(m, k, &v));
    CHECK(!gamp_map_compare_and_swap(m, k, NULL, m));
    CHECK_EQ(gamp_map_store(m, k, value_of(1)), 0);
    CHECK(gamp_map_load(m, k, &v) && v == value_of(1));
    CHECK(gamp_map_load(m, k, NULL));
    CHECK_EQ(gamp_map_store(m, k, value_of(2)), 0);
    CHECK_EQ(gamp_map_swap(m, k, value_of(3), &v), 1);
    CHECK(v == value_of(2));
    CHECK_EQ(gamp_map_load_or_store(m, k, value_of(9), &v), 1);
    CHECK(v == value_of(3));
    CHECK(!gamp_map_compare_and_swap(m, k, value_of(2), value_of(4)));
    CHECK(gamp_map_compare_and_swap(m, k, value_of(3), value_of(4)));
    CHECK(gamp_map_load_and_delete(m, k, &v) && v == value_of(4));
    CHECK(!gamp_map_load(m, k, &v));
    CHECK_EQ(gamp_map_swap(m, k, NULL, &v), 0);
    CHECK(v == NULL);
    CHECK(gamp_map_load(m, k, &v) && v == NULL); /* NULL is a value */
    CHECK(gamp_map_delete(m, k));
    CHECK_EQ(gamp_map_load_or_store(m, k, value_of(5), &v), 0);
    CHECK(v == value_of(5));
    CHECK_EQ(gamp_map_load_or_store(m, empty, value_of(6), NULL), 0);
    CHECK(gamp_map_load(m, empty, &v) && v == value_of(6));
    CHECK(gamp_map_load(m, (gamp_bytes){"", 0}, &v) && v == value_of(6));
    CHECK(!gamp_map_load(m, GAMP_BYTES("a\0b"), &v));
    CHECK_EQ(gamp_map_store(m, GAMP_BYTES("a\0b"), value_of(7)), 0);
    CHECK_EQ(gamp_map_store(m, GAMP_BYTES("a\0c"), value_of(8)), 0);
    CHECK(gamp_map_load(m, GAMP_BYTES("a\0b"), &v) && v == value_of(7));
    CHECK_EQ(errno, 77);
    gamp_map_free(m);
    gamp_map_free(NULL);
}

TEST_GO(operations)
{
    one_at_a_time();
}

TEST(operations_without_a_runtime)
{
    one_at_a_time();
}

TEST_GO(keys_are_copied)
{
    gamp_map *m = gamp_map_new();
    char buf[] = "abc";
    void *v;

    CHECK_EQ(gamp_map_store(m, (gamp_bytes){buf, 3}, value_of(1)), 0);
    memset(buf, 'x', 3);
    CHECK(gamp_map_load(m, GAMP_BYTES("abc"), &v));
    CHECK(!gamp_map_load(m, GAMP_BYTES("xxx"), &v));
    gamp_map_free(m);
}

struct seen {
    gamp_map *m;
    unsigned char *times;
    long n, calls;
    int what;
};

static bool mark(gamp_bytes key, void *value, void *arg)
{
    struct seen *s = arg;
    long k = (long)value - 1;
    char buf[32];
    gamp_bytes same = key_of(buf, k);

    CHECK(same.len == key.len && memcmp(same.ptr, key.ptr, key.len) == 0);
    if (k < s->n)
        CHECK_EQ(s->times[k]++, 0);
    s->calls++;
    return true;
}

/* Against a plain table of what is in it; sizes from few to many, so that all tables grow. */
TEST_GO_WITHIN(like_a_plain_table, 60)
{
    enum { KEYS = 100000 };
    gamp_map *m = gamp_map_new();
    long *model = calloc(KEYS, sizeof *model); /* value + 1; 0: not there */
    unsigned char *times = calloc(KEYS, 1);
    struct seen s = {.times = times, .n = KEYS};
    uint64_t rand = test_seed();
    long there = 0;
    char buf[32];

    for (int i = 0; i < 500000; i++) {
        uint64_t r = test_rand(&rand);
        long k = (long)(r % (i < 1000 ? 10 : KEYS));
        gamp_bytes key = key_of(buf, k);
        void *v = NULL;

        switch (r >> 40 & 7) {
        case 0:
            CHECK_EQ(gamp_map_load_and_delete(m, key, &v), model[k] != 0);
            there -= model[k] != 0;
            model[k] = 0;
            break;
        case 1:
            CHECK_EQ(gamp_map_load(m, key, &v), model[k] != 0);
            CHECK(v == (void *)model[k]);
            break;
        case 2:
            CHECK_EQ(gamp_map_load_or_store(m, key, value_of(k), &v), model[k] != 0);
            there += model[k] == 0;
            model[k] = k + 1;
            break;
        case 3:
            CHECK_EQ(gamp_map_compare_and_swap(m, key, value_of(k), value_of(k)), model[k] != 0);
            break;
        default:
            CHECK_EQ(gamp_map_store(m, key, value_of(k)), 0);
            there += model[k] == 0;
            model[k] = k + 1;
        }
    }
    gamp_map_range(m, mark, &s);
    CHECK_EQ(s.calls, there);
    for (long k = 0; k < KEYS; k++)
        CHECK_EQ(times[k], model[k] != 0);
    gamp_map_free(m);
    free(model);
    free(times);
}

/* ---- under contention ---- */

enum { SHARED = 512, ROUNDS = 20000 };
static gamp_map *shared;
static _Atomic long balance[SHARED]; /* +1 when it is stored anew, -1 when it is deleted */

static void add_and_take(int n)
{
    uint64_t rand = test_seed() + (uint64_t)n;
    char buf[32];

    for (int i = 0; i < ROUNDS; i++) {
        uint64_t r = test_rand(&rand);
        long k = (long)(r % SHARED);
        gamp_bytes key = key_of(buf, k);
        void *v = value_of(k);

        if (r >> 50 & 1)
            balance[k] += gamp_map_load_or_store(shared, key, value_of(k), &v) == 0;
        else if (r >> 51 & 1)
            balance[k] -= gamp_map_load_and_delete(shared, key, &v);
        else
            gamp_map_load(shared, key, &v);
        CHECK(v == value_of(k));
    }
    gamp_waitgroup_done(&wg);
}

static void *add_and_take_thread(void *n)
{
    add_and_take((int)(intptr_t)n);
    return NULL;
}

TEST_GO_WITHIN(each_key_is_there_once_or_not_at_all, 60)
{
    pthread_t t[2];
    char buf[32];
    void *v;

    shared = gamp_map_new();
    gamp_waitgroup_add(&wg, 8);
    for (int i = 0; i < 6; i++)
        CHECK_EQ(gamp_go(add_and_take, i), 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&t[i], NULL, add_and_take_thread, (void *)(intptr_t)(50 + i)), 0);
    gamp_waitgroup_wait(&wg);
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    for (long k = 0; k < SHARED; k++)
        CHECK_EQ(balance[k], gamp_map_load(shared, key_of(buf, k), &v));
    gamp_map_free(shared);
}

static void count_up(int n)
{
    char buf[32];

    for (int i = 0; i < 5000; i++) {
        gamp_bytes key = key_of(buf, (i + n) % 4);
        void *old = NULL;

        do
            gamp_map_load(shared, key, &old);
        while (!gamp_map_compare_and_swap(shared, key, old, (void *)((intptr_t)old + 1)));
    }
    gamp_waitgroup_done(&wg);
}

TEST_GO_WITHIN(compare_and_swap_loses_nothing, 60)
{
    char buf[32];
    intptr_t sum = 0;
    void *v;

    shared = gamp_map_new();
    for (long k = 0; k < 4; k++)
        CHECK_EQ(gamp_map_store(shared, key_of(buf, k), NULL), 0);
    gamp_waitgroup_add(&wg, 4);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(gamp_go(count_up, i), 0);
    gamp_waitgroup_wait(&wg);
    for (long k = 0; k < 4; k++) {
        CHECK(gamp_map_load(shared, key_of(buf, k), &v));
        sum += (intptr_t)v;
    }
    CHECK_EQ(sum, 4 * 5000);
    gamp_map_free(shared);
}

static _Atomic bool stop;

static void churn(long from)
{
    char buf[32];

    while (!stop) {
        for (long k = from; k < from + 500; k++)
            CHECK_EQ(gamp_map_store(shared, key_of(buf, k), value_of(k)), 0);
        for (long k = from; k < from + 500; k++)
            CHECK(gamp_map_delete(shared, key_of(buf, k)));
        gamp_gosched();
    }
    gamp_waitgroup_done(&wg);
}

static bool mark_and_change(gamp_bytes key, void *value, void *arg)
{
    struct seen *s = arg;
    char buf[32], copy[32];

    memcpy(copy, key.ptr, key.len);
    mark(key, value, arg);
    switch (s->calls % 5) {
    case 0:
        gamp_gosched();
        break;
    case 1:
        if (s->calls % 100 == 1)
            gamp_sleep(1000);
        break;
    case 2:
        CHECK_EQ(gamp_map_store(s->m, key, value), 0);
        break;
    case 3:
        /* Away and back again: it must not come twice. */
        if ((long)value <= s->n) {
            gamp_map_delete(s->m, key);
            for (int i = 0; i < 40; i++) {
                gamp_map_store(s->m, key_of(buf, 2000000 + i), value_of(2000000 + i));
                gamp_map_delete(s->m, key_of(buf, 2000000 + i));
            }
            CHECK(memcmp(copy, key.ptr, key.len) == 0); /* it is ours during the call */
            CHECK_EQ(gamp_map_store(s->m, (gamp_bytes){copy, key.len}, value), 0);
        }
        break;
    }
    return true;
}

TEST_GO_WITHIN(range_gives_each_key_that_stays_once, 60)
{
    enum { STAY = 2000 };
    unsigned char *times = calloc(STAY, 1);
    char buf[32];

    shared = gamp_map_new();
    for (long k = 0; k < STAY; k++)
        CHECK_EQ(gamp_map_store(shared, key_of(buf, k), value_of(k)), 0);
    gamp_waitgroup_add(&wg, 2);
    CHECK_EQ(gamp_go(churn, 1000000L), 0);
    CHECK_EQ(gamp_go(churn, 1500000L), 0);
    for (int round = 0; round < 5; round++) {
        struct seen s = {.m = shared, .times = times, .n = STAY};

        memset(times, 0, STAY);
        gamp_map_range(shared, mark_and_change, &s);
        for (long k = 0; k < STAY; k++)
            CHECK_MSG(times[k] == 1, "key %ld came %d times", k, times[k]);
    }
    stop = true;
    gamp_waitgroup_wait(&wg);
    gamp_map_free(shared);
    free(times);
}

static bool three(gamp_bytes key, void *value, void *arg)
{
    (void)key;
    (void)value;
    return ++*(int *)arg < 3;
}

static bool dies(gamp_bytes key, void *value, void *arg)
{
    (void)key;
    (void)value;
    gamp_panic("%s", (const char *)arg);
}

static void range_dies(void *m)
{
    gamp_map_range(m, dies, "in range");
}

static bool nested(gamp_bytes key, void *value, void *arg)
{
    struct seen *s = arg;
    int n = -1000;

    (void)key;
    (void)value;
    gamp_map_range(s->m, three, &n);
    CHECK_EQ(n, -990);
    s->calls++;
    return true;
}

TEST_GO(range_ends_early_nests_and_panics)
{
    gamp_map *m = gamp_map_new();
    struct seen s = {.m = m};
    char buf[32];
    int n = 0;

    gamp_map_range(m, three, &n);
    CHECK_EQ(n, 0);
    for (long k = 0; k < 10; k++)
        CHECK_EQ(gamp_map_store(m, key_of(buf, k), value_of(k)), 0);
    gamp_map_range(m, three, &n);
    CHECK_EQ(n, 3);
    gamp_map_range(m, nested, &s);
    CHECK_EQ(s.calls, 10);
    CHECK_EQ(gamp_protect(range_dies, m, NULL), -EFAULT);
    gamp_map_free(m);
}

static bool delete_it(gamp_bytes key, void *value, void *arg)
{
    (void)value;
    CHECK(gamp_map_delete(arg, key));
    return true;
}

/* What was deleted is freed while the map lives: a million pass through a small map. */
TEST_GO_WITHIN(deleted_memory_comes_back, 60)
{
    enum { KEY = 4096 };
    static char big[KEY];
    gamp_map *m = gamp_map_new();
    long before = 0, after = 0;
    FILE *f;

    for (int i = 0; i < 200000; i++) {
        memcpy(big, &i, sizeof i);
        CHECK_EQ(gamp_map_store(m, (gamp_bytes){big, KEY}, m), 0);
        if (i % 100 == 99)
            gamp_map_range(m, delete_it, m);
        if (i == 20000 || i == 199999) {
            f = fopen("/proc/self/statm", "r");
            CHECK_EQ(fscanf(f, "%*s %ld", i == 20000 ? &before : &after), 1);
            fclose(f);
        }
    }
    /* 180,000 nodes of a page each would be as many pages more. AddressSanitizer keeps 65,536
     * back. */
    CHECK_MSG(after < before + 90000, "%ld pages, then %ld", before, after);
    gamp_map_free(m);
}
