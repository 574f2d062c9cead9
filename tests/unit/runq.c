/* SPDX-License-Identifier: BSD-3-Clause */
/* The run queue of a P against a plain model, its overflow, and thieves on other threads: each
 * goroutine comes out once, whoever takes it. Records here are never run. */
#include "sched/globq.h"
#include "sched/p.h"
#include "sched/schedt.h"
#include "harness/test.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 1000 };

static struct g gs[MANY];
static struct p mine, other;

static struct g *get(struct p *pp)
{
    bool inherit;

    return runqget(pp, &inherit);
}

/* With one P its owner moves head and runnext by plain stores. */
static void setup(int procs)
{
    gomaxprocs = procs;
    for (int i = 0; i < MANY; i++)
        gs[i].goid = (uint64_t)i;
    mine.status = Prunning;
    other.status = Pidle;
}

static void first_in_first_out(int procs)
{
    setup(procs);
    CHECK(runqempty(&mine));
    CHECK(!get(&mine));
    /* Several times around the ring. */
    for (int turn = 0; turn < 10; turn++) {
        for (int i = 0; i < 100; i++)
            runqput(&mine, &gs[i], false);
        CHECK_EQ(runqsize(&mine), 100);
        CHECK(!runqempty(&mine));
        for (int i = 0; i < 100; i++)
            CHECK(get(&mine) == &gs[i]);
        CHECK(runqempty(&mine));
    }
}

TEST(runq_first_in_first_out)
{
    first_in_first_out(2);
    first_in_first_out(1);
}

static void next_runs_first_and_kicks_the_old_one(int procs)
{
    bool inherit = false;

    setup(procs);
    runqput(&mine, &gs[0], false);
    runqput(&mine, &gs[1], true);
    runqput(&mine, &gs[2], true);
    CHECK_EQ(runqsize(&mine), 3);
    CHECK(runqget(&mine, &inherit) == &gs[2]);
    CHECK(inherit);
    CHECK(runqget(&mine, &inherit) == &gs[0]);
    CHECK(!inherit);
    CHECK(runqget(&mine, &inherit) == &gs[1]);
    CHECK(runqempty(&mine));
    /* runnext alone is not empty. */
    runqput(&mine, &gs[3], true);
    CHECK(!runqempty(&mine));
    CHECK_EQ(runqsize(&mine), 1);
    CHECK(!runqget_ring(&mine));
    CHECK(get(&mine) == &gs[3]);
}

TEST(runq_next_runs_first_and_kicks_the_old_one)
{
    next_runs_first_and_kicks_the_old_one(2);
    next_runs_first_and_kicks_the_old_one(1);
}

/* Half of a full ring and the new one go to the global queue, the oldest first. */
static void overflow(int procs)
{
    setup(procs);
    for (uint32_t i = 0; i < RUNQ_CAP; i++)
        runqput(&mine, &gs[i], false);
    CHECK_EQ(runqsize(&mine), RUNQ_CAP);
    CHECK_EQ(sched.runqsize, 0);
    runqput(&mine, &gs[RUNQ_CAP], false);
    CHECK_EQ(runqsize(&mine), RUNQ_CAP / 2);
    CHECK_EQ(sched.runqsize, RUNQ_CAP / 2 + 1);
    for (uint32_t i = 0; i < RUNQ_CAP / 2; i++)
        CHECK(gqueue_pop(&sched.runq) == &gs[i]);
    CHECK(gqueue_pop(&sched.runq) == &gs[RUNQ_CAP]);
    CHECK(!gqueue_pop(&sched.runq));
    for (uint32_t i = RUNQ_CAP / 2; i < RUNQ_CAP; i++)
        CHECK(get(&mine) == &gs[i]);
    CHECK(runqempty(&mine));
    globrunqputbatch(&(struct gqueue){NULL, NULL, 0}); /* counts anew */
}

TEST(runq_overflow)
{
    overflow(2);
    overflow(1);
}

