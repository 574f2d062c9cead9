/* SPDX-License-Identifier: BSD-3-Clause */
/* sync_wait: waitgroup, once, cond, sem. */
#include "harness/test.h"
#include "harness/waits.h"
#include <errno.h>
#include <gamp/chan.h>
#include <gamp/go.h>
#include <gamp/panic.h>
#include <gamp/run.h>
#include <gamp/sync.h>
#include <gamp/time.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static gamp_waitgroup wg;
static gamp_mutex mu;
static gamp_cond cond;
static gamp_sem sem;
static _Atomic int count;

static void panics(void (*fn)(void *), void *arg, const char *message)
{
    gamp_panic_info info;

    CHECK_EQ(gamp_protect(fn, arg, &info), -EFAULT);
    CHECK_CONTAINS(info.message, message);
}

/* ---- waitgroup ---- */

static void count_done(gamp_waitgroup *w)
{
    count++;
    gamp_waitgroup_done(w);
}

static void wait_then_done(gamp_waitgroup *w, gamp_waitgroup *after)
{
    gamp_waitgroup_wait(w);
    CHECK_EQ(count, 100);
    gamp_waitgroup_done(after);
}

TEST_GO(waitgroup_waits_for_all)
{
    gamp_waitgroup work = {0};

    gamp_waitgroup_wait(&work);
    for (int round = 0; round < 20; round++) {
        count = 0;
        gamp_waitgroup_add(&work, 100);
        gamp_waitgroup_add(&wg, 3);
        for (int i = 0; i < 3; i++)
            CHECK_EQ(gamp_go(wait_then_done, &work, &wg), 0);
        for (int i = 0; i < 100; i++)
            CHECK_EQ(gamp_go(count_done, &work), 0);
        gamp_waitgroup_wait(&work);
        CHECK_EQ(count, 100);
        gamp_waitgroup_wait(&wg);
    }
}

TEST_GO(waitgroup_wait_until)
{
    gamp_waitgroup work = {0};
    gamp_time t;

    CHECK_EQ(gamp_waitgroup_wait_until(&work, 0), 0);
    gamp_waitgroup_add(&work, 1);
    CHECK_EQ(gamp_waitgroup_wait_until(&work, 0), -ETIMEDOUT);
    t = gamp_now() + 2 * GAMP_MILLISECOND;
    CHECK_EQ(gamp_waitgroup_wait_until(&work, t), -ETIMEDOUT);
    CHECK_GE(gamp_now(), t);
    CHECK_EQ(gamp_go(count_done, &work), 0);
    CHECK_EQ(gamp_waitgroup_wait_until(&work, gamp_now() + GAMP_HOUR), 0);
    CHECK_EQ(work.state, 0);
}

static void add_minus_one(void *w)
{
    gamp_waitgroup_done(w);
}

static void add_too_much(void *w)
{
    gamp_waitgroup_add(w, INT32_MAX);
}

static void wait_and_be_reused(void)
{
    panics((void (*)(void *))gamp_waitgroup_wait, &wg,
           "WaitGroup is reused before previous Wait has returned");
    count++;
}

TEST_GO(waitgroup_misuse)
{
    gamp_waitgroup w = {0};

    panics(add_minus_one, &w, "sync: negative WaitGroup counter");
    gamp_waitgroup_add(&w, 1);
    panics(add_too_much, &w, "sync: negative WaitGroup counter");
    gamp_waitgroup_done(&w);
    gamp_waitgroup_wait(&w);
    /* Reuse before the waiter has run: on one P it cannot have. */
    if (gamp_gomaxprocs(0) == 1) {
        gamp_waitgroup_add(&wg, 1);
        CHECK_EQ(gamp_go(wait_and_be_reused), 0);
        await_goroutines(1, "sync.WaitGroup.Wait");
        gamp_waitgroup_done(&wg);
        gamp_waitgroup_add(&wg, 1);
        while (count == 0)
            gamp_gosched();
    }
}

struct group {
    gamp_waitgroup w;
    char pad[40];
};

static void group_done(struct group *g)
{
    gamp_waitgroup_done(&g->w);
}

