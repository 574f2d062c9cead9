/* SPDX-License-Identifier: BSD-3-Clause */
/* sync_edges: what sync.h's objects share: limits that have passed or never come, zeroed memory,
 * threads among goroutines in one line, deferred calls, and unstopped mistakes. */
#include "harness/test.h"
#include "harness/waits.h"
#include <dirent.h>
#include <errno.h>
#include <gamp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static gamp_waitgroup wg;
static gamp_mutex mu;
static gamp_rwmutex rw;
static gamp_cond cond;
static gamp_sem sem;

static void panics(void (*fn)(void *), void *arg, const char *message)
{
    gamp_panic_info info = {{0}, 0};

    CHECK_EQ(gamp_protect(fn, arg, &info), -EFAULT);
    CHECK_STR(info.message, message);
}

/* ---- limits of time ---- */

static const gamp_time passed[] = {0, -1, INT64_MIN, 1};

/* One try: 0 when it is free, -ETIMEDOUT when not, and nothing is left behind by the latter. */
static void check_passed(gamp_time t)
{
    gamp_waitgroup w = {0};

    CHECK_EQ(gamp_mutex_lock_until(&mu, t), 0);
    CHECK_EQ(gamp_mutex_lock_until(&mu, t), -ETIMEDOUT);
    gamp_mutex_unlock(&mu);
    CHECK(gamp_mutex_trylock(&mu));
    gamp_mutex_unlock(&mu);

    CHECK_EQ(gamp_rwmutex_lock_until(&rw, t), 0);
    CHECK_EQ(gamp_rwmutex_lock_until(&rw, t), -ETIMEDOUT);
    CHECK_EQ(gamp_rwmutex_rlock_until(&rw, t), -ETIMEDOUT);
    CHECK(!gamp_rwmutex_tryrlock(&rw));
    gamp_rwmutex_unlock(&rw);
    CHECK_EQ(gamp_rwmutex_rlock_until(&rw, t), 0);
    CHECK_EQ(gamp_rwmutex_lock_until(&rw, t), -ETIMEDOUT);
    CHECK_EQ(gamp_rwmutex_rlock_until(&rw, t), 0); /* no writer waits any more */
    CHECK(gamp_rwmutex_tryrlock(&rw));
    for (int i = 0; i < 3; i++)
        gamp_rwmutex_runlock(&rw);
    CHECK(gamp_rwmutex_trylock(&rw));
    gamp_rwmutex_unlock(&rw);

    CHECK_EQ(gamp_waitgroup_wait_until(&w, t), 0);
    gamp_waitgroup_add(&w, 2);
    CHECK_EQ(gamp_waitgroup_wait_until(&w, t), -ETIMEDOUT);
    gamp_waitgroup_add(&w, -2);
    CHECK_EQ(gamp_waitgroup_wait_until(&w, t), 0);

    gamp_mutex_lock(&mu);
    CHECK_EQ(gamp_cond_wait_until(&cond, &mu, t), -ETIMEDOUT);
    CHECK(!gamp_mutex_trylock(&mu));
    gamp_mutex_unlock(&mu);

    gamp_sem_init(&sem, 3);
    CHECK_EQ(gamp_sem_acquire_until(&sem, 4, t), -ETIMEDOUT);
    CHECK_EQ(gamp_sem_acquire_until(&sem, 3, t), 0);
    CHECK_EQ(gamp_sem_acquire_until(&sem, 1, t), -ETIMEDOUT);
    CHECK_EQ(gamp_sem_acquire_until(&sem, 0, t), 0);
    gamp_sem_release(&sem, 3);
    CHECK(gamp_sem_tryacquire(&sem, 3));
    CHECK(!gamp_sem_tryacquire(&sem, 1));
}

static void check_all_passed(void)
{
    errno = 77;
    for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++)
        check_passed(passed[i]);
    CHECK_EQ(errno, 77);
}

TEST_GO(passed_limits_try_once)
{
    check_all_passed();
}

TEST(passed_limits_try_once_without_a_runtime)
{
    check_all_passed();
}

static void *check_on_a_thread(void *arg)
{
    check_all_passed();
    return arg;
}

