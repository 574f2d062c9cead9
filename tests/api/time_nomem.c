/* SPDX-License-Identifier: BSD-3-Clause */
/* An after_func that is due while no goroutine can be had (address space is short) runs when one
 * can, or can still be stopped; sleeps and timers need no memory that could be missing. */
#include "harness/test.h"
#include <errno.h>
#include <gamp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define MS GAMP_MILLISECOND

static struct rlimit before;

static void limit_address_space(size_t room)
{
    struct rlimit now;
    unsigned long pages;
    FILE *f = fopen("/proc/self/statm", "r");

    CHECK(f && fscanf(f, "%lu", &pages) == 1);
    fclose(f);
    CHECK_EQ(getrlimit(RLIMIT_AS, &before), 0);
    now = before;
    now.rlim_cur = pages * 4096 + room;
    CHECK_EQ(setrlimit(RLIMIT_AS, &now), 0);
}

static void until_closed(gamp_chan *c)
{
    gamp_chan_recv(c, NULL);
}

static int member(gamp_context *ctx, void *arg)
{
    (void)ctx;
    (void)arg;
    return 1;
}

static void count(void *arg)
{
    __atomic_fetch_add((int *)arg, 1, __ATOMIC_RELEASE);
}

TEST_GO_WITHIN(due_without_a_stack, 60)
{
    gamp_chan *c = gamp_chan_new(0, 0);
    gamp_timer *t, *stopped;
    gamp_group g;
    int ran = 0, never = 0, r;

    if (TEST_SANITIZED || getenv("TEST_EMULATOR"))
        test_skip("address space cannot be limited here");
    /* One P, so that no other one has a stack in reserve. */
    gamp_gomaxprocs(1);
    limit_address_space(64 << 20);
    /* Until it stays so: a thread that is being made takes room for a moment and gives it back. */
    for (int refused = 0; refused < 30;) {
        r = gamp_go(until_closed, c);
        if (r == 0) {
            refused = 0;
            continue;
        }
        CHECK_EQ(r, -ENOMEM);
        refused++;
        gamp_sleep(MS);
    }
    /* A group's go says so as well, and its place is free again. */
    CHECK_EQ(gamp_group_init(&g, NULL), 0);
    gamp_group_set_limit(&g, 1);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(gamp_group_go(&g, member, NULL), -ENOMEM);
    CHECK_EQ(gamp_group_try_go(&g, member, NULL), -ENOMEM);
    CHECK_EQ(gamp_group_wait(&g), 0);
    t = gamp_after_func(MS, count, &ran);
    stopped = gamp_after_func(MS, count, &never);
    CHECK(t && stopped);
    gamp_sleep(50 * MS);
    CHECK_EQ(__atomic_load_n(&ran, __ATOMIC_ACQUIRE), 0);
    CHECK(gamp_timer_stop(stopped));
    CHECK_EQ(setrlimit(RLIMIT_AS, &before), 0);
    while (!__atomic_load_n(&ran, __ATOMIC_ACQUIRE))
        gamp_sleep(MS);
    CHECK(!gamp_timer_stop(t));
    gamp_chan_close(c);
    while (gamp_num_goroutine() > 1)
        gamp_sleep(MS);
    CHECK(ran == 1 && never == 0);
    gamp_timer_free(t);
    gamp_timer_free(stopped);
    gamp_chan_unref(c);
}

static void sleeper(gamp_chan *c)
{
    gamp_sleep(MS);
    gamp_chan_send(c, NULL);
}

/* More sleepers than the heap's first array has room for, which cannot grow. */
TEST_GO_WITHIN(sleep_without_memory, 60)
{
    gamp_chan *c = gamp_chan_new(0, 0);
    int n;

    if (TEST_SANITIZED || getenv("TEST_EMULATOR"))
        test_skip("address space cannot be limited here");
    for (n = 0; n < 2000; n++)
        CHECK_EQ(gamp_go(sleeper, c), 0);
    limit_address_space(0);
    for (int i = 0; i < n; i++)
        gamp_chan_recv(c, NULL);
    CHECK_EQ(setrlimit(RLIMIT_AS, &before), 0);
    gamp_chan_unref(c);
}