static void batch_takes_what_fits(int procs)
{
    struct gqueue q = {0};

    setup(procs);
    for (int i = 0; i < 10; i++)
        runqput(&mine, &gs[i], false);
    for (int i = 10; i < 300; i++)
        gqueue_push(&q, &gs[i]);
    runqputbatch(&mine, &q, RUNQ_CAP);
    CHECK_EQ(runqsize(&mine), RUNQ_CAP);
    CHECK_EQ(q.n, 300 - RUNQ_CAP);
    for (uint32_t i = 0; i < RUNQ_CAP; i++)
        CHECK(get(&mine) == &gs[i]);
    CHECK(gqueue_pop(&q) == &gs[RUNQ_CAP]);
}

TEST(runq_batch_takes_what_fits)
{
    batch_takes_what_fits(2);
    batch_takes_what_fits(1);
}

/* A thief takes the older half, rounded up, and keeps its order. */
TEST(runq_steal_takes_half)
{
    for (uint32_t n = 1; n <= RUNQ_CAP; n++) {
        uint32_t taken = n - n / 2;

        memset(&mine, 0, sizeof mine);
        memset(&other, 0, sizeof other);
        setup(2);
        for (uint32_t i = 0; i < n; i++)
            runqput(&other, &gs[i], false);
        CHECK(runqsteal(&mine, &other, true) == &gs[taken - 1]);
        CHECK_EQ(runqsize(&mine), taken - 1);
        CHECK_EQ(runqsize(&other), n - taken);
        for (uint32_t i = 0; i + 1 < taken; i++)
            CHECK(get(&mine) == &gs[i]);
        for (uint32_t i = taken; i < n; i++)
            CHECK(get(&other) == &gs[i]);
    }
}

TEST(runq_steal_of_runnext_only_when_asked)
{
    setup(2);
    runqput(&other, &gs[1], true);
    CHECK(!runqsteal(&mine, &other, false));
    CHECK(runqsteal(&mine, &other, true) == &gs[1]);
    CHECK(runqempty(&other));
    CHECK(runqempty(&mine));
    CHECK(!runqsteal(&mine, &other, true));
    /* From a ring that has some, runnext is not taken. */
    runqput(&other, &gs[1], true);
    runqput(&other, &gs[2], false);
    CHECK(runqsteal(&mine, &other, true) == &gs[2]);
    CHECK(get(&other) == &gs[1]);
}

/* head and tail are 32 bits and go around. */
TEST(runq_counters_wrap)
{
    setup(2);
    mine.runq.head = mine.runq.tail = UINT32_MAX - 20;
    for (int turn = 0; turn < 3; turn++) {
        for (int i = 0; i < 200; i++)
            runqput(&mine, &gs[i], false);
        CHECK_EQ(runqsize(&mine), 200);
        CHECK(runqsteal(&other, &mine, false) == &gs[99]);
        for (int i = 0; i < 99; i++)
            CHECK(get(&other) == &gs[i]);
        for (int i = 100; i < 200; i++)
            CHECK(get(&mine) == &gs[i]);
    }
}

/* A share of the global queue: one to run, the rest to the ring, never more than half of it. */
TEST(globq_shares)
{
    struct gqueue q = {0};

    setup(4);
    for (int i = 0; i < 400; i++)
        gqueue_push(&q, &gs[i]);
    globrunqputbatch(&q);
    lock(&sched.lock);
    CHECK(globrunqget(&mine, 0) == &gs[0]);
    CHECK_EQ(runqsize(&mine), 100);
    CHECK_EQ(sched.runqsize, 299);
    CHECK(globrunqget(&mine, 1) == &gs[101]);
    CHECK_EQ(sched.runqsize, 298);
    gomaxprocs = 1;
    CHECK(globrunqget(&other, 0) == &gs[102]);
    CHECK_EQ(runqsize(&other), RUNQ_CAP / 2 - 1);
    unlock(&sched.lock);
}

