/* SPDX-License-Identifier: BSD-3-Clause */
/* twins: what comes before what. One side writes, tells the other by an object of gamp, and the
 * other reads: it must see it, and ThreadSanitizer must be silent about it. The wrong twin of each
 * tells first and writes then: ThreadSanitizer must find that, or its silence means nothing. Both
 * between goroutines, and from a thread to a goroutine.
 *
 * And for AddressSanitizer: what a channel brings may be the address of a frame that has been left,
 * or of memory that was freed. */
#include "harness/test.h"

#include <gamp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_THREAD__)
#define TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASAN 1
#endif
#endif

struct twin {
    const char *name;
    void (*tell)(void);
    void (*hear)(void); /* NULL: tell has started listen() */
};

static struct {
    const struct twin *twin;
    bool late; /* the wrong twin */
    int shared, seen;
    /* Orders nothing. */
    _Atomic int flag;
    gamp_waitgroup ends, wg;
    gamp_chan *unbuffered, *buffered, *full;
    gamp_mutex mutex;
    gamp_rwmutex rwmutex;
    gamp_once once;
    gamp_cond cond;
    gamp_sem sem;
    gamp_map *map;
    gamp_pool pool;
    gamp_timer *timer;
    gamp_context *context;
} t;

static bool flagged(void)
{
    return atomic_load_explicit(&t.flag, memory_order_relaxed) != 0;
}

static void set_flag(void *arg)
{
    (void)arg;
    atomic_store_explicit(&t.flag, 1, memory_order_relaxed);
}

static void nothing(void *arg)
{
    (void)arg;
}

static void listen_now(void *arg)
{
    (void)arg;
    if (t.twin->hear)
        t.twin->hear();
    t.seen = t.shared;
    gamp_waitgroup_done(&t.ends);
}

static void speak(void)
{
    if (!t.late)
        t.shared = 1;
    t.twin->tell();
    if (t.late)
        t.shared = 1;
    gamp_waitgroup_done(&t.ends);
}

static const int one = 1;

static void send_unbuffered(void)
{
    gamp_chan_send(t.unbuffered, &one);
}

static void recv_unbuffered(void)
{
    int v;

    CHECK(gamp_chan_recv(t.unbuffered, &v));
    CHECK_EQ(v, 1);
}

static void send_buffered(void)
{
    gamp_chan_send(t.buffered, &one);
}

static void recv_buffered(void)
{
    CHECK(gamp_chan_recv(t.buffered, (int *)NULL));
}

/* The receive comes before the end of the send that its place is for. */
static void make_room(void)
{
    CHECK(gamp_chan_recv(t.full, (int *)NULL));
}

static void fill_again(void)
{
    gamp_chan_send(t.full, &one);
}

static void recv_told(void)
{
    CHECK(gamp_chan_recv(t.unbuffered, (int *)NULL));
}

static void send_heard(void)
{
    gamp_chan_send(t.unbuffered, &one);
}

static void try_send(void)
{
    while (gamp_chan_try_send(t.unbuffered, &one) == -EAGAIN)
        gamp_gosched();
}

static void try_recv(void)
{
    int v;

    while (gamp_chan_try_recv(t.buffered, &v) == -EAGAIN)
        gamp_gosched();
}

static void send_timed(void)
{
    CHECK_EQ(gamp_chan_send_until(t.unbuffered, &one, GAMP_NEVER - 1), 0);
}

static void recv_timed(void)
{
    int v;

    CHECK_EQ(gamp_chan_recv_until(t.unbuffered, &v, GAMP_NEVER - 1), 0);
}

static void close_chan(void)
{
    gamp_chan_close(t.unbuffered);
}

static void recv_end(void)
{
    CHECK(!gamp_chan_recv(t.unbuffered, (int *)NULL));
}

static void select_send(void)
{
    CHECK_EQ(gamp_select(GAMP_SEND(t.unbuffered, &one), GAMP_RECV(t.buffered, (int *)NULL)), 0);
}

static void select_recv(void)
{
    int v;

    CHECK_EQ(gamp_select(GAMP_RECV(t.buffered, &v), GAMP_RECV(t.unbuffered, &v),
                         GAMP_AT(GAMP_NEVER - 1)),
             1);
}

static void select_end(void)
{
    CHECK_EQ(gamp_select(GAMP_RECV(t.buffered, (int *)NULL), GAMP_RECV(t.unbuffered, (int *)NULL)),
             1);
}

static void mutex_set(void)
{
    gamp_mutex_lock(&t.mutex);
    set_flag(NULL);
    gamp_mutex_unlock(&t.mutex);
}

