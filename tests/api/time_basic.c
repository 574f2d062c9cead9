/* SPDX-License-Identifier: BSD-3-Clause */
/* Time, sleep, timers, tickers and after_func, one call at a time. Lower bounds on durations are
 * exact; upper bounds are not tested here, because another process may have the CPU. */
#include "harness/test.h"
#include <errno.h>
#include <gamp.h>

#define MS GAMP_MILLISECOND

static void panics(void (*fn)(void *), const char *words)
{
    gamp_panic_info info;

    CHECK_EQ(gamp_protect(fn, NULL, &info), -EFAULT);
    CHECK_STR(info.message, words);
}

/* The value that the timer sends, which is the point at which it fired. */
static gamp_time receive(gamp_timer *t)
{
    gamp_time at;

    CHECK(gamp_chan_recv(gamp_timer_chan(t), &at));
    return at;
}

static bool silent(gamp_timer *t, gamp_duration d)
{
    gamp_time at = 1;

    return gamp_chan_recv_until(gamp_timer_chan(t), &at, gamp_now() + d) == -ETIMEDOUT;
}

TEST_GO(now_grows)
{
    gamp_time last = gamp_now();

    CHECK(last > 0);
    for (int i = 0; i < 100000; i++) {
        gamp_time now = gamp_now();

        CHECK(now >= last);
        last = now;
    }
}

TEST_GO(sleep_lasts)
{
    static const gamp_duration ds[] = {1, 1000, MS, 20 * MS};

    for (size_t i = 0; i < sizeof ds / sizeof *ds; i++) {
        gamp_time begin = gamp_now();

        gamp_sleep(ds[i]);
        CHECK(gamp_now() - begin >= ds[i]);
    }
}

TEST_GO(sleep_of_nothing)
{
    gamp_sleep(0);
    gamp_sleep(-1);
    gamp_sleep(INT64_MIN);
}

TEST_GO(errno_stays)
{
    gamp_timer *t;

    errno = 4711;
    gamp_sleep(MS);
    CHECK_EQ(errno, 4711);
    t = gamp_timer_new(MS);
    receive(t);
    gamp_timer_reset(t, MS);
    gamp_timer_free(t);
    CHECK_EQ(errno, 4711);
}

TEST_GO(timer_fires_once)
{
    gamp_time begin = gamp_now();
    gamp_timer *t = gamp_timer_new(10 * MS);
    gamp_time at;

    CHECK_EQ(gamp_chan_cap(gamp_timer_chan(t)), 1);
    CHECK_EQ(gamp_chan_elem_size(gamp_timer_chan(t)), sizeof(gamp_time));
    at = receive(t);
    CHECK(at - begin >= 10 * MS && at <= gamp_now());
    CHECK(silent(t, 20 * MS));
    CHECK(!gamp_timer_stop(t));
    gamp_timer_free(t);
}

TEST_GO(timer_of_nothing)
{
    static const gamp_duration ds[] = {0, -1, -GAMP_HOUR, INT64_MIN};

    for (size_t i = 0; i < sizeof ds / sizeof *ds; i++) {
        gamp_time begin = gamp_now();
        gamp_timer *t = gamp_timer_new(ds[i]);

        CHECK(receive(t) >= begin);
        CHECK(!gamp_timer_reset(t, ds[i]));
        receive(t);
        gamp_timer_free(t);
    }
}

TEST_GO(zero_timers)
{
    for (int i = 0; i < 20000 / test_slowness(); i++) {
        gamp_timer *t = gamp_timer_new(0);

        receive(t);
        gamp_timer_free(t);
    }
}

TEST_GO(durations_saturate)
{
    static const gamp_duration ds[] = {GAMP_NEVER, INT64_MAX - 1, INT64_MAX / 2};

    for (size_t i = 0; i < sizeof ds / sizeof *ds; i++) {
        gamp_timer *t = gamp_timer_new(ds[i]), *k = gamp_ticker_new(ds[i]);

        CHECK(silent(t, MS) && silent(k, MS));
        CHECK(gamp_timer_reset(t, GAMP_NEVER) && gamp_timer_reset(k, GAMP_NEVER));
        CHECK(gamp_timer_stop(t) && gamp_timer_stop(k));
        CHECK(!gamp_timer_stop(t) && !gamp_timer_stop(k));
        gamp_timer_free(t);
        gamp_timer_free(k);
    }
}

TEST_GO(stop_before_it_fires)
{
    gamp_timer *t = gamp_timer_new(20 * MS);

    CHECK(gamp_timer_stop(t));
    CHECK(!gamp_timer_stop(t));
    CHECK(silent(t, 40 * MS));
    gamp_timer_free(t);
}

