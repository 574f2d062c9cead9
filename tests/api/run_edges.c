/* SPDX-License-Identifier: BSD-3-Clause */
/* run_edges: configuration, environment and ends: what the contract says of them in passing. */
#define _GNU_SOURCE
#include "harness/test.h"
#include <errno.h>
#include <gamp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* --- stop ------------------------------------------------------------------------------------- */

static _Atomic int answer;

static void stops(void)
{
    answer = gamp_stop(GAMP_NEVER);
}

TEST_GO(a_goroutine_cannot_stop_the_runtime)
{
    CHECK_EQ(gamp_stop(GAMP_NEVER), -EBUSY);
    CHECK_EQ(gamp_stop(0), -EBUSY);
    CHECK_EQ(gamp_go(stops), 0);
    while (answer == 0)
        gamp_gosched();
    CHECK_EQ(answer, -EBUSY);
}

TEST(a_goroutine_cannot_stop_an_embedded_one)
{
    CHECK_EQ(gamp_start(NULL), 0);
    CHECK_EQ(gamp_go(stops), 0);
    while (answer == 0)
        gamp_gosched();
    CHECK_EQ(answer, -EBUSY);
    CHECK_EQ(gamp_stop(GAMP_NEVER), 0);
}

/* --- stacks ----------------------------------------------------------------------------------- */

enum { KIB = 1024, ALL_BUT = 12 * KIB };

static __attribute__((noinline)) void use_stack(size_t n)
{
    volatile char *p = __builtin_alloca(n);

    for (size_t i = 0; i < n; i += 512)
        p[i] = 1;
    p[n - 1] = 1;
}

static gamp_waitgroup wg;

static int spawns_one(int argc, char **argv)
{
    (void)argv;
    CHECK_EQ(gamp_waitgroup_go(&wg, use_stack, (size_t)argc - ALL_BUT - 256), 0);
    gamp_waitgroup_wait(&wg);
    return 6;
}

static void run_with_stacks_of(void *size)
{
    const gamp_config cfg = {.stack_size = *(size_t *)size};

    exit(gamp_run_with(&cfg, spawns_one, (int)cfg.stack_size, NULL));
}

TEST(the_configuration_sets_the_default_stack)
{
    static const size_t sizes[] = {64 * KIB, 1024 * KIB, 4096 * KIB};

    for (int i = 0; i < 3; i++)
        expect_exit(run_with_stacks_of, (void *)&sizes[i], 6, NULL);
}

static int uses(int argc, char **argv)
{
    (void)argv;
    use_stack((size_t)argc);
    return 6;
}

struct limit {
    rlim_t limit;
    int used;
};

static void run_under_limit(void *arg)
{
    const struct limit *l = arg;
    struct rlimit r;

    CHECK_EQ(getrlimit(RLIMIT_STACK, &r), 0);
    r.rlim_cur = l->limit;
    if (r.rlim_max != RLIM_INFINITY && (l->limit == RLIM_INFINITY || l->limit > r.rlim_max))
        exit(l->used < 0 ? 2 : 6); /* not to be had here */
    CHECK_EQ(setrlimit(RLIMIT_STACK, &r), 0);
    exit(gamp_run(uses, abs(l->used), NULL));
}

TEST(main_has_what_the_limit_says)
{
    static const struct limit fits[] = {
        {1024 * KIB, 1000 * KIB},
        {8192 * KIB, 8100 * KIB},
        {RLIM_INFINITY, 8100 * KIB},
    };
    static const struct limit more = {1024 * KIB, 1050 * KIB};

    if (TEST_SANITIZED)
        test_skip("frames are larger, and the sanitizer reports faults itself");
    for (int i = 0; i < 3; i++)
        expect_exit(run_under_limit, (void *)&fits[i], 6, NULL);
    if (getenv("TEST_EMULATOR"))
        test_skip("an emulator keeps this limit as it is");
    expect_exit(run_under_limit, (void *)&more, 2, "stack overflow in goroutine 1");
}

