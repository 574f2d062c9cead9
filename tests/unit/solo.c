/* SPDX-License-Identifier: BSD-3-Clause */
/* solo: when the one P's thread has the channels and mutexes to itself, and that none of them comes
 * to harm when another thread comes along in the middle of whatever it does. */
#include "harness/test.h"
#include "os/linux/membarrier.h"
#include "sched/p.h"
#include "sched/schedt.h"
#include "sched/solo.h"
#include <gamp.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { EACH = 500, STRANGERS = 2, CHILDREN = 40 };

static bool possible(void)
{
    return !TEST_TSAN && membarrier_init();
}

/* --- when ------------------------------------------------------------------------------------- */

static void *look_around(void *arg)
{
    gamp_mutex *m = arg;

    CHECK(gamp_mutex_trylock(m));
    gamp_mutex_unlock(m);
    return arg;
}

static int main_alone(int argc, char **argv)
{
    gamp_mutex m = {0};
    pthread_t t;

    (void)argv;
    CHECK_EQ(load_relaxed(&solo), possible() ? SOLO_YES : SOLO_NO);
    if (argc == 1) {
        CHECK_EQ(pthread_create(&t, NULL, look_around, &m), 0);
        CHECK_EQ(pthread_join(t, NULL), 0);
    } else {
        gamp_gomaxprocs(2);
    }
    CHECK_EQ(load_relaxed(&solo), SOLO_NO);
    gamp_gomaxprocs(1);
    CHECK_EQ(load_relaxed(&solo), SOLO_NO);
    return 0;
}

static int main_of_two(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    CHECK_EQ(load_relaxed(&solo), SOLO_NO);
    return 0;
}

static void run_alone(void *arg)
{
    gamp_config one = {.maxprocs = 1};

    _exit(gamp_run_with(&one, main_alone, *(int *)arg, NULL));
}

static void run_attached(void *arg)
{
    gamp_config one = {.maxprocs = 1};
    gamp_mutex m = {0};

    /* The thread that runs it may have called the library before. */
    gamp_mutex_lock(&m);
    gamp_sleep(1);
    gamp_mutex_unlock(&m);
    _exit(gamp_run_with(&one, main_alone, *(int *)arg, NULL));
}

static void run_two(void *arg)
{
    gamp_config two = {.maxprocs = 2};

    (void)arg;
    _exit(gamp_run_with(&two, main_of_two, 0, NULL));
}

TEST(one_p_alone)
{
    for (int argc = 1; argc <= 2; argc++) {
        expect_exit(run_alone, &argc, 0, NULL);
        expect_exit(run_attached, &argc, 0, NULL);
    }
    expect_exit(run_two, NULL, 0, NULL);
}

static void *ends_it(void *arg)
{
    solo_end();
    return arg;
}

/* The program ends while a thread waits for the step of the one that holds the P, which then does
 * not leave the runtime any more. */
TEST(the_end_is_not_waited_for)
{
    static struct m holder = {.inruntime = 1};
    pthread_t t;

    if (!possible())
        test_skip("no solo steps here");
    p0.m = &holder;
    store_relaxed(&solo, SOLO_YES);
    CHECK_EQ(pthread_create(&t, NULL, ends_it, NULL), 0);
    while (load_acquire(&solo) != SOLO_ENDING)
        usleep(100);
    usleep(1000);
    solo_over();
    CHECK_EQ(pthread_join(t, NULL), 0);
    CHECK_EQ(load_relaxed(&solo), SOLO_NO);
}

/* --- strangers -------------------------------------------------------------------------------- */

static struct {
    gamp_mutex mutex;
    int64_t counter, locked; /* under mutex */
    gamp_chan *ring, *rendezvous, *answers;
    gamp_waitgroup wg, strangers;
    int64_t received; /* by the one that selects */
    uint32_t begun;
    uint64_t seed;
} all;

