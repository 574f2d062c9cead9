/* SPDX-License-Identifier: BSD-3-Clause */
/* The order of locks, as debug builds check it; also the goroutine's states. */
#include "base/throw_up.h"
#include "lock/lockrank_up.h"
#include "lock/mutex.h"
#include "sched/g.h"
#include "harness/test.h"
#include <stdio.h>
#include <unistd.h>

static struct lockrank_held held;
static bool attached = true;

struct lockrank_held *lockrank_held(void)
{
    return attached ? &held : NULL;
}

void throw_report(const char *message)
{
    fprintf(stderr, "fatal error: %s\n", message);
    _exit(2);
}

static struct mutex chan1 = MUTEX_INIT(LOCK_CHAN), chan2 = MUTEX_INIT(LOCK_CHAN),
                    timers = MUTEX_INIT(LOCK_TIMERS), sched_lock = MUTEX_INIT(LOCK_SCHED),
                    leaf = MUTEX_INIT(LOCK_LEAF), unranked;

static void downwards(void *arg)
{
    (void)arg;
    lock(&sched_lock);
    lock(&timers);
}

static void try_downwards(void *arg)
{
    (void)arg;
    lock(&leaf);
    trylock(&sched_lock);
}

static void after_release(void *arg)
{
    (void)arg;
    lock(&chan1);
    lock(&sched_lock);
    unlock(&chan1);
    lock(&timers); /* sched_lock is held still */
}

static void release_of_nothing(void *arg)
{
    (void)arg;
    unlock(&chan1);
}

TEST(wrong_order_is_fatal)
{
    expect_exit(downwards, NULL, 2, "fatal error: lock rank 9 taken while holding rank 10");
    expect_exit(try_downwards, NULL, 2, "fatal error: lock rank 10 taken while holding rank 13");
    expect_exit(after_release, NULL, 2, "fatal error: lock rank 9 taken while holding rank 10");
    expect_exit(release_of_nothing, NULL, 2, "broken invariant");
    CHECK_EQ(LOCK_TIMERS, 9);
    CHECK_EQ(LOCK_SCHED, 10);
    CHECK_EQ(LOCK_LEAF, 13);
}

TEST(right_order_is_not)
{
    for (int i = 0; i < 3; i++) {
        lock(&chan1);
        lock(&chan2); /* one rank: select, in the order of addresses */
        lock(&timers);
        lock(&sched_lock);
        CHECK_EQ(held.n, 4);
        /* Released in any order. */
        unlock(&chan1);
        unlock(&sched_lock);
        unlock(&chan2);
        lock(&leaf);
        unlock(&timers);
        unlock(&leaf);
        CHECK_EQ(held.n, 0);
        lock(&timers);
        unlock(&timers);
    }
}

TEST(failed_trylock_is_not_noted)
{
    attached = false;
    lock(&leaf);
    attached = true;
    CHECK(!trylock(&leaf));
    CHECK_EQ(held.n, 0);
    lock(&timers);
    unlock(&timers);
}

TEST(locks_without_a_rank_go_anywhere)
{
    lock(&leaf);
    lock(&unranked);
    unlock(&unranked);
    unlock(&leaf);
    CHECK_EQ(held.n, 0);
}

/* A select of more channels than are noted one by one. */
TEST(many_of_one_rank)
{
    static struct mutex many[200];

    for (int i = 0; i < 200; i++) {
        mutex_init(&many[i], LOCK_CHAN);
        lock(&many[i]);
    }
    lock(&sched_lock);
    unlock(&sched_lock);
    for (int i = 199; i >= 0; i--)
        unlock(&many[i]);
    CHECK_EQ(held.n, 0);
    lock(&chan1);
    unlock(&chan1);
}

/* --- states of a goroutine -------------------------------------------------------------------- */

static struct g g;
static struct change {
    enum gstatus from, to;
} change;

static void change_it(void *arg)
{
    (void)arg;
    casgstatus(&g, change.from, change.to);
}

/* The table of src/sched/g.h, written out once more. */
static bool is_legal(enum gstatus from, enum gstatus to)
{
    switch (from) {
    case Gidle:
        return to == Grunnable || to == Gdead;
    case Grunnable:
        return to == Grunning;
    case Grunning:
        return to != Gidle && to != Grunning;
    case Gsyscall:
    case Gwaiting:
    case Gpreempted:
        return to == Grunning || to == Grunnable;
    case Gdead:
        return to == Grunnable;
    default:
        return false;
    }
}

TEST_WITHIN(illegal_changes_are_fatal, 60)
{
    for (int from = 0; from < GSTATUS_COUNT; from++)
        for (int to = 0; to < GSTATUS_COUNT; to++) {
            change = (struct change){(enum gstatus)from, (enum gstatus)to};
            g.status = (uint8_t)from;
            if (is_legal(change.from, change.to))
                change_it(NULL);
            else
                expect_exit(change_it, NULL, 2, "bad status change");
        }
    /* It is in another state than it is said to be. */
    change = (struct change){Grunning, Gwaiting};
    g.status = Grunnable;
    expect_exit(change_it, NULL, 2, "bad status change 2 (is 1) -> 4");
}