static void group_of_many(int rounds)
{
    for (int i = 0; i < rounds; i++) {
        struct group *g = calloc(1, sizeof *g);

        gamp_waitgroup_add(&g->w, 2);
        CHECK_EQ(gamp_go(group_done, g), 0);
        CHECK_EQ(gamp_go(group_done, g), 0);
        if (i % 3 == 0)
            while (gamp_waitgroup_wait_until(&g->w, gamp_now() + 1000) != 0)
                ;
        else
            gamp_waitgroup_wait(&g->w);
        memset(g, 0xff, sizeof *g);
        free(g);
    }
    gamp_waitgroup_done(&wg);
}

TEST_GO_WITHIN(memory_goes_under_done, 60)
{
    gamp_waitgroup_add(&wg, 4);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(gamp_go(group_of_many, 3000), 0);
    gamp_waitgroup_wait(&wg);
}

static void six(int a, long b, unsigned char c, const char *d, int64_t e, void *f)
{
    CHECK(a == -1 && b == -2 && c == 250 && e == INT64_MIN && f == &count);
    CHECK_STR(d, "four");
    count++;
}

static void none(void)
{
    count++;
}

static void ends_by_goexit(void)
{
    count++;
    gamp_goexit();
}

static void dies(void *arg)
{
    (void)arg;
    gamp_panic("gone");
}

static void ends_after_a_panic(void)
{
    CHECK_EQ(gamp_protect(dies, NULL, NULL), -EFAULT);
    count++;
}

TEST_GO(waitgroup_go_is_done_however_fn_ends)
{
    gamp_waitgroup w = {0};

    for (int i = 0; i < 50; i++) {
        count = 0;
        CHECK_EQ(gamp_waitgroup_go(&w, six, -1, -2, 250, "four", INT64_MIN, &count), 0);
        CHECK_EQ(gamp_waitgroup_go(&w, none), 0);
        CHECK_EQ(gamp_waitgroup_go(&w, ends_by_goexit), 0);
        CHECK_EQ(gamp_waitgroup_go(&w, ends_after_a_panic), 0);
        gamp_waitgroup_wait(&w);
        CHECK_EQ(count, 4);
    }
}

TEST(waitgroup_go_without_a_runtime)
{
    gamp_waitgroup w = {0};

    CHECK_EQ(gamp_waitgroup_go(&w, none), -EPERM);
    gamp_waitgroup_wait(&w);
    CHECK_EQ(w.state, 0);
}

/* ---- once ---- */

static gamp_once once_;
static _Atomic int once_runs;

static void once_slow(void *arg)
{
    CHECK(arg == &count);
    gamp_sleep(5 * GAMP_MILLISECOND);
    once_runs++;
}

static void do_once(void)
{
    gamp_once_do(&once_, once_slow, &count);
    CHECK_EQ(once_runs, 1);
    gamp_waitgroup_done(&wg);
}

TEST_GO(once_runs_once_and_all_wait)
{
    gamp_waitgroup_add(&wg, 20);
    for (int i = 0; i < 20; i++)
        CHECK_EQ(gamp_go(do_once), 0);
    gamp_waitgroup_wait(&wg);
    CHECK_EQ(once_runs, 1);
}

static void once_dies(void *arg)
{
    (void)arg;
    once_runs++;
    gamp_panic("once");
}

static void once_exits(void *arg)
{
    (void)arg;
    once_runs++;
    gamp_goexit();
}

static void once_do_dying(void *o)
{
    gamp_once_do(o, once_dies, NULL);
}

static void once_do_exiting(gamp_once *o)
{
    gamp_defer(gamp_waitgroup_done, &wg);
    gamp_once_do(o, once_exits, NULL);
    CHECK(false);
}

TEST_GO(once_is_done_however_fn_ends)
{
    gamp_once a = {0}, b = {0};

    panics(once_do_dying, &a, "once");
    once_do_dying(&a);
    CHECK_EQ(once_runs, 1);
    gamp_waitgroup_add(&wg, 1);
    CHECK_EQ(gamp_go(once_do_exiting, &b), 0);
    gamp_waitgroup_wait(&wg);
    once_do_dying(&b);
    CHECK_EQ(once_runs, 2);
}

struct once_user {
    gamp_once o;
    _Atomic int left;
    int ran;
};

static void once_quick(void *u)
{
    ((struct once_user *)u)->ran++;
}

static void once_free(struct once_user *u)
{
    gamp_once_do(&u->o, once_quick, u);
    CHECK_EQ(u->ran, 1);
    if (--u->left == 0) {
        memset(u, 0xff, sizeof *u);
        free(u);
    }
    gamp_waitgroup_done(&wg);
}

