/* SPDX-License-Identifier: BSD-3-Clause */
/* The runtime's own mutex and note, on threads of the test's. */
#include "base/throw_up.h"
#include "lock/mutex.h"
#include "lock/note.h"
#include "os/linux/clock.h"
#include "os/linux/sys.h"
#include "os/linux/thread.h"
#include "harness/test.h"
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

/* Instead of the one on the floor above: there is no runtime here. */
void throw_report(const char *message)
{
    fprintf(stderr, "fatal error: %s\n", message);
    _exit(2);
}

/* Until the thread sleeps in the kernel. */
static void await_sleep(const int *tid)
{
    while (!load_acquire(tid) || thread_state(load_acquire(tid)) != 'S')
        usleep(200);
}

/* --- mutex ------------------------------------------------------------------------------------ */

enum { THREADS = 4, TURNS = 20000 };

static struct mutex m = MUTEX_INIT(LOCK_LEAF);
static uint64_t inside, count;

static void *count_up(void *arg)
{
    bool try = arg != NULL;

    for (int i = 0; i < TURNS; i++) {
        if (try)
            while (!trylock(&m))
                ;
        else
            lock(&m);
        CHECK_EQ(load_relaxed(&inside), 0);
        store_relaxed(&inside, 1);
        count_owned(&count); /* no atomic step: two at once would lose one */
        if (i % 64 == 0)
            sched_yield(); /* others queue up */
        CHECK_EQ(load_relaxed(&inside), 1);
        store_relaxed(&inside, 0);
        unlock(&m);
    }
    return NULL;
}

TEST(mutex_excludes)
{
    pthread_t t[THREADS];

    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&t[i], NULL, count_up, i == 3 ? &m : NULL), 0);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_join(t[i], NULL), 0);
    CHECK_EQ(count, THREADS * TURNS);
    CHECK(!mutex_held(&m));
}

TEST(mutex_trylock)
{
    CHECK(trylock(&m));
    CHECK(mutex_held(&m));
    CHECK(!trylock(&m));
    unlock(&m);
    CHECK(!mutex_held(&m));
    lock(&m);
    CHECK(!trylock(&m));
    unlock(&m);
}

static int tids[2], order;

static void *wait_for_lock(void *arg)
{
    store_release((int *)arg, sys_gettid());
    lock(&m);
    fetch_add_relaxed(&order, 1);
    unlock(&m);
    return NULL;
}

/* Those that sleep are all woken, one by the other, though unlock wakes one only. */
TEST(mutex_sleepers_pass_it_on)
{
    pthread_t t[2];

    lock(&m);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&t[i], NULL, wait_for_lock, &tids[i]), 0);
    for (int i = 0; i < 2; i++)
        await_sleep(&tids[i]);
    while (load_relaxed(&m.key) != 2)
        usleep(200); /* what they slept in was another lock, an emulator's */
    CHECK_EQ(load_relaxed(&order), 0);
    unlock(&m);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_join(t[i], NULL), 0);
    CHECK_EQ(order, 2);
    CHECK(!mutex_held(&m));
}

/* --- note ------------------------------------------------------------------------------------- */

static struct note ping, pong;

TEST(note_set_before_the_sleep)
{
    noteclear(&ping);
    notewakeup(&ping);
    notesleep(&ping);
    CHECK(notetsleep(&ping, 0)); /* it stays set until it is cleared */
    noteclear(&ping);
    CHECK(!notetsleep(&ping, 0));
    CHECK(!notetsleep(&ping, nanotime() - 1));
}

TEST(note_times_out)
{
    int64_t until = nanotime() + 20 * 1000000;

    noteclear(&ping);
    CHECK(!notetsleep(&ping, until));
    CHECK_GE(nanotime(), until);
    /* A sleep that timed out leaves nothing behind: the next wake-up is seen. */
    CHECK_EQ(load_relaxed(&ping.key), 0);
    notewakeup(&ping);
    CHECK(notetsleep(&ping, until));
}

static int sleeper_tid;

static void *sleeper(void *arg)
{
    store_release(&sleeper_tid, sys_gettid());
    notesleep(arg);
    return NULL;
}

TEST(note_wakes_a_sleeper)
{
    pthread_t t;

    noteclear(&ping);
    CHECK_EQ(pthread_create(&t, NULL, sleeper, &ping), 0);
    await_sleep(&sleeper_tid);
    notewakeup(&ping);
    CHECK_EQ(pthread_join(t, NULL), 0);
}

enum { EXCHANGES = 20000 };

static void *answer(void *arg)
{
    for (int i = 0; i < EXCHANGES; i++) {
        notesleep(&ping);
        noteclear(&ping);
        notewakeup(&pong);
    }
    return arg;
}

/* Each wake-up arrives, whether it comes before, during or after the sleep. The other side sleeps
 * with a time-out that often passes just then. */
TEST(note_loses_no_wakeup)
{
    uint64_t r = test_seed();
    pthread_t t;

    CHECK_EQ(pthread_create(&t, NULL, answer, NULL), 0);
    for (int i = 0; i < EXCHANGES; i++) {
        notewakeup(&ping);
        while (!notetsleep(&pong, nanotime() + (int64_t)(test_rand(&r) % 50000)))
            ;
        noteclear(&pong);
    }
    CHECK_EQ(pthread_join(t, NULL), 0);
}

static void wake_twice(void *arg)
{
    (void)arg;
    noteclear(&ping);
    notewakeup(&ping);
    notewakeup(&ping);
}

TEST(note_woken_twice_is_fatal)
{
    expect_exit(wake_twice, NULL, 2, "fatal error: notewakeup - double wakeup");
}
