/* SPDX-License-Identifier: BSD-3-Clause */
/* sync_mutex: mutex and rwmutex exclude, wake, time out, and are fair. */
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
#include <stdlib.h>
#include <string.h>

static gamp_mutex mu;
static gamp_rwmutex rw;
static gamp_waitgroup wg;
static long plain; /* guarded by what is tested */

static void go_n(void (*fn)(int), int n)
{
    gamp_waitgroup_add(&wg, n);
    for (int i = 0; i < n; i++)
        CHECK_EQ(gamp_go(fn, i), 0);
}

static void add_locked(int n)
{
    for (int i = 0; i < 20000; i++) {
        gamp_mutex_lock(&mu);
        plain++;
        if (i % 64 == n)
            gamp_gosched();
        gamp_mutex_unlock(&mu);
    }
    gamp_waitgroup_done(&wg);
}

TEST_GO_WITHIN(mutex_excludes, 60)
{
    go_n(add_locked, 8);
    gamp_waitgroup_wait(&wg);
    CHECK_EQ(plain, 8 * 20000);
    CHECK(gamp_mutex_trylock(&mu));
    CHECK(!gamp_mutex_trylock(&mu));
    CHECK_EQ(gamp_mutex_lock_until(&mu, 0), -ETIMEDOUT);
    gamp_mutex_unlock(&mu);
    CHECK_EQ(gamp_mutex_lock_until(&mu, 0), 0);
    gamp_mutex_unlock(&mu);
}

static void add_by_any_means(int n)
{
    uint64_t rand = test_seed() + (uint64_t)n;

    for (int i = 0; i < 5000; i++) {
        uint64_t r = test_rand(&rand);
        bool mine = true;

        if (r % 4 == 0)
            mine = gamp_mutex_trylock(&mu);
        else if (r % 4 == 1)
            gamp_mutex_lock(&mu);
        else
            mine = gamp_mutex_lock_until(&mu, gamp_now() + (int64_t)(r >> 20) % 200000) == 0;
        if (!mine)
            continue;
        plain++;
        if (r % 16 == 5)
            gamp_sleep((int64_t)(r >> 40) % 100000);
        plain--;
        CHECK_EQ(plain, 0);
        gamp_mutex_unlock(&mu);
    }
    gamp_waitgroup_done(&wg);
}

static void *add_on_a_thread(void *n)
{
    add_by_any_means((int)(intptr_t)n);
    return NULL;
}

/* Waits that time out come and go in all states of the mutex; at the end it is free and none was
 * forgotten. */
TEST_GO_WITHIN(mutex_timeouts_and_threads, 60)
{
    pthread_t t[2];

    go_n(add_by_any_means, 10);
    gamp_waitgroup_add(&wg, 2);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&t[i], NULL, add_on_a_thread, (void *)(intptr_t)(100 + i)), 0);
    gamp_waitgroup_wait(&wg);
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    CHECK_EQ(plain, 0);
    CHECK(gamp_mutex_trylock(&mu));
    gamp_mutex_unlock(&mu);
    CHECK_EQ(mu.state, 0);
    CHECK_EQ(mu.sema, 0);
}

static _Atomic bool hog_stop;

static void hog(void)
{
    while (!hog_stop) {
        gamp_mutex_lock(&mu);
        for (gamp_time t = gamp_now() + 100 * GAMP_MICROSECOND; gamp_now() < t;)
            ;
        gamp_mutex_unlock(&mu);
    }
    gamp_waitgroup_done(&wg);
}

/* Go's TestMutexFairness: who holds it 100 us at a time and asks again at once must let another
 * in. */
TEST_GO(mutex_is_fair)
{
    gamp_waitgroup_add(&wg, 1);
    CHECK_EQ(gamp_go(hog), 0);
    for (int i = 0; i < 10; i++) {
        gamp_sleep(100 * GAMP_MICROSECOND);
        gamp_mutex_lock(&mu);
        gamp_mutex_unlock(&mu);
    }
    hog_stop = true;
    gamp_waitgroup_wait(&wg);
}

static void lock_for_another(gamp_chan *c)
{
    gamp_mutex_lock(&mu);
    gamp_chan_send(c, NULL);
}

TEST_GO(mutex_is_unlocked_by_another)
{
    gamp_chan *c = gamp_chan_new(0, 0);

    for (int i = 0; i < 100; i++) {
        CHECK_EQ(gamp_go(lock_for_another, c), 0);
        gamp_chan_recv(c, NULL);
        gamp_mutex_unlock(&mu);
    }
    gamp_chan_unref(c);
}

static void unlock_mutex(void *m)
{
    gamp_mutex_unlock(m);
}

static void unlock_rw(void *m)
{
    gamp_rwmutex_unlock(m);
}

static void runlock_rw(void *m)
{
    gamp_rwmutex_runlock(m);
}

