/* SPDX-License-Identifier: BSD-3-Clause */
/* The semaphores that mutexes and wait groups park on: order, tokens, time-outs, and many addresses
 * in one bucket's tree, whose shape chance decides. */
#include "os/linux/clock.h"
#include "sched/entry.h"
#include "sync/sema.h"
#include "harness/test.h"
#include <gamp.h>
#include <stdlib.h>

/* Addresses this far apart fall into one bucket: 251 buckets of 8 bytes. */
enum { APART = 251 * 8 };

static struct g *gs[1000];
static int order[1000];
static int placed, ended;

static struct waiting {
    uint32_t *addr;
    int i;
    bool lifo;
    int64_t until;
    bool timed_out, over;
} ws[1000];

static void wait_for(struct waiting *w)
{
    struct g *gp = gamp_enter();
    bool got;

    store_release(&gs[w->i], gp);
    got = semacquire_until(w->addr, w->lifo, WAIT_SEMACQUIRE, w->until);
    gamp_leave();
    w->timed_out = !got;
    store_release(&w->over, true);
    order[fetch_add_relaxed(&placed, 1)] = w->i;
    fetch_add_release(&ended, 1);
}

/* One more waiter, parked when this returns; or already gone, if its time was up so soon. */
static void add(uint32_t *addr, int i, bool lifo, int64_t until)
{
    struct g *gp;

    ws[i] = (struct waiting){.addr = addr, .i = i, .lifo = lifo, .until = until};
    store_release(&gs[i], NULL);
    CHECK_EQ(gamp_go(wait_for, &ws[i]), 0);
    while (((gp = load_acquire(&gs[i])) == NULL || readgstatus(gp) != Gwaiting) &&
           !load_acquire(&ws[i].over))
        gamp_gosched();
}

static void release(uint32_t *addr, uint32_t n)
{
    gamp_enter();
    semrelease_n(addr, n);
    gamp_leave();
}

static void await(int n)
{
    while (load_acquire(&ended) < n)
        gamp_gosched();
}

TEST_GO(first_in_first_out)
{
    uint32_t s = 0;

    gamp_gomaxprocs(1);
    for (int i = 0; i < 10; i++)
        add(&s, i, false, NEVER);
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(load_acquire(&ended), i);
        release(&s, 1);
        await(i + 1);
        CHECK_EQ(order[i], i);
    }
    CHECK_EQ(s, 0);
}

TEST_GO(lifo_comes_first)
{
    static const int want[] = {4, 3, 0, 1, 2};
    uint32_t s = 0;

    for (int i = 0; i < 5; i++)
        add(&s, i, i >= 3, NEVER);
    for (int i = 0; i < 5; i++) {
        release(&s, 1);
        await(i + 1);
        CHECK_EQ(order[i], want[i]);
    }
}

TEST_GO(tokens_wait_for_takers)
{
    uint32_t s = 0;

    release(&s, 1);
    release(&s, 2);
    CHECK_EQ(s, 3);
    for (int i = 0; i < 3; i++) {
        gamp_enter();
        semacquire(&s, false, WAIT_SEMACQUIRE);
        gamp_leave();
    }
    CHECK_EQ(s, 0);
    /* More tokens than takers: the rest stays. */
    for (int i = 0; i < 4; i++)
        add(&s, i, false, NEVER);
    release(&s, 6);
    await(4);
    CHECK_EQ(s, 2);
}

/* One that timed out is in no queue: at the front, in the middle, at the end, alone. */
TEST_GO(timed_out_ones_leave_the_queue)
{
    uint32_t s = 0;

    gamp_gomaxprocs(1);
    for (int gone = 0; gone < 4; gone++) {
        int n = gone < 3 ? 3 : 1, at = 0;

        placed = ended = 0;
        for (int i = 0; i < n; i++)
            add(&s, i, false, i == gone % 3 ? nanotime() + GAMP_MILLISECOND : NEVER);
        await(1);
        CHECK_EQ(order[0], gone % 3);
        CHECK(ws[gone % 3].timed_out);
        for (int i = 0; i < n; i++) {
            if (i == gone % 3)
                continue;
            release(&s, 1);
            await(++at + 1);
            CHECK_EQ(order[at], i);
            CHECK(!ws[i].timed_out);
        }
        CHECK_EQ(s, 0);
    }
}

/* A time-out and a release that meet: either the waiter has the token or the word has. */
TEST_GO_WITHIN(time_out_against_release, 60)
{
    uint32_t s = 0;
    uint64_t r = test_seed();
    int timed_out = 0, got = 0;

    for (int i = 0; i < 3000 || !timed_out || !got; i++) {
        placed = ended = 0;
        ws[0] =
            (struct waiting){.addr = &s, .until = nanotime() + (int64_t)(test_rand(&r) % 40000)};
        CHECK_EQ(gamp_go(wait_for, &ws[0]), 0);
        for (int64_t until = nanotime() + (int64_t)(test_rand(&r) % 40000); nanotime() < until;)
            gamp_gosched();
        release(&s, 1);
        await(1);
        CHECK_EQ(load_acquire(&s), ws[0].timed_out);
        timed_out += ws[0].timed_out;
        got += !ws[0].timed_out;
        s = 0;
    }
}

/* A thousand addresses of one bucket, waiters come and go in random order: each release finds its
 * own, in order of arrival. */
TEST_GO_WITHIN(one_bucket_many_addresses, 60)
{
    enum { ADDRS = 300, WAITERS = 900, EACH = WAITERS / ADDRS };
    static int arrived[ADDRS][EACH], n_arrived[ADDRS], n_left[ADDRS];
    char *base = calloc(ADDRS, APART);
    uint64_t r = test_seed();
    int in = 0, out = 0;

    while (out < WAITERS) {
        int a = (int)(test_rand(&r) % ADDRS);
        uint32_t *addr = (uint32_t *)(void *)(base + a * APART);

        if (in < WAITERS && test_rand(&r) % 3) {
            if (n_arrived[a] == EACH)
                continue;
            arrived[a][n_arrived[a]++] = in;
            add(addr, in++, false, test_rand(&r) % 2 ? NEVER : nanotime() + GAMP_HOUR);
        } else if (n_left[a] < n_arrived[a]) {
            release(addr, 1);
            await(out + 1);
            CHECK_EQ(order[out], arrived[a][n_left[a]]);
            CHECK(!ws[order[out]].timed_out);
            n_left[a]++;
            out++;
        }
    }
    for (int a = 0; a < ADDRS; a++)
        CHECK_EQ(*(uint32_t *)(void *)(base + a * APART), 0);
    free(base);
}