/* Until a lock comes after the one in which the flag was set. */
static void mutex_see(void)
{
    for (bool seen = false; !seen; gamp_gosched()) {
        gamp_mutex_lock(&t.mutex);
        seen = flagged();
        gamp_mutex_unlock(&t.mutex);
    }
}

static void mutex_try(void)
{
    for (bool seen = false; !seen; gamp_gosched()) {
        if (!gamp_mutex_trylock(&t.mutex))
            continue;
        seen = flagged();
        gamp_mutex_unlock(&t.mutex);
    }
}

static void mutex_timed(void)
{
    for (bool seen = false; !seen; gamp_gosched()) {
        CHECK_EQ(gamp_mutex_lock_until(&t.mutex, GAMP_NEVER - 1), 0);
        seen = flagged();
        gamp_mutex_unlock(&t.mutex);
    }
}

static void rwmutex_set(void)
{
    gamp_rwmutex_lock(&t.rwmutex);
    set_flag(NULL);
    gamp_rwmutex_unlock(&t.rwmutex);
}

static void rwmutex_see(void)
{
    for (bool seen = false; !seen; gamp_gosched()) {
        gamp_rwmutex_rlock(&t.rwmutex);
        seen = flagged();
        gamp_rwmutex_runlock(&t.rwmutex);
    }
}

static void rwmutex_try(void)
{
    for (bool seen = false; !seen; gamp_gosched()) {
        if (!gamp_rwmutex_tryrlock(&t.rwmutex))
            continue;
        seen = flagged();
        gamp_rwmutex_runlock(&t.rwmutex);
    }
}

/* A reader comes before the writer after it. */
static void rwmutex_read(void)
{
    gamp_rwmutex_rlock(&t.rwmutex);
    set_flag(NULL);
    gamp_rwmutex_runlock(&t.rwmutex);
}

static void rwmutex_write(void)
{
    for (bool seen = false; !seen; gamp_gosched()) {
        gamp_rwmutex_lock(&t.rwmutex);
        seen = flagged();
        gamp_rwmutex_unlock(&t.rwmutex);
    }
}

static void wg_done(void)
{
    gamp_waitgroup_done(&t.wg);
}

static void wg_wait(void)
{
    gamp_waitgroup_wait(&t.wg);
}

static void wg_wait_timed(void)
{
    CHECK_EQ(gamp_waitgroup_wait_until(&t.wg, GAMP_NEVER - 1), 0);
}

static void once_first(void)
{
    gamp_once_do(&t.once, set_flag, NULL);
}

static void once_again(void)
{
    while (!flagged())
        gamp_gosched();
    gamp_once_do(&t.once, nothing, NULL);
}

static void cond_set(void)
{
    gamp_mutex_lock(&t.mutex);
    set_flag(NULL);
    gamp_cond_broadcast(&t.cond);
    gamp_mutex_unlock(&t.mutex);
}

static void cond_see(void)
{
    gamp_mutex_lock(&t.mutex);
    while (!flagged())
        gamp_cond_wait(&t.cond, &t.mutex);
    gamp_mutex_unlock(&t.mutex);
}

static void sem_release(void)
{
    gamp_sem_release(&t.sem, 1);
}

static void sem_acquire(void)
{
    gamp_sem_acquire(&t.sem, 1);
}

static void sem_try(void)
{
    while (!gamp_sem_tryacquire(&t.sem, 1))
        gamp_gosched();
}

static void map_store(void)
{
    CHECK_EQ(gamp_map_store(t.map, GAMP_BYTES("key"), &t), 0);
}

static void map_load(void)
{
    void *v;

    while (!gamp_map_load(t.map, GAMP_BYTES("key"), &v))
        gamp_gosched();
    CHECK(v == &t);
}

static void map_load_or_store(void)
{
    void *v;

    while (!gamp_map_load(t.map, GAMP_BYTES("key"), NULL))
        gamp_gosched();
    CHECK_EQ(gamp_map_load_or_store(t.map, GAMP_BYTES("key"), NULL, &v), 1);
}

static void pool_put(void)
{
    gamp_pool_put(&t.pool, &t);
}

static void pool_get(void)
{
    while (!gamp_pool_get(&t.pool))
        gamp_gosched();
}

static void timer_reset(void)
{
    gamp_timer_reset(t.timer, 0);
}

static void timer_recv(void)
{
    CHECK(gamp_chan_recv(gamp_timer_chan(t.timer), (gamp_time *)NULL));
}

static gamp_timer *after;