TEST_GO(passed_limits_try_once_on_a_thread)
{
    pthread_t t;

    CHECK_EQ(pthread_create(&t, NULL, check_on_a_thread, NULL), 0);
    pthread_join(t, NULL);
}

/* Waits without a limit end by what they wait for, and a limit far away is not reached. */
static void wait_until_far(gamp_time far)
{
    CHECK_EQ(gamp_mutex_lock_until(&mu, far), 0);
    gamp_mutex_unlock(&mu);
    CHECK_EQ(gamp_rwmutex_rlock_until(&rw, far), 0);
    gamp_rwmutex_runlock(&rw);
    CHECK_EQ(gamp_rwmutex_lock_until(&rw, far), 0);
    gamp_rwmutex_unlock(&rw);
    CHECK_EQ(gamp_sem_acquire_until(&sem, 1, far), 0);
    gamp_mutex_lock(&mu);
    CHECK_EQ(gamp_cond_wait_until(&cond, &mu, far), 0);
    gamp_mutex_unlock(&mu);
    gamp_waitgroup_done(&wg);
}

TEST_GO(far_limits_are_not_reached)
{
    static const gamp_time far[] = {GAMP_NEVER, GAMP_NEVER - 1, GAMP_HOUR};

    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
        gamp_time t = far[i] == GAMP_HOUR ? gamp_now() + GAMP_HOUR : far[i];

        gamp_sem_init(&sem, 0);
        gamp_mutex_lock(&mu);
        gamp_rwmutex_lock(&rw);
        gamp_waitgroup_add(&wg, 1);
        CHECK_EQ(gamp_go(wait_until_far, t), 0);
        await_goroutines(1, "sync.Mutex.Lock");
        gamp_mutex_unlock(&mu);
        await_goroutines(1, "sync.RWMutex.RLock");
        gamp_rwmutex_unlock(&rw);
        await_goroutines(1, "semaphore");
        gamp_sem_release(&sem, 1);
        await_goroutines(1, "sync.Cond.Wait");
        gamp_mutex_lock(&mu);
        gamp_cond_signal(&cond);
        gamp_mutex_unlock(&mu);
        CHECK_EQ(gamp_waitgroup_wait_until(&wg, t), 0);
    }
}

/* ---- one line for goroutines and threads ---- */

enum { N = 8 };
static _Atomic int turn;
static _Atomic pid_t tids[N];

static void wait_cond(int me)
{
    gamp_mutex_lock(&mu);
    tids[me] = (pid_t)syscall(SYS_gettid);
    if (me % 4 < 2)
        gamp_cond_wait(&cond, &mu);
    else
        CHECK_EQ(gamp_cond_wait_until(&cond, &mu, gamp_now() + GAMP_HOUR), 0);
    CHECK_EQ(turn, me);
    turn++;
    gamp_mutex_unlock(&mu);
    gamp_waitgroup_done(&wg);
}

static void wait_sem(int me)
{
    tids[me] = (pid_t)syscall(SYS_gettid);
    if (me % 4 < 2)
        gamp_sem_acquire(&sem, 1 + me % 3);
    else
        CHECK_EQ(gamp_sem_acquire_until(&sem, 1 + me % 3, gamp_now() + GAMP_HOUR), 0);
    CHECK_EQ(turn, me);
    turn++;
    gamp_waitgroup_done(&wg);
}

static void *wait_cond_thread(void *me)
{
    wait_cond((int)(intptr_t)me);
    return NULL;
}

static void *wait_sem_thread(void *me)
{
    wait_sem((int)(intptr_t)me);
    return NULL;
}

/* Odd ones on threads, each in its queue before the next comes. */
static void line_up(void (*fn)(int), void *(*thread)(void *), const char *why)
{
    pthread_t t;

    turn = 0;
    memset((void *)tids, 0, sizeof tids);
    gamp_waitgroup_add(&wg, N);
    for (int i = 0; i < N; i++) {
        if (i % 2 == 0) {
            CHECK_EQ(gamp_go(fn, i), 0);
            await_goroutines(i / 2 + 1, why);
            continue;
        }
        CHECK_EQ(pthread_create(&t, NULL, thread, (void *)(intptr_t)i), 0);
        pthread_detach(t);
        while (!tids[i])
            gamp_gosched();
        await_thread(tids[i]);
    }
}