TEST_GO_WITHIN(memory_goes_after_once, 60)
{
    for (int i = 0; i < 5000; i++) {
        struct once_user *u = calloc(1, sizeof *u);

        u->left = 3;
        gamp_waitgroup_add(&wg, 3);
        for (int k = 0; k < 3; k++)
            CHECK_EQ(gamp_go(once_free, u), 0);
        if (i % 8 == 0)
            gamp_waitgroup_wait(&wg);
    }
    gamp_waitgroup_wait(&wg);
}

/* ---- cond ---- */

static int turn;

static void wait_turn(int me)
{
    gamp_mutex_lock(&mu);
    count++;
    gamp_cond_wait(&cond, &mu);
    /* Signals wake in the order of the waits. */
    CHECK_EQ(turn, me);
    turn++;
    gamp_mutex_unlock(&mu);
    gamp_waitgroup_done(&wg);
}

static void wait_for(int n)
{
    bool all = false;

    while (!all) {
        gamp_mutex_lock(&mu);
        all = count == n;
        gamp_mutex_unlock(&mu);
        gamp_gosched();
    }
}

TEST_GO(cond_signal_wakes_the_longest_waiter)
{
    gamp_cond_signal(&cond);
    gamp_cond_broadcast(&cond);
    gamp_waitgroup_add(&wg, 10);
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(gamp_go(wait_turn, i), 0);
        wait_for(i + 1);
    }
    for (int i = 0; i < 10; i++) {
        gamp_mutex_lock(&mu);
        CHECK_EQ(turn, i);
        gamp_cond_signal(&cond);
        gamp_mutex_unlock(&mu);
        for (bool went = false; !went; gamp_gosched()) {
            gamp_mutex_lock(&mu);
            went = turn == i + 1;
            gamp_mutex_unlock(&mu);
        }
    }
    gamp_waitgroup_wait(&wg);
}

static int woken;

static void wait_once(void)
{
    gamp_mutex_lock(&mu);
    count++;
    gamp_cond_wait(&cond, &mu);
    woken++;
    gamp_mutex_unlock(&mu);
    gamp_waitgroup_done(&wg);
}

TEST_GO(cond_broadcast_wakes_all_and_only_those)
{
    gamp_waitgroup_add(&wg, 21);
    for (int i = 0; i < 20; i++)
        CHECK_EQ(gamp_go(wait_once), 0);
    wait_for(20);
    gamp_mutex_lock(&mu);
    CHECK_EQ(woken, 0);
    gamp_cond_broadcast(&cond);
    gamp_mutex_unlock(&mu);
    CHECK_EQ(gamp_go(wait_once), 0);
    wait_for(21);
    for (bool went = false; !went; gamp_gosched()) {
        gamp_mutex_lock(&mu);
        went = woken == 20;
        gamp_mutex_unlock(&mu);
    }
    gamp_sleep(5 * GAMP_MILLISECOND);
    gamp_mutex_lock(&mu);
    CHECK_EQ(woken, 20); /* the one that came later waits */
    gamp_mutex_unlock(&mu);
    gamp_cond_signal(&cond);
    gamp_waitgroup_wait(&wg);
    CHECK_EQ(woken, 21);
}

static void cond_unlocked(void *arg)
{
    (void)arg;
    gamp_cond_wait(&cond, &mu);
}

static void cond_unlocked_until(void *arg)
{
    (void)arg;
    gamp_cond_wait_until(&cond, &mu, 0);
}

TEST_GO(cond_wait_until)
{
    gamp_time t = gamp_now() + 2 * GAMP_MILLISECOND;

    panics(cond_unlocked, NULL, "sync: unlock of unlocked mutex");
    panics(cond_unlocked_until, NULL, "sync: unlock of unlocked mutex");
    gamp_mutex_lock(&mu);
    CHECK_EQ(gamp_cond_wait_until(&cond, &mu, 0), -ETIMEDOUT);
    CHECK_EQ(gamp_cond_wait_until(&cond, &mu, t), -ETIMEDOUT);
    CHECK_GE(gamp_now(), t);
    CHECK(!gamp_mutex_trylock(&mu));
    gamp_mutex_unlock(&mu);
    CHECK(cond.first == NULL && cond.last == NULL);
}