/* Those that used up their slice come after the others, one at a time. */
TEST(globq_hogs_wait)
{
    setup(2);
    lock(&sched.lock);
    globrunqputhog(&gs[0]);
    globrunqputhog(&gs[1]);
    globrunqput(&gs[2]);
    globrunqputhead(&gs[3]);
    CHECK_EQ(sched.runqsize, 4);
    CHECK_EQ(sched.runqshort, 2);
    CHECK(globrunqget(&mine, 1) == &gs[3]);
    CHECK(globrunqget(&mine, 1) == &gs[2]);
    CHECK(!globrunqget_short(&mine, 1));
    CHECK(globrunqget(&mine, 0) == &gs[0]);
    CHECK(runqempty(&mine));
    CHECK(globrunqget(&mine, 0) == &gs[1]);
    CHECK(!globrunqget(&mine, 0));
    CHECK_EQ(sched.runqsize, 0);
    unlock(&sched.lock);
}

/* --- with threads ----------------------------------------------------------------------------- */

enum { THIEVES = 3, ROUNDS = 100000, STOLEN = 10000 };

static struct g flying[4096];
static unsigned char out[4096]; /* 1: in a queue */
static uint32_t over;
static uint64_t stolen;

static void take(struct g *gp)
{
    /* Acquire: whoever put it in wrote 1 before. */
    CHECK_EQ(xchg_acqrel(&out[gp - flying], 0), 1);
}

static void *thief(void *arg)
{
    struct p *pp = aligned_alloc(64, sizeof *pp);

    memset(pp, 0, sizeof *pp);
    while (!load_acquire(&over)) {
        struct g *gp = runqsteal(pp, &mine, arg != NULL);

        if (!gp)
            continue;
        do {
            take(gp);
            fetch_add_relaxed(&stolen, 1);
        } while ((gp = get(pp)) != NULL);
    }
    free(pp);
    return NULL;
}

/* The owner puts and gets in bursts, into runnext too, and overflows at times; until the thieves
 * had their share. */
static void owner(uint64_t *r, uint64_t *put_in, uint64_t *got)
{
    uint32_t at = 0;

    for (int i = 0; i < ROUNDS || load_relaxed(&stolen) < STOLEN; i++) {
        uint32_t burst = (uint32_t)(test_rand(r) % (i % 100 ? 6 : 300));
        struct g *gp;

        for (uint32_t k = 0; k < burst; k++) {
            while (load_acquire(&out[at % 4096]))
                at++;
            store_release(&out[at % 4096], 1);
            runqput(&mine, &flying[at++ % 4096], test_rand(r) % 2);
            ++*put_in;
        }
        for (uint32_t k = 0; k < burst && (gp = get(&mine)) != NULL; k++) {
            take(gp);
            ++*got;
        }
        while (load_relaxed(&sched.runqsize) > 0) {
            lock(&sched.lock);
            gp = globrunqget(&mine, 1);
            unlock(&sched.lock);
            take(gp);
            ++*got;
        }
    }
}

TEST_WITHIN(runq_each_comes_out_once, 60)
{
    uint64_t r = test_seed(), put_in = 0, got = 0;
    pthread_t t[THIEVES];
    struct g *gp;

    setup(2);
    mine.status = Pidle; /* thieves need not wait for its runnext */
    for (long i = 0; i < THIEVES; i++)
        CHECK_EQ(pthread_create(&t[i], NULL, thief, (void *)(i % 2)), 0);
    owner(&r, &put_in, &got);
    while ((gp = get(&mine)) != NULL) {
        take(gp);
        got++;
    }
    store_release(&over, 1);
    for (int i = 0; i < THIEVES; i++)
        CHECK_EQ(pthread_join(t[i], NULL), 0);
    CHECK_EQ(put_in, got + stolen);
    for (int i = 0; i < 4096; i++)
        CHECK_EQ(out[i], 0);
}