static void until_turn(int n)
{
    while (turn != n)
        gamp_gosched();
}

TEST_GO(cond_serves_the_line_in_order)
{
    line_up(wait_cond, wait_cond_thread, "sync.Cond.Wait");
    for (int i = 0; i < N; i++) {
        CHECK_EQ(turn, i);
        gamp_cond_signal(&cond); /* without the mutex */
        until_turn(i + 1);
    }
    gamp_waitgroup_wait(&wg);
    gamp_cond_signal(&cond);
    gamp_cond_broadcast(&cond);
}

TEST_GO(sem_serves_the_line_in_order)
{
    gamp_sem_init(&sem, 0);
    line_up(wait_sem, wait_sem_thread, "semaphore");
    for (int i = 0; i < N; i++) {
        CHECK(!gamp_sem_tryacquire(&sem, 0)); /* nobody overtakes */
        CHECK_EQ(turn, i);
        gamp_sem_release(&sem, 1 + i % 3);
        until_turn(i + 1);
    }
    gamp_waitgroup_wait(&wg);
    CHECK(gamp_sem_tryacquire(&sem, 0));
    CHECK(!gamp_sem_tryacquire(&sem, 1));
}

/* Go's TestCondSignalStealing: a signal is for one that waited by then; one that comes later and
 * gets the mutex first does not take it. */
static _Atomic int stolen;

static void wait_and_tell(gamp_chan *ready, gamp_chan *woke)
{
    gamp_mutex_lock(&mu);
    gamp_chan_send(ready, NULL);
    gamp_cond_wait(&cond, &mu);
    gamp_mutex_unlock(&mu);
    gamp_chan_send(woke, NULL);
}

static void steal(gamp_chan *ready)
{
    gamp_mutex_lock(&mu);
    gamp_chan_send(ready, NULL);
    gamp_cond_wait(&cond, &mu);
    stolen++;
    gamp_mutex_unlock(&mu);
}

TEST_GO(a_signal_is_not_stolen)
{
    for (int i = 0; i < 300; i++) {
        gamp_chan *ready = gamp_chan_new(0, 1), *woke = gamp_chan_new(0, 1);

        CHECK_EQ(gamp_go(wait_and_tell, ready, woke), 0);
        gamp_chan_recv(ready, NULL);
        gamp_mutex_lock(&mu); /* it waits by now: it had the mutex until then */
        gamp_mutex_unlock(&mu);
        CHECK_EQ(gamp_go(steal, ready), 0);
        gamp_cond_signal(&cond);
        gamp_chan_recv(ready, NULL);
        CHECK(gamp_chan_recv(woke, NULL));
        CHECK_EQ(stolen, i);
        gamp_mutex_lock(&mu);
        gamp_mutex_unlock(&mu);
        gamp_cond_broadcast(&cond);
        while (stolen != i + 1)
            gamp_gosched();
        gamp_chan_unref(ready);
        gamp_chan_unref(woke);
    }
}

/* ---- a wait parks the goroutine, never its thread ---- */

static gamp_once once;
static gamp_chan *nothing;

static void once_waits(void *arg)
{
    (void)arg;
    gamp_chan_recv(nothing, NULL);
}

static void wait_somehow(int how)
{
    gamp_time far = gamp_now() + GAMP_HOUR;

    if (how == 0) {
        gamp_mutex_lock(&mu);
        gamp_mutex_unlock(&mu);
    } else if (how == 1) {
        CHECK_EQ(gamp_rwmutex_rlock_until(&rw, far), 0);
        gamp_rwmutex_runlock(&rw);
    } else if (how == 2) {
        gamp_once_do(&once, once_waits, NULL);
    } else if (how == 3) {
        gamp_sem_acquire(&sem, 1);
    } else if (how == 4) {
        CHECK_EQ(gamp_chan_recv_until(nothing, NULL, far), -EPIPE);
    } else {
        CHECK_EQ(gamp_select(GAMP_RECV(nothing, NULL), GAMP_AT(far)), 0);
    }
    gamp_waitgroup_done(&wg);
}