/* It fired, but nobody received: stop and reset take the value back and say true. */
TEST_GO(value_taken_back)
{
    gamp_timer *t = gamp_timer_new(0);
    gamp_time begin, at;

    while (gamp_chan_len(gamp_timer_chan(t)) == 0)
        gamp_gosched();
    CHECK(gamp_timer_stop(t));
    CHECK_EQ(gamp_chan_len(gamp_timer_chan(t)), 0);
    CHECK_EQ(gamp_chan_try_recv(gamp_timer_chan(t), &at), -EAGAIN);

    CHECK(!gamp_timer_reset(t, 0));
    while (gamp_chan_len(gamp_timer_chan(t)) == 0)
        gamp_gosched();
    begin = gamp_now();
    CHECK(gamp_timer_reset(t, 5 * MS));
    CHECK(receive(t) - begin >= 5 * MS);
    gamp_timer_free(t);
}

TEST_GO(reset_results)
{
    gamp_timer *t = gamp_timer_new(GAMP_HOUR);
    gamp_time begin;

    CHECK(gamp_timer_reset(t, GAMP_HOUR));
    begin = gamp_now();
    CHECK(gamp_timer_reset(t, 3 * MS));
    CHECK(receive(t) - begin >= 3 * MS);
    CHECK(!gamp_timer_reset(t, GAMP_HOUR));
    CHECK(gamp_timer_stop(t));
    CHECK(!gamp_timer_reset(t, GAMP_HOUR));
    gamp_timer_free(t);
}

TEST_GO(timer_in_select)
{
    gamp_chan *c = gamp_chan_of(int, 0);
    gamp_timer *t = gamp_timer_new(5 * MS);
    gamp_time at = 0;
    int v = 4;

    CHECK_EQ(gamp_select(GAMP_RECV(c, &v), GAMP_RECV(gamp_timer_chan(t), &at)), 1);
    CHECK(at > 0 && v == 4);
    gamp_timer_free(t);
    gamp_chan_unref(c);
}

TEST_GO(ticker_ticks)
{
    gamp_duration d = 3 * MS;
    gamp_time begin = gamp_now(), last = begin;
    gamp_timer *t = gamp_ticker_new(d);

    CHECK_EQ(gamp_chan_cap(gamp_timer_chan(t)), 1);
    for (int i = 1; i <= 20; i++) {
        gamp_time at = receive(t);

        /* The i-th tick may not come before its time, however late those before were. */
        CHECK(at - begin >= i * d && at > last);
        last = at;
    }
    CHECK(gamp_timer_stop(t));
    CHECK(silent(t, 3 * d));
    gamp_timer_free(t);
}

/* A receiver that is late misses ticks: one waits for it, and after that they come in phase. */
TEST_GO(ticker_drops_and_keeps_phase)
{
    gamp_duration d = 10 * MS;
    gamp_time begin = gamp_now(), first, second, third;
    gamp_timer *t = gamp_ticker_new(d);

    gamp_sleep(4 * d + d / 2);
    CHECK_EQ(gamp_chan_len(gamp_timer_chan(t)), 1);
    first = receive(t);
    CHECK(first - begin >= d);
    /* A tick that was about to be dropped may have come just behind that. */
    second = receive(t);
    CHECK(second - begin >= 4 * d);
    third = receive(t);
    CHECK(third - begin >= 5 * d);
    gamp_timer_free(t);
}

TEST_GO(ticker_reset_sets_period)
{
    gamp_timer *t = gamp_ticker_new(GAMP_HOUR);
    gamp_time begin = gamp_now();

    CHECK(gamp_timer_reset(t, 2 * MS));
    for (int i = 1; i <= 5; i++)
        CHECK(receive(t) - begin >= i * 2 * MS);
    begin = gamp_now();
    gamp_timer_reset(t, 7 * MS);
    for (int i = 1; i <= 3; i++)
        CHECK(receive(t) - begin >= i * 7 * MS);
    CHECK(gamp_timer_stop(t));
    begin = gamp_now();
    CHECK(!gamp_timer_reset(t, 2 * MS));
    CHECK(receive(t) - begin >= 2 * MS);
    gamp_timer_free(t);
}

/* Ticks on hand are taken back by stop. */
TEST_GO(ticker_stop_takes_back)
{
    gamp_timer *t = gamp_ticker_new(MS);

    while (gamp_chan_len(gamp_timer_chan(t)) == 0)
        gamp_gosched();
    CHECK(gamp_timer_stop(t));
    CHECK(silent(t, 5 * MS));
    gamp_timer_free(t);
}

static void ticker_of_zero(void *arg)
{
    (void)arg;
    (void)!gamp_ticker_new(0);
}