static void count_up(uint64_t *random, int i)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    if (i % 3 == 0) {
        while (!gamp_mutex_trylock(&all.mutex))
            gamp_gosched();
    } else {
        gamp_mutex_lock(&all.mutex);
    }
    all.counter++;
    if (*random >> 60 == 0)
        gamp_gosched();
    gamp_mutex_unlock(&all.mutex);
}

static void work(uint64_t random)
{
    int64_t one = 1;

    for (int i = 0; i < EACH; i++) {
        count_up(&random, i);
        if (i % 2)
            gamp_chan_send(all.ring, &one);
        else
            gamp_select(GAMP_SEND(all.ring, &one), GAMP_SEND(all.rendezvous, &one));
        if (i % 16 == 0)
            gamp_gosched();
    }
    gamp_waitgroup_done(&all.wg);
}

static void collect(void)
{
    int64_t x = 0;
    bool ring = false, rendezvous = false;

    for (;;) {
        gamp_select(GAMP_RECV_OK(all.ring, &x, &ring),
                    GAMP_RECV_OK(all.rendezvous, &x, &rendezvous));
        if (x == 0)
            return;
        all.received += x;
    }
}

/* Not known to the library until its first call, which is another each time. */
static void *stranger(void *arg)
{
    uint64_t random = all.seed + (uintptr_t)arg * 977;
    int64_t one = 1;

    while (!load_acquire(&all.begun))
        sched_yield();
    for (uint64_t i = random % 20000; i > 0; i--)
        compiler_barrier();
    switch (random % 4) {
    case 0:
        gamp_chan_send(all.ring, &one);
        break;
    case 1:
        gamp_chan_send(all.rendezvous, &one);
        break;
    case 2:
        gamp_select(GAMP_SEND(all.rendezvous, &one));
        break;
    default:
        gamp_mutex_lock(&all.mutex);
        all.locked++;
        gamp_mutex_unlock(&all.mutex);
    }
    work(random);
    return arg;
}

static int main_with_strangers(int argc, char **argv)
{
    enum { OWN = 3 };
    pthread_t t[STRANGERS];
    gamp_waitgroup collector = {0};
    int64_t zero = 0;

    (void)argc;
    (void)argv;
    all.ring = gamp_chan_of(int64_t, 3);
    all.rendezvous = gamp_chan_of(int64_t, 0);
    gamp_waitgroup_add(&all.wg, OWN + STRANGERS);
    CHECK_EQ(gamp_waitgroup_go(&collector, collect), 0);
    for (uint64_t i = 0; i < OWN; i++)
        CHECK_EQ(gamp_go(work, all.seed + i), 0);
    store_release(&all.begun, 1);
    for (uintptr_t i = 0; i < STRANGERS; i++)
        CHECK_EQ(pthread_create(&t[i], NULL, stranger, (void *)i), 0);
    gamp_waitgroup_wait(&all.wg);
    gamp_chan_send(all.rendezvous, &zero);
    gamp_waitgroup_wait(&collector);
    for (int i = 0; i < STRANGERS; i++)
        CHECK_EQ(pthread_join(t[i], NULL), 0);
    CHECK_EQ(all.counter, (OWN + STRANGERS) * EACH);
    CHECK_EQ(all.received + all.locked, (OWN + STRANGERS) * EACH + STRANGERS);
    CHECK_EQ(load_relaxed(&solo), SOLO_NO);
    return 0;
}

static void run_with_strangers(void *arg)
{
    gamp_config one = {.maxprocs = 1};

    all.seed = *(uint64_t *)arg;
    _exit(gamp_run_with(&one, main_with_strangers, 0, NULL));
}

TEST_WITHIN(strangers_come, 60)
{
    uint64_t seed = test_seed();

    for (int i = 0; i < CHILDREN; i++, seed += 0x9e3779b97f4a7c15u)
        expect_exit(run_with_strangers, &seed, 0, NULL);
}