static int threads(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/task");

    CHECK(d != NULL);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

TEST_GO(waits_keep_no_threads)
{
    enum { EACH = 200 };
    int before, during;

    nothing = gamp_chan_new(0, 0);
    gamp_mutex_lock(&mu);
    gamp_rwmutex_lock(&rw);
    gamp_sem_init(&sem, 0);
    before = threads();
    gamp_waitgroup_add(&wg, 6 * EACH);
    for (int i = 0; i < 6 * EACH; i++)
        CHECK_EQ(gamp_go(wait_somehow, i % 6), 0);
    await_goroutines(EACH, "sync.Mutex.Lock");
    await_goroutines(EACH, "sync.RWMutex.RLock");
    await_goroutines(EACH - 1, "semacquire");
    await_goroutines(EACH, "semaphore");
    await_goroutines(EACH + 1, "chan receive");
    await_goroutines(EACH, "select");
    during = threads();
    CHECK_MSG(during - before < gamp_gomaxprocs(0) + 10, "%d threads, then %d", before, during);
    gamp_mutex_unlock(&mu);
    gamp_rwmutex_unlock(&rw);
    gamp_sem_release(&sem, EACH);
    gamp_chan_close(nothing);
    gamp_waitgroup_wait(&wg);
    gamp_chan_unref(nothing);
}

/* ---- semaphores of any weight ---- */

static void release_max(void *s)
{
    gamp_sem_release((gamp_sem *)s, INT64_MAX);
}

static void init_negative(void *s)
{
    gamp_sem_init((gamp_sem *)s, -1);
}

TEST_GO(sem_of_any_weight)
{
    gamp_sem s = {0};

    gamp_sem_release(&s, INT64_MAX);
    CHECK(gamp_sem_tryacquire(&s, INT64_MAX));
    CHECK(!gamp_sem_tryacquire(&s, 1));
    gamp_sem_release(&s, 1);
    panics(release_max, &s, "semaphore: more than the count can hold");
    CHECK(gamp_sem_tryacquire(&s, 1)); /* as it was before */
    CHECK(!gamp_sem_tryacquire(&s, 1));
    panics(init_negative, &s, "semaphore: negative weight");
    gamp_sem_init(&s, 5);
    gamp_sem_release(&s, 0);
    gamp_sem_acquire(&s, 0);
    gamp_sem_acquire(&s, 5);
}

/* ---- deferred calls give back what a panic or goexit would keep ---- */

static void hold_all_and_panic(void *arg)
{
    gamp_mutex_lock(&mu);
    gamp_defer(gamp_mutex_unlock, &mu);
    gamp_rwmutex_lock(&rw);
    gamp_defer(gamp_rwmutex_unlock, &rw);
    if (arg)
        gamp_panic("holding");
    gamp_goexit();
}

static void hold_all(bool panic)
{
    gamp_defer(gamp_waitgroup_done, &wg);
    gamp_protect(hold_all_and_panic, panic ? &mu : NULL, NULL);
}

TEST_GO(deferred_unlocks)
{
    gamp_waitgroup_add(&wg, 2);
    CHECK_EQ(gamp_go(hold_all, true), 0);
    CHECK_EQ(gamp_go(hold_all, false), 0);
    gamp_waitgroup_wait(&wg);
    CHECK(gamp_mutex_trylock(&mu) && gamp_rwmutex_trylock(&rw));
}

/* ---- any thread or goroutine may unlock ---- */

static void *lock_both(void *arg)
{
    gamp_mutex_lock(&mu);
    gamp_rwmutex_lock(&rw);
    return arg;
}

static void unlock_both(void *arg)
{
    (void)arg;
    gamp_mutex_unlock(&mu);
    gamp_rwmutex_unlock(&rw);
    gamp_waitgroup_done(&wg);
}

TEST_GO(unlocked_from_elsewhere)
{
    pthread_t t;

    for (int i = 0; i < 20; i++) {
        gamp_timer *timer;

        CHECK_EQ(pthread_create(&t, NULL, lock_both, NULL), 0);
        pthread_join(t, NULL);
        CHECK(!gamp_mutex_trylock(&mu) && !gamp_rwmutex_tryrlock(&rw));
        gamp_waitgroup_add(&wg, 1);
        timer = gamp_after_func(0, unlock_both, NULL); /* in a goroutine */
        gamp_waitgroup_wait(&wg);
        CHECK(gamp_mutex_trylock(&mu) && gamp_rwmutex_trylock(&rw));
        gamp_mutex_unlock(&mu);
        gamp_rwmutex_unlock(&rw);
        gamp_timer_free(timer);
    }
}

/* ---- waitgroups ---- */

static void *wait_thread(void *w)
{
    gamp_waitgroup_wait(w);
    return NULL;
}

TEST_GO(a_waitgroup_lets_threads_and_goroutines_go)
{
    for (int round = 0; round < 20; round++) {
        gamp_waitgroup w = {0};
        pthread_t t[3];

        gamp_waitgroup_add(&w, 10);
        for (int i = 0; i < 3; i++) {
            CHECK_EQ(pthread_create(&t[i], NULL, wait_thread, &w), 0);
            CHECK_EQ(gamp_waitgroup_go(&wg, gamp_waitgroup_wait, &w), 0);
        }
        gamp_waitgroup_add(&w, -9);
        gamp_gosched();
        gamp_waitgroup_add(&w, 5);
        gamp_waitgroup_add(&w, -6);
        for (int i = 0; i < 3; i++)
            pthread_join(t[i], NULL);
        gamp_waitgroup_wait(&wg);
    }
}

static void below_zero(void *w)
{
    gamp_waitgroup_add((gamp_waitgroup *)w, -3);
}

TEST_GO(a_negative_waitgroup_panics)
{
    gamp_waitgroup w = {0};

    gamp_waitgroup_add(&w, 2);
    panics(below_zero, &w, "sync: negative WaitGroup counter");
}

/* ---- once ---- */

static gamp_once outer_once, inner_once;
static int order;

static void inner_fn(void *arg)
{
    CHECK(arg == &order);
    CHECK_EQ(order++, 1);
}

static void outer_fn(void *arg)
{
    CHECK_EQ(order++, 0);
    gamp_once_do(&inner_once, inner_fn, arg);
    CHECK_EQ(order++, 2);
}

static void never_fn(void *arg)
{
    (void)arg;
    CHECK(false);
}

static void check_once(void)
{
    gamp_once_do(&outer_once, outer_fn, &order);
    CHECK_EQ(order, 3);
    gamp_once_do(&outer_once, never_fn, NULL);
    gamp_once_do(&inner_once, never_fn, NULL);
}

TEST_GO(a_once_in_another)
{
    check_once();
}

TEST(a_once_in_another_without_a_runtime)
{
    check_once();
}

/* ---- unstopped mistakes: Go's words and status 2 ---- */

static void die_mutex(void)
{
    gamp_mutex_unlock(&mu);
}

static void die_rwmutex(void)
{
    gamp_rwmutex_unlock(&rw);
}

static void die_rwmutex_read(void)
{
    gamp_rwmutex_runlock(&rw);
}

static void die_waitgroup(void)
{
    gamp_waitgroup_done(&wg);
}

static void die_ticker(void)
{
    CHECK(gamp_ticker_new(0) == NULL);
}

static int run_main(int argc, char **argv)
{
    (void)argc;
    ((void (*)(void))(void *)argv)();
    return 0;
}

static void run(void *fn)
{
    gamp_run(run_main, 0, fn);
}

TEST(mistakes_end_the_process_with_gos_words)
{
    expect_exit(run, (void *)die_mutex, 2,
                "panic: sync: unlock of unlocked mutex\n\ngoroutine 1 [");
    expect_exit(run, (void *)die_rwmutex, 2, "panic: sync: Unlock of unlocked RWMutex\n\ngorout");
    expect_exit(run, (void *)die_rwmutex_read, 2, "panic: sync: RUnlock of unlocked RWMutex\n\ngo");
    expect_exit(run, (void *)die_waitgroup, 2, "panic: sync: negative WaitGroup counter\n\ngorout");
    expect_exit(run, (void *)die_ticker, 2, "panic: non-positive interval for NewTicker\n\ngorout");
}