/* A queue of items under a mutex, with time limits and signals that race: no item and no signal is
 * lost. */
static int items, taken;

static void consume(int n)
{
    uint64_t rand = test_seed() + (uint64_t)n;

    gamp_mutex_lock(&mu);
    while (taken < 10000) {
        if (items == 0) {
            gamp_time t = gamp_now() + (int64_t)(test_rand(&rand) % 50000);

            if (n % 2)
                gamp_cond_wait(&cond, &mu);
            else
                gamp_cond_wait_until(&cond, &mu, t);
            continue;
        }
        items--;
        if (++taken == 10000)
            gamp_cond_broadcast(&cond);
    }
    gamp_mutex_unlock(&mu);
    gamp_waitgroup_done(&wg);
}

static void produce(void)
{
    for (int i = 0; i < 5000; i++) {
        gamp_mutex_lock(&mu);
        items++;
        gamp_mutex_unlock(&mu);
        gamp_cond_signal(&cond);
        if (i % 16 == 0)
            gamp_gosched();
    }
    gamp_waitgroup_done(&wg);
}

static void *produce_thread(void *arg)
{
    produce();
    return arg;
}

TEST_GO_WITHIN(cond_loses_no_signal, 60)
{
    pthread_t t;

    gamp_waitgroup_add(&wg, 8);
    for (int i = 0; i < 6; i++)
        CHECK_EQ(gamp_go(consume, i), 0);
    CHECK_EQ(gamp_go(produce), 0);
    CHECK_EQ(pthread_create(&t, NULL, produce_thread, NULL), 0);
    gamp_waitgroup_wait(&wg);
    pthread_join(t, NULL);
    CHECK_EQ(taken, 10000);
    CHECK_EQ(items, 0);
}

struct mailbox {
    gamp_mutex m;
    gamp_cond c;
    gamp_sem s;
    bool full;
};

static void post(struct mailbox *b, int how)
{
    if (how == 2) {
        gamp_sem_release(&b->s, 1);
        return;
    }
    gamp_mutex_lock(&b->m);
    b->full = true;
    /* Under the mutex: after the waiter has locked it, the one that signals is done with all but
     * its unlock. */
    if (how)
        gamp_cond_signal(&b->c);
    else
        gamp_cond_broadcast(&b->c);
    gamp_mutex_unlock(&b->m);
}

static void receive(int rounds)
{
    for (int i = 0; i < rounds; i++) {
        struct mailbox *b = calloc(1, sizeof *b);

        CHECK_EQ(gamp_go(post, b, i % 3), 0);
        if (i % 3 == 2) {
            if (i % 2)
                gamp_sem_acquire(&b->s, 1);
            else
                while (!gamp_sem_tryacquire(&b->s, 1))
                    gamp_gosched();
        } else {
            gamp_mutex_lock(&b->m);
            while (!b->full)
                gamp_cond_wait(&b->c, &b->m);
            gamp_mutex_unlock(&b->m);
        }
        memset(b, 0xff, sizeof *b);
        free(b);
    }
    gamp_waitgroup_done(&wg);
}

TEST_GO_WITHIN(memory_goes_under_signal_and_release, 60)
{
    gamp_waitgroup_add(&wg, 4);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(gamp_go(receive, 3000), 0);
    gamp_waitgroup_wait(&wg);
}

/* ---- sem ---- */

static void sem_negative(void *what)
{
    if (what == (void *)0)
        gamp_sem_acquire(&sem, -1);
    else if (what == (void *)1)
        gamp_sem_release(&sem, -1);
    else
        gamp_sem_tryacquire(&sem, -1);
}

TEST_GO(sem_counts)
{
    CHECK(!gamp_sem_tryacquire(&sem, 1)); /* zeroed: has none */
    CHECK(gamp_sem_tryacquire(&sem, 0));
    gamp_sem_release(&sem, 2);
    CHECK(!gamp_sem_tryacquire(&sem, 3));
    CHECK(gamp_sem_tryacquire(&sem, 2));
    gamp_sem_init(&sem, 10);
    gamp_sem_acquire(&sem, 7);
    CHECK_EQ(gamp_sem_acquire_until(&sem, 4, 0), -ETIMEDOUT);
    CHECK_EQ(gamp_sem_acquire_until(&sem, 3, 0), 0);
    gamp_time t = gamp_now() + 2 * GAMP_MILLISECOND;
    CHECK_EQ(gamp_sem_acquire_until(&sem, 1, t), -ETIMEDOUT);
    CHECK_GE(gamp_now(), t);
    gamp_sem_release(&sem, 100);
    gamp_sem_acquire(&sem, 100);
    for (intptr_t i = 0; i < 3; i++)
        panics(sem_negative, (void *)i, "negative");
}