static void ticker_of_less(void *arg)
{
    (void)arg;
    (void)!gamp_ticker_new(-1);
}

static gamp_timer *a_ticker;

static void ticker_reset_zero(void *arg)
{
    (void)arg;
    gamp_timer_reset(a_ticker, 0);
}

static void stop_null(void *arg)
{
    (void)arg;
    gamp_timer_stop(NULL);
}

static void reset_null(void *arg)
{
    (void)arg;
    gamp_timer_reset(NULL, 1);
}

TEST_GO(misuse)
{
    panics(ticker_of_zero, "non-positive interval for NewTicker");
    panics(ticker_of_less, "non-positive interval for NewTicker");
    a_ticker = gamp_ticker_new(MS);
    panics(ticker_reset_zero, "non-positive interval for Ticker.Reset");
    /* It goes on as before. */
    receive(a_ticker);
    receive(a_ticker);
    gamp_timer_free(a_ticker);
    panics(stop_null, "time: Stop called on uninitialized Timer");
    panics(reset_null, "time: Reset called on uninitialized Timer");
    gamp_timer_free(NULL);
    CHECK(!gamp_timer_chan(NULL));
}

static void send_goid(void *arg)
{
    uint64_t id = gamp_goid();

    gamp_chan_send((gamp_chan *)arg, &id);
}

TEST_GO(after_func_runs_in_its_own_goroutine)
{
    gamp_chan *c = gamp_chan_of(uint64_t, 0);
    gamp_time begin = gamp_now();
    gamp_timer *t = gamp_after_func(5 * MS, send_goid, c);
    uint64_t id, id2;

    CHECK(!gamp_timer_chan(t));
    CHECK(gamp_chan_recv(c, &id));
    CHECK(gamp_now() - begin >= 5 * MS);
    CHECK(id != 0 && id != gamp_goid());
    CHECK(!gamp_timer_stop(t));
    CHECK(!gamp_timer_reset(t, 0));
    CHECK(gamp_chan_recv(c, &id2));
    CHECK(id2 != id && id2 != gamp_goid());
    gamp_timer_free(t);
    gamp_chan_unref(c);
}

static _Atomic int ran;

static void run(void *arg)
{
    (void)arg;
    ran++;
}

/* On a busy machine it may come before it is stopped: stop tells. */
TEST_GO(after_func_stopped)
{
    int may = 0;

    for (int stops = 0; stops < 3;) {
        gamp_timer *t = gamp_after_func(10 * MS, run, NULL);
        bool in_time = gamp_timer_stop(t);

        may += !in_time;
        CHECK(!gamp_timer_stop(t));
        CHECK(!gamp_timer_reset(t, 10 * MS));
        may += !gamp_timer_reset(t, 10 * MS);
        may += !gamp_timer_stop(t);
        CHECK(!gamp_timer_reset(t, GAMP_HOUR));
        gamp_timer_free(t);
        while (ran < may)
            gamp_gosched();
        gamp_sleep(20 * MS);
        CHECK_EQ(ran, may);
        stops += in_time;
    }
}

struct self {
    gamp_timer *t;
    gamp_chan *armed, *done;
};

static void free_myself(void *arg)
{
    struct self *s = arg;

    gamp_chan_recv(s->armed, NULL);
    gamp_timer_free(s->t);
    gamp_chan_close(s->done);
}

TEST_GO(free_from_own_fn)
{
    for (int i = 0; i < 1000 / test_slowness(); i++) {
        struct self s = {NULL, gamp_chan_new(0, 1), gamp_chan_new(0, 0)};

        s.t = gamp_after_func(0, free_myself, &s);
        gamp_chan_send(s.armed, NULL);
        gamp_chan_recv(s.done, NULL);
        gamp_chan_unref(s.armed);
        gamp_chan_unref(s.done);
    }
}

/* A reference to the channel outlives the timer; nothing comes on it any more. */
TEST_GO(channel_outlives_timer)
{
    gamp_timer *t = gamp_timer_new(5 * MS);
    gamp_chan *c = gamp_chan_ref(gamp_timer_chan(t));
    gamp_time at;

    gamp_timer_free(t);
    CHECK_EQ(gamp_chan_recv_until(c, &at, gamp_now() + 20 * MS), -ETIMEDOUT);
    gamp_chan_unref(c);
}

/* The program's own doing, but the scheduler that fires must survive it. */
TEST_GO(closed_by_the_program)
{
    gamp_timer *t = gamp_timer_new(MS), *k = gamp_ticker_new(MS);

    gamp_chan_close(gamp_timer_chan(t));
    gamp_chan_close(gamp_timer_chan(k));
    gamp_sleep(10 * MS);
    gamp_timer_free(t);
    gamp_timer_free(k);
}
