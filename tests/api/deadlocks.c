/* SPDX-License-Identifier: BSD-3-Clause */
/* deadlocks: every kind of wait that nothing can end is reported, by its name; one that a timer may
 * end is not. */
#include "harness/test.h"
#include <gamp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gamp_chan *c;
static gamp_mutex mu;
static gamp_rwmutex rw;
static gamp_cond cond;
static gamp_sem sem;
static gamp_waitgroup wg;
static gamp_once once;
static int v;

static void recv_plain(void)
{
    gamp_chan_recv(c, &v);
}

static void recv_until_never(void)
{
    (void)!gamp_chan_recv_until(c, &v, GAMP_NEVER);
}

static void send_plain(void)
{
    gamp_chan_send(c, &v);
}

static void recv_nil(void)
{
    gamp_chan_recv(NULL, &v);
}

static void send_nil_until_never(void)
{
    (void)!gamp_chan_send_until(NULL, &v, GAMP_NEVER);
}

static void select_nothing(void)
{
    gamp_select();
}

static void select_never(void)
{
    gamp_select(GAMP_AT(GAMP_NEVER), GAMP_RECV(c, &v), GAMP_SEND(NULL, &v));
}

static void sleep_for_ever(void)
{
    gamp_sleep(GAMP_NEVER);
}

static void lock_again(void)
{
    gamp_mutex_lock(&mu);
    (void)!gamp_mutex_lock_until(&mu, GAMP_NEVER);
}

static void rlock_under_writer(void)
{
    gamp_rwmutex_lock(&rw);
    gamp_rwmutex_rlock(&rw);
}

static void lock_under_reader(void)
{
    gamp_rwmutex_rlock(&rw);
    gamp_rwmutex_lock(&rw);
}

static void wait_group(void)
{
    gamp_waitgroup_add(&wg, 1);
    gamp_waitgroup_wait(&wg);
}

static void wait_cond(void)
{
    gamp_mutex_lock(&mu);
    gamp_cond_wait(&cond, &mu);
}

static void acquire(void)
{
    gamp_sem_acquire(&sem, 1);
}

static void once_again(void *arg)
{
    gamp_once_do(&once, once_again, arg);
}

static void once_in_itself(void)
{
    gamp_once_do(&once, once_again, NULL);
}

static void wait_context(void)
{
    gamp_context *x = gamp_context_with_timeout(gamp_context_background(), GAMP_NEVER);

    gamp_chan_recv(gamp_context_done(x), NULL);
}

static void wait_stopped_timer(void)
{
    gamp_timer *t = gamp_timer_new(GAMP_HOUR);

    gamp_timer_stop(t);
    gamp_chan_recv(gamp_timer_chan(t), NULL);
}

static int never_done(gamp_context *ctx, void *arg)
{
    (void)ctx;
    gamp_chan_recv((gamp_chan *)arg, NULL);
    return 0;
}

static void wait_for_place(void)
{
    gamp_group g;

    CHECK_EQ(gamp_group_init(&g, NULL), 0);
    gamp_group_set_limit(&g, 1);
    CHECK_EQ(gamp_group_go(&g, never_done, c), 0);
    (void)!gamp_group_go(&g, never_done, c);
}

static void on_its_thread(void)
{
    gamp_lock_os_thread();
    gamp_chan_recv(c, &v);
}

static const struct {
    void (*fn)(void);
    const char *reason;
} waits[] = {
    {recv_plain, "chan receive"},
    {recv_until_never, "chan receive"},
    {send_plain, "chan send"},
    {recv_nil, "chan receive (nil chan)"},
    {send_nil_until_never, "chan send (nil chan)"},
    {select_nothing, "select (no cases)"},
    {select_never, "select"},
    {sleep_for_ever, "sleep"},
    {lock_again, "sync.Mutex.Lock"},
    {rlock_under_writer, "sync.RWMutex.RLock"},
    {lock_under_reader, "sync.RWMutex.Lock"},
    {wait_group, "sync.WaitGroup.Wait"},
    {wait_cond, "sync.Cond.Wait"},
    {acquire, "semaphore acquire"},
    {once_in_itself, "semacquire"},
    {wait_context, "chan receive"},
    {wait_stopped_timer, "chan receive"},
    {wait_for_place, "group wait"},
    {on_its_thread, "chan receive, locked to thread"},
};
enum { WAITS = sizeof waits / sizeof waits[0] };

static int run_main(int argc, char **argv)
{
    (void)argv;
    c = gamp_chan_of(int, 0);
    waits[argc].fn();
    return 0;
}

static void run(void *k)
{
    gamp_run(run_main, *(int *)k, NULL);
}

TEST_WITHIN(every_wait_is_reported_by_its_name, 60)
{
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
    test_skip("the sanitizer's own thread might call gamp, for all that gamp knows");
#endif
#endif
    test_child child;
    char text[128];

    for (int k = 0; k < WAITS; k++) {
        snprintf(text, sizeof text,
                 "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [%s]:\n",
                 waits[k].reason);
        test_run_child(run, &k, &child);
        CHECK_EQ(child.status, 2);
        CHECK_MSG(strncmp(child.err, text, strlen(text)) == 0, "printed:\n%.300s\nand not:\n%s",
                  child.err, text);
    }
}

static void close_it(void *arg)
{
    gamp_chan_close((gamp_chan *)arg);
}

/* Each of these is all that goes on. */
TEST_GO(what_a_timer_may_end_is_none)
{
    gamp_time t = gamp_now() + 5 * GAMP_MILLISECOND;
    gamp_chan *d = gamp_chan_new(0, 0);
    gamp_context *x;
    gamp_timer *timer;

    c = gamp_chan_of(int, 0);
    CHECK_EQ(gamp_chan_recv_until(c, &v, t), -ETIMEDOUT);
    CHECK_EQ(gamp_sem_acquire_until(&sem, 1, gamp_now() + 5 * GAMP_MILLISECOND), -ETIMEDOUT);
    CHECK_EQ(gamp_select(GAMP_AT(gamp_now() + 5 * GAMP_MILLISECOND), GAMP_RECV(c, &v)), 0);
    timer = gamp_after_func(5 * GAMP_MILLISECOND, close_it, d);
    CHECK(!gamp_chan_recv(d, NULL));
    gamp_timer_free(timer);
    timer = gamp_ticker_new(5 * GAMP_MILLISECOND);
    CHECK(gamp_chan_recv(gamp_timer_chan(timer), NULL));
    CHECK(gamp_chan_recv(gamp_timer_chan(timer), NULL));
    gamp_timer_free(timer);
    x = gamp_context_with_timeout(gamp_context_background(), 5 * GAMP_MILLISECOND);
    CHECK(!gamp_chan_recv(gamp_context_done(x), NULL));
    gamp_context_unref(x);
    gamp_chan_unref(d);
    gamp_chan_unref(c);
}