static _Atomic int sem_turn;

static void sem_take(int me, int64_t n)
{
    count++;
    gamp_sem_acquire(&sem, n);
    CHECK_EQ(sem_turn, me);
    sem_turn++;
    gamp_waitgroup_done(&wg);
}

/* A large one first in line keeps all behind it waiting, though there would be enough for them. */
TEST_GO(sem_is_first_in_first_out)
{
    static const int64_t wants[] = {5, 1, 1, 3};

    gamp_sem_init(&sem, 4);
    gamp_waitgroup_add(&wg, 4);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(gamp_go(sem_take, i, wants[i]), 0);
        await_goroutines(i + 1, "semaphore");
    }
    CHECK_EQ(sem_turn, 0);
    CHECK(!gamp_sem_tryacquire(&sem, 1)); /* nobody overtakes */
    CHECK(!gamp_sem_tryacquire(&sem, 0));
    gamp_sem_release(&sem, 1);
    for (int i = 1; i < 4; i++) {
        while (sem_turn != i)
            gamp_gosched();
        gamp_sleep(GAMP_MILLISECOND);
        CHECK_EQ(sem_turn, i);
        gamp_sem_release(&sem, wants[i]);
    }
    gamp_waitgroup_wait(&wg);
}

static _Atomic bool gave_up;

static void sem_give_up(void)
{
    gamp_time t = gamp_now() + 200 * GAMP_MILLISECOND;

    CHECK_EQ(gamp_sem_acquire_until(&sem, 10, t), -ETIMEDOUT);
    gave_up = true;
    gamp_waitgroup_done(&wg);
}

/* Starts one that waits for more than there will be and sees that nobody overtakes it; on a busy
 * machine its time may be over before. */
static void have_one_wait(void)
{
    bool waits = false;

    while (!waits) {
        gave_up = false;
        gamp_waitgroup_add(&wg, 1);
        CHECK_EQ(gamp_go(sem_give_up), 0);
        while (!waits && !gave_up) {
            waits = !gamp_sem_tryacquire(&sem, 1);
            if (!waits)
                gamp_sem_release(&sem, 1);
            gamp_gosched();
        }
    }
}

TEST_GO(sem_timeout_lets_those_behind_go_on)
{
    gamp_sem_init(&sem, 4);
    have_one_wait();
    gamp_waitgroup_add(&wg, 1);
    CHECK_EQ(gamp_go(sem_take, 0, (int64_t)3), 0);
    gamp_waitgroup_wait(&wg);
    CHECK(gamp_sem_tryacquire(&sem, 1));
    CHECK(!gamp_sem_tryacquire(&sem, 1));
}

static _Atomic int64_t inside;

static void sem_many(int me)
{
    uint64_t rand = test_seed() + (uint64_t)me;

    for (int i = 0; i < 3000; i++) {
        uint64_t r = test_rand(&rand);
        int64_t n = 1 + (int64_t)(r % 5);
        bool got = true;

        if (r % 3 == 0)
            got = gamp_sem_tryacquire(&sem, n);
        else if (r % 3 == 1)
            got = gamp_sem_acquire_until(&sem, n, gamp_now() + (int64_t)(r >> 30) % 100000) == 0;
        else
            gamp_sem_acquire(&sem, n);
        if (!got)
            continue;
        CHECK_LE(atomic_fetch_add(&inside, n) + n, 8);
        if (r % 7 == 0)
            gamp_gosched();
        inside -= n;
        gamp_sem_release(&sem, n);
    }
    gamp_waitgroup_done(&wg);
}

TEST_GO_WITHIN(sem_never_gives_more_than_it_has, 60)
{
    gamp_sem_init(&sem, 8);
    gamp_waitgroup_add(&wg, 8);
    for (int i = 0; i < 8; i++)
        CHECK_EQ(gamp_go(sem_many, i), 0);
    gamp_waitgroup_wait(&wg);
    CHECK_EQ(sem.count, 8);
    CHECK(sem.first == NULL);
}
