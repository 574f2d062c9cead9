/* SPDX-License-Identifier: BSD-3-Clause */
/* sync_pool: objects come back, each to one owner, and none is lost. */
#include "harness/test.h"
#include <errno.h>
#include <gamp/go.h>
#include <gamp/run.h>
#include <gamp/sync.h>
#include <gamp/time.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static gamp_waitgroup wg;
static gamp_pool pool;
static _Atomic long made, freed;

struct object {
    _Atomic int owners;
    int id;
};

static void *make(void)
{
    struct object *o = calloc(1, sizeof *o);

    o->id = (int)++made;
    return o;
}

static void destroy(void *o)
{
    CHECK_EQ(((struct object *)o)->owners, 0);
    freed++;
    free(o);
}

static void basics(void)
{
    gamp_pool p = {0};
    int a, b;

    CHECK(gamp_pool_get(&p) == NULL);
    gamp_pool_put(&p, NULL);
    CHECK(gamp_pool_get(&p) == NULL);
    gamp_pool_put(&p, &a);
    gamp_pool_put(&p, &b);
    CHECK(gamp_pool_get(&p) != gamp_pool_get(&p));
    CHECK(gamp_pool_get(&p) == NULL);
    gamp_pool_put(&p, &a);
    gamp_pool_free(&p); /* no free_fn */
    CHECK(gamp_pool_get(&p) == NULL);

    made = freed = 0;
    gamp_pool_init(&p, make, destroy);
    struct object *o = gamp_pool_get(&p), *q = gamp_pool_get(&p);
    CHECK_EQ(made, 2);
    gamp_pool_put(&p, o);
    CHECK(gamp_pool_get(&p) == o);
    gamp_pool_put(&p, o);
    gamp_pool_put(&p, q);
    gamp_pool_free(&p);
    CHECK_EQ(freed, 2);
    CHECK(gamp_pool_get(&p) == NULL); /* as before init: no new_fn */
    gamp_pool_put(&p, &a);
    CHECK(gamp_pool_get(&p) == &a);
    gamp_pool_free(&p);
    gamp_pool_free(&p);
    gamp_pool_free(NULL);
}

TEST_GO(operations)
{
    errno = 99;
    basics();
    CHECK_EQ(errno, 99);
}

TEST(operations_without_a_runtime)
{
    basics();
}

TEST_GO(nothing_that_was_put_is_lost)
{
    enum { N = 10000 };
    char *seen = calloc(N, 1), *base = malloc(N), *x;
    int n = 0;

    for (int i = 0; i < N; i++) {
        gamp_pool_put(&pool, base + i);
        if (i % 100 == 0)
            gamp_gomaxprocs(1 + i / 100 % 7);
        if (i % 10 == 0)
            gamp_gosched();
    }
    while ((x = gamp_pool_get(&pool)) != NULL) {
        CHECK_EQ(seen[x - base]++, 0);
        n++;
        if (n % 1000 == 0)
            gamp_gomaxprocs(1 + n / 1000 % 5);
    }
    CHECK_EQ(n, N);
    gamp_pool_free(&pool);
    free(seen);
    free(base);
}

static void use(int n)
{
    uint64_t rand = test_seed() + (uint64_t)n;
    struct object *held[16] = {NULL};

    for (int i = 0; i < 20000; i++) {
        uint64_t r = test_rand(&rand);
        struct object **h = &held[r % 16];

        if (*h) {
            CHECK_EQ(--(*h)->owners, 0);
            gamp_pool_put(&pool, *h);
            *h = NULL;
        } else {
            *h = gamp_pool_get(&pool);
            CHECK_EQ(++(*h)->owners, 1);
        }
        if (r >> 40 & 1)
            gamp_gosched();
    }
    for (int i = 0; i < 16; i++)
        if (held[i]) {
            held[i]->owners--;
            gamp_pool_put(&pool, held[i]);
        }
    gamp_waitgroup_done(&wg);
}

static void *use_on_a_thread(void *n)
{
    use((int)(intptr_t)n);
    return NULL;
}

TEST_GO_WITHIN(each_object_has_one_owner, 60)
{
    pthread_t t[2];

    gamp_pool_init(&pool, make, destroy);
    gamp_waitgroup_add(&wg, 8);
    for (int i = 0; i < 6; i++)
        CHECK_EQ(gamp_go(use, i), 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&t[i], NULL, use_on_a_thread, (void *)(intptr_t)(60 + i)), 0);
    while (gamp_waitgroup_wait_until(&wg, gamp_now() + 2 * GAMP_MILLISECOND) != 0)
        gamp_gomaxprocs(1 + (int)(gamp_now() / 1000 % 8));
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    CHECK_LE(made, 8 * 16);
    gamp_pool_free(&pool);
    CHECK_EQ(freed, made);
}