/* --- chance ----------------------------------------------------------------------------------- */

enum { MANY = 40 };

static char order[MANY + 1];
static _Atomic int began;

static void begin(int i)
{
    order[began++] = (char)('0' + i);
    gamp_waitgroup_done(&wg);
}

static int notes_order(int argc, char **argv)
{
    (void)argv;
    gamp_waitgroup_add(&wg, MANY);
    for (int i = 0; i < MANY; i++)
        CHECK_EQ(gamp_go(begin, i), 0);
    gamp_waitgroup_wait(&wg);
    fputs(order, stderr);
    return argc;
}

static int notes_choices(int argc, char **argv)
{
    gamp_chan *closed = gamp_chan_new(0, 0);

    (void)argv;
    gamp_chan_close(closed);
    for (int i = 0; i < MANY; i++)
        order[i] = (char)('0' + gamp_select(GAMP_RECV(closed, NULL), GAMP_RECV(closed, NULL)));
    fputs(order, stderr);
    gamp_chan_unref(closed);
    return argc;
}

struct chance {
    int (*fn)(int, char **);
    const char *debug;
};

static void run_by_chance(void *arg)
{
    const struct chance *c = arg;

    setenv("GAMPMAXPROCS", "1", 1);
    setenv("GAMPDEBUG", c->debug, 1);
    exit(gamp_run(c->fn, 0, NULL));
}

static const char *by_chance(int (*fn)(int, char **), const char *debug)
{
    struct chance c = {fn, debug};
    static test_child children[2], *child;

    child = child == children ? children + 1 : children;
    test_run_child(run_by_chance, &c, child);
    CHECK_EQ(child->status, 0);
    CHECK_EQ(child->err_len, MANY);
    return child->err;
}

/* On a busy machine a goroutine may lose its turn, and the same numbers then choose among others;
 * but not each time. */
static void comes_again(int (*fn)(int, char **), const char *debug, const char *other)
{
    bool same = false;

    for (int i = 0; i < 50 && !same; i++)
        same = strcmp(by_chance(fn, debug), by_chance(fn, debug)) == 0;
    CHECK(same);
    CHECK(strcmp(by_chance(fn, debug), by_chance(fn, other)) != 0);
}

TEST_WITHIN(a_seed_brings_choices_again, 60)
{
    comes_again(notes_choices, "seed=5", "seed=6");
}

TEST_WITHIN(a_random_schedule_comes_again_by_its_seed, 60)
{
    comes_again(notes_order, "sched=random,seed=5", "sched=random,seed=6");
}

static bool descends(const char *s)
{
    for (int i = 2; i < MANY; i++)
        if (s[i] < s[i - 1])
            return true;
    return false;
}

/* As they were started, but for the last one, who is next at once; or not at all. */
TEST(a_random_schedule_is_no_queue)
{
    bool queue = false;

    for (int i = 0; i < 50 && !queue; i++)
        queue = !descends(by_chance(notes_order, "directswitch=0"));
    CHECK(queue);
    CHECK(descends(by_chance(notes_order, "sched=random")));
}

/* --- nothing ---------------------------------------------------------------------------------- */

TEST_GO(nothing_is_freed_without_harm)
{
    gamp_pool pool = {0};

    gamp_chan_unref(NULL);
    gamp_context_unref(NULL);
    gamp_timer_free(NULL);
    gamp_map_free(NULL);
    gamp_pool_free(&pool);
    CHECK(gamp_chan_ref(NULL) == NULL);
    CHECK(gamp_context_ref(NULL) == NULL);
    CHECK_EQ(gamp_close(-1), -EBADF);
    gamp_context_unref(gamp_context_background());
    gamp_context_unref(gamp_context_background());
    CHECK_EQ(gamp_context_err(gamp_context_background()), 0);
}