static void panics(void (*fn)(void *), void *m, const char *message)
{
    gamp_panic_info info;

    CHECK_EQ(gamp_protect(fn, m, &info), -EFAULT);
    CHECK_STR(info.message, message);
}

static void mistakes(void)
{
    panics(unlock_mutex, &mu, "sync: unlock of unlocked mutex");
    panics(unlock_rw, &rw, "sync: Unlock of unlocked RWMutex");
    panics(runlock_rw, &rw, "sync: RUnlock of unlocked RWMutex");
    gamp_rwmutex_rlock(&rw);
    panics(unlock_rw, &rw, "sync: Unlock of unlocked RWMutex");
    gamp_rwmutex_runlock(&rw);
    gamp_rwmutex_lock(&rw);
    panics(runlock_rw, &rw, "sync: RUnlock of unlocked RWMutex");
    gamp_rwmutex_unlock(&rw);
    /* They are as good as before. */
    gamp_mutex_lock(&mu);
    gamp_mutex_unlock(&mu);
    gamp_rwmutex_lock(&rw);
    gamp_rwmutex_unlock(&rw);
}

TEST_GO(mistakes_panic)
{
    mistakes();
}

TEST(mistakes_panic_without_a_runtime)
{
    mistakes();
}

static _Atomic int readers, writers, most;

static void read_write(int n)
{
    uint64_t rand = test_seed() + (uint64_t)n;

    for (int i = 0; i < 3000; i++) {
        uint64_t r = test_rand(&rand);
        gamp_time t = gamp_now() + (int64_t)(r >> 20) % 100000;
        bool write = r % 5 == 0, mine = true;

        switch (r / 8 % 3) {
        case 0:
            mine = write ? gamp_rwmutex_trylock(&rw) : gamp_rwmutex_tryrlock(&rw);
            break;
        case 1:
            mine =
                (write ? gamp_rwmutex_lock_until(&rw, t) : gamp_rwmutex_rlock_until(&rw, t)) == 0;
            break;
        default:
            write ? gamp_rwmutex_lock(&rw) : gamp_rwmutex_rlock(&rw);
        }
        if (!mine)
            continue;
        if (write) {
            CHECK_EQ(++writers, 1);
            CHECK_EQ(readers, 0);
        } else {
            int now = ++readers;

            CHECK_EQ(writers, 0);
            if (now > most)
                most = now;
        }
        if (r % 3 == 0)
            gamp_gosched();
        if (r % 64 == 5)
            gamp_sleep((int64_t)(r >> 40) % 100000);
        if (write) {
            writers--;
            gamp_rwmutex_unlock(&rw);
        } else {
            readers--;
            gamp_rwmutex_runlock(&rw);
        }
    }
    gamp_waitgroup_done(&wg);
}

static void *read_write_thread(void *n)
{
    read_write((int)(intptr_t)n);
    return NULL;
}

TEST_GO_WITHIN(rwmutex_excludes, 60)
{
    pthread_t t[2];

    go_n(read_write, 12);
    gamp_waitgroup_add(&wg, 2);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&t[i], NULL, read_write_thread, (void *)(intptr_t)(100 + i)), 0);
    gamp_waitgroup_wait(&wg);
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    CHECK_GT(most, 1); /* readers were inside together */
    CHECK_EQ(rw.state, 0);
    CHECK(rw.writer_sem == 0 && rw.reader_sem == 0);
}

static _Atomic int step;

static void write_once(void)
{
    gamp_rwmutex_lock(&rw);
    step = 1;
    gamp_rwmutex_unlock(&rw);
    gamp_waitgroup_done(&wg);
}

static void read_once(void)
{
    gamp_rwmutex_rlock(&rw);
    step = 2;
    gamp_rwmutex_runlock(&rw);
    gamp_waitgroup_done(&wg);
}

TEST_GO(a_waiting_writer_stops_new_readers)
{
    gamp_waitgroup_add(&wg, 2);
    gamp_rwmutex_rlock(&rw);
    CHECK(gamp_rwmutex_tryrlock(&rw));
    gamp_rwmutex_runlock(&rw);
    CHECK_EQ(gamp_go(write_once), 0);
    while (gamp_rwmutex_tryrlock(&rw)) {
        gamp_rwmutex_runlock(&rw);
        gamp_gosched();
    }
    CHECK_EQ(gamp_rwmutex_rlock_until(&rw, gamp_now() + GAMP_MILLISECOND), -ETIMEDOUT);
    CHECK_EQ(gamp_go(read_once), 0);
    await_goroutines(1, "sync.RWMutex.RLock");
    CHECK_EQ(step, 0);
    gamp_rwmutex_runlock(&rw);
    gamp_waitgroup_wait(&wg);
    CHECK_EQ(step, 2); /* the writer before the reader that came after it */
}

static _Atomic bool gave_up;

static void write_until(gamp_time t)
{
    CHECK_EQ(gamp_rwmutex_lock_until(&rw, t), -ETIMEDOUT);
    gave_up = true;
    gamp_waitgroup_done(&wg);
}