static void start_func_kept(void)
{
    after = gamp_after_func(0, listen_now, NULL);
    CHECK(after != NULL);
}

static void start_goroutine(void)
{
    CHECK_EQ(gamp_go(listen_now, NULL), 0);
}

static void cancel(void)
{
    gamp_context_cancel(t.context, 0);
}

static void context_done(void)
{
    CHECK(!gamp_chan_recv(gamp_context_done(t.context), (void *)NULL));
}

static void context_err(void)
{
    while (gamp_context_err(t.context) == 0)
        gamp_gosched();
}

static const struct twin twins[] = {
    {"unbuffered", send_unbuffered, recv_unbuffered},
    {"unbuffered, receive first", recv_told, send_heard},
    {"buffered", send_buffered, recv_buffered},
    {"room in a buffer", make_room, fill_again},
    {"try_send", try_send, recv_unbuffered},
    {"try_recv", send_buffered, try_recv},
    {"send_until, recv_until", send_timed, recv_timed},
    {"close", close_chan, recv_end},
    {"select", select_send, select_recv},
    {"select, close", close_chan, select_end},
    {"select, send", select_send, recv_unbuffered},
    {"mutex", mutex_set, mutex_see},
    {"mutex_trylock", mutex_set, mutex_try},
    {"mutex_lock_until", mutex_set, mutex_timed},
    {"rwmutex", rwmutex_set, rwmutex_see},
    {"rwmutex_tryrlock", rwmutex_set, rwmutex_try},
    {"rwmutex, a writer after a reader", rwmutex_read, rwmutex_write},
    {"waitgroup", wg_done, wg_wait},
    {"waitgroup_wait_until", wg_done, wg_wait_timed},
    {"once", once_first, once_again},
    {"cond", cond_set, cond_see},
    {"sem", sem_release, sem_acquire},
    {"sem_tryacquire", sem_release, sem_try},
    {"map", map_store, map_load},
    {"map_load_or_store", map_store, map_load_or_store},
    {"pool", pool_put, pool_get},
    {"timer", timer_reset, timer_recv},
    {"after_func", start_func_kept, NULL},
    {"go", start_goroutine, NULL},
    {"context", cancel, context_done},
    {"context_err", cancel, context_err},
};

enum { TWINS = sizeof twins / sizeof twins[0] };

static void make(void)
{
    t.shared = t.seen = 0;
    t.flag = 0;
    t.unbuffered = gamp_chan_of(int, 0);
    t.buffered = gamp_chan_of(int, 1);
    t.full = gamp_chan_of(int, 1);
    CHECK(t.unbuffered && t.buffered && t.full);
    gamp_chan_send(t.full, &one);
    gamp_waitgroup_add(&t.wg, 1);
    t.once = (gamp_once){0};
    gamp_sem_init(&t.sem, 0);
    t.map = gamp_map_new();
    gamp_pool_init(&t.pool, NULL, NULL);
    t.timer = gamp_timer_new(GAMP_HOUR);
    t.context = gamp_context_with_cancel(gamp_context_background());
    after = NULL;
    CHECK(t.map && t.timer && t.context);
}

static void unmake(void)
{
    t.wg = (gamp_waitgroup){0};
    gamp_timer_free(after);
    gamp_timer_free(t.timer);
    gamp_context_unref(t.context);
    gamp_pool_free(&t.pool);
    gamp_map_free(t.map);
    gamp_chan_unref(t.full);
    gamp_chan_unref(t.buffered);
    gamp_chan_unref(t.unbuffered);
}

static void *speak_as_thread(void *arg)
{
    (void)arg;
    speak();
    return NULL;
}

static void run(const struct twin *twin, bool late, bool thread)
{
    pthread_t id;

    t.twin = twin;
    t.late = late;
    make();
    gamp_waitgroup_add(&t.ends, 2);
    if (twin->hear)
        CHECK_EQ(gamp_go(listen_now, NULL), 0);
    if (thread)
        CHECK_EQ(pthread_create(&id, NULL, speak_as_thread, NULL), 0);
    else
        CHECK_EQ(gamp_go(speak), 0);
    gamp_waitgroup_wait(&t.ends);
    if (thread)
        CHECK_EQ(pthread_join(id, NULL), 0);
    unmake();
}

TEST_GO(what_was_written_before_is_seen)
{
    for (int i = 0; i < TWINS; i++)
        for (int thread = 0; thread < 2; thread++) {
            run(&twins[i], false, thread);
            CHECK_MSG(t.seen == 1, "%s: it was not seen", twins[i].name);
        }
}

static int write_shared(gamp_context *ctx, void *arg)
{
    (void)ctx;
    *(int *)arg = 1;
    return 0;
}

TEST_GO(what_a_group_did_is_seen_after_it)
{
    gamp_group g;
    int a = 0, b = 0;

    CHECK_EQ(gamp_group_init(&g, NULL), 0);
    gamp_group_set_limit(&g, 1);
    CHECK_EQ(gamp_group_go(&g, write_shared, &a), 0);
    CHECK_EQ(gamp_group_go(&g, write_shared, &b), 0);
    CHECK_EQ(gamp_group_wait(&g), 0);
    CHECK_EQ(a + b, 2);
}

/* --- wrong twins ----------------------------------------------------------------------------- */

#ifdef TSAN
/* A second at each exit after a find is not needed here: all have been waited for. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "atexit_sleep_ms=0";
}

struct wrong {
    const struct twin *twin;
    bool thread;
};

static struct wrong wrong;

static int run_wrong(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    run(wrong.twin, true, wrong.thread);
    return 0;
}

static void wrong_child(void *arg)
{
    wrong = *(const struct wrong *)arg;
    gamp_run(run_wrong, 0, NULL);
}

static void silent(void)
{
}

TEST_WITHIN(a_race_is_found, 10)
{
    static const struct twin bare = {"nothing", silent, silent};
    struct wrong w = {&bare, false};

    expect_exit(wrong_child, &w, 99, "data race");
    w.thread = true;
    expect_exit(wrong_child, &w, 99, "data race");
}

TEST_WITHIN(what_is_written_after_is_a_race, 60)
{
    for (int i = 0; i < TWINS; i++)
        for (int thread = 0; thread < 2; thread++) {
            struct wrong w = {&twins[i], thread};

            fprintf(stderr, "%s\n", twins[i].name);
            expect_exit(wrong_child, &w, 99, "data race");
        }
}
#endif

/* --- memory ---------------------------------------------------------------------------------- */

static struct {
    gamp_chan *c, *over; /* int *, nothing */
    bool right;
} m;

__attribute__((noinline)) static void give_frame(void)
{
    int v = 7, *p = &v;

    gamp_chan_send(m.c, &p);
    if (m.right)
        gamp_chan_recv(m.over, NULL);
    __asm__ volatile("" : : "r"(p) : "memory");
}

/* Tells that it is over, and stays alive until the other has looked. */
static void stay(void)
{
    gamp_chan_send(m.over, NULL);
    gamp_chan_recv(m.over, NULL);
    gamp_waitgroup_done(&t.ends);
}

static void lend(void)
{
    give_frame();
    stay();
}

static void give_heap(void)
{
    int *p = malloc(sizeof *p);

    CHECK(p != NULL);
    *p = 7;
    gamp_chan_send(m.c, &p);
    if (m.right)
        gamp_chan_recv(m.over, NULL);
    free(p);
    stay();
}

static int borrow(void (*give)(void), bool right)
{
    int *p, v = 0;

    m.c = gamp_chan_of(int *, 0);
    m.over = gamp_chan_new(0, 0);
    m.right = right;
    CHECK(m.c && m.over);
    gamp_waitgroup_add(&t.ends, 1);
    CHECK_EQ(gamp_go(give), 0);
    CHECK(gamp_chan_recv(m.c, &p));
    if (right) {
        v = *p;
        gamp_chan_send(m.over, NULL);
    }
    CHECK(gamp_chan_recv(m.over, NULL));
    if (!right)
        v = *p;
    gamp_chan_send(m.over, NULL);
    gamp_waitgroup_wait(&t.ends);
    gamp_chan_unref(m.over);
    gamp_chan_unref(m.c);
    return v;
}

TEST_GO(a_channel_brings_addresses)
{
    CHECK_EQ(borrow(lend, true), 7);
    CHECK_EQ(borrow(give_heap, true), 7);
}

#ifdef ASAN
static void (*wrong_give)(void);

static int borrow_wrong(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return borrow(wrong_give, false) == 7 ? 0 : 1;
}

static void borrow_child(void *arg)
{
    wrong_give = *(void (**)(void))arg;
    exit(gamp_run(borrow_wrong, 0, NULL));
}

TEST_WITHIN(a_use_after_return_is_found, 10)
{
    void (*give)(void) = lend;

    expect_exit(borrow_child, &give, 99, "stack-use-after-return");
}

TEST_WITHIN(a_use_after_free_is_found, 10)
{
    void (*give)(void) = give_heap;

    expect_exit(borrow_child, &give, 99, "heap-use-after-free");
}
#endif