/* Starts one that waits to write and sees that it keeps readers out; on a busy machine its time
 * may be over before. */
static void have_writer_wait(void)
{
    bool waits = false;

    while (!waits) {
        gave_up = false;
        gamp_waitgroup_add(&wg, 1);
        CHECK_EQ(gamp_go(write_until, gamp_now() + 30 * GAMP_MILLISECOND), 0);
        while (!waits && !gave_up) {
            waits = !gamp_rwmutex_tryrlock(&rw);
            if (!waits)
                gamp_rwmutex_runlock(&rw);
            gamp_gosched();
        }
    }
}

/* A writer that gives up lets in those whom it kept out. */
TEST_GO(a_writer_that_times_out_lets_readers_in)
{
    gamp_rwmutex_rlock(&rw);
    have_writer_wait();
    gamp_waitgroup_add(&wg, 1);
    CHECK_EQ(gamp_go(read_once), 0);
    gamp_waitgroup_wait(&wg); /* while this reader is still inside */
    CHECK_EQ(step, 2);
    CHECK(gamp_rwmutex_tryrlock(&rw));
    gamp_rwmutex_runlock(&rw);
    gamp_rwmutex_runlock(&rw);
    CHECK(gamp_rwmutex_trylock(&rw));
    gamp_rwmutex_unlock(&rw);
}

/* After a writer those readers come first that waited by then; a writer that waits too still stops
 * new ones. */
TEST_GO(readers_come_between_two_writers)
{
    gamp_rwmutex_lock(&rw);
    gamp_waitgroup_add(&wg, 2);
    CHECK_EQ(gamp_go(read_once), 0);
    await_goroutines(1, "sync.RWMutex.RLock");
    CHECK_EQ(gamp_go(write_once), 0);
    await_goroutines(1, "sync.RWMutex.Lock");
    gamp_rwmutex_unlock(&rw);
    CHECK(!gamp_rwmutex_tryrlock(&rw) || step == 1);
    gamp_waitgroup_wait(&wg);
    CHECK_EQ(step, 1);
}

/* Memory of a mutex goes as soon as the last lock has returned. The one that unlocked may be
 * anywhere. */
struct shortlived {
    gamp_mutex m;
    gamp_rwmutex rw;
    int uses;
};

static void use_shortlived(struct shortlived *s)
{
    int uses;

    gamp_mutex_lock(&s->m);
    uses = --s->uses;
    gamp_mutex_unlock(&s->m);
    if (uses == 0) {
        /* All others have unlocked, or are on their way out of it. */
        memset(s, 0xff, sizeof *s);
        free(s);
    }
    gamp_waitgroup_done(&wg);
}

static void use_shortlived_rw(struct shortlived *s)
{
    int uses;

    gamp_rwmutex_rlock(&s->rw);
    gamp_rwmutex_runlock(&s->rw);
    gamp_rwmutex_lock(&s->rw);
    uses = --s->uses;
    gamp_rwmutex_unlock(&s->rw);
    if (uses == 0) {
        memset(s, 0xff, sizeof *s);
        free(s);
    }
    gamp_waitgroup_done(&wg);
}

TEST_GO_WITHIN(memory_goes_under_unlock, 60)
{
    enum { USERS = 4 };

    for (int i = 0; i < 10000; i++) {
        struct shortlived *s = calloc(1, sizeof *s);

        s->uses = USERS;
        gamp_waitgroup_add(&wg, USERS);
        for (int k = 0; k < USERS; k++)
            CHECK_EQ(i % 2 ? gamp_go(use_shortlived, s) : gamp_go(use_shortlived_rw, s), 0);
        if (i % 8 == 0)
            gamp_waitgroup_wait(&wg);
    }
    gamp_waitgroup_wait(&wg);
}

/* Many addresses in few buckets: the tree of waiters keeps all apart. */
enum { MANY = 2000 };
static gamp_mutex many[MANY];
static _Atomic int held;

static void lock_one(int i)
{
    gamp_mutex_lock(&many[i]);
    held++;
    gamp_mutex_unlock(&many[i]);
    gamp_waitgroup_done(&wg);
}

TEST_GO(many_mutexes_at_once)
{
    uint64_t rand = test_seed();
    int order[MANY];

    for (int i = 0; i < MANY; i++)
        gamp_mutex_lock(&many[i]);
    go_n(lock_one, MANY);
    go_n(lock_one, MANY);
    gamp_sleep(20 * GAMP_MILLISECOND);
    CHECK_EQ(held, 0);
    for (int i = 0; i < MANY; i++) {
        int j = (int)(test_rand(&rand) % (unsigned)(i + 1));

        order[i] = order[j];
        order[j] = i;
    }
    for (int i = 0; i < MANY; i++)
        gamp_mutex_unlock(&many[order[i]]);
    gamp_waitgroup_wait(&wg);
    CHECK_EQ(held, 2 * MANY);
}
