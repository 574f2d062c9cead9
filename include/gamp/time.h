/* SPDX-License-Identifier: BSD-3-Clause */
/* gamp/time.h: points in time, sleeping, timers and tickers.
 *
 * All times are int64_t nanoseconds. A gamp_duration is a length, a gamp_time a point on
 * CLOCK_MONOTONIC. The functions named ..._until take a point: gamp_now() + 5 * GAMP_SECOND.
 * GAMP_NEVER never arrives; at a point that has passed they try once and then fail with
 * -ETIMEDOUT. Adding a duration that is too long saturates inside these
 * functions at GAMP_NEVER. */
#ifndef GAMP_TIME_H
#define GAMP_TIME_H

#include <gamp/base.h>
#include <gamp/errno.h>

GAMP_BEGIN_DECLS

#define GAMP_NANOSECOND INT64_C(1)
#define GAMP_MICROSECOND INT64_C(1000)
#define GAMP_MILLISECOND INT64_C(1000000)
#define GAMP_SECOND INT64_C(1000000000)
#define GAMP_MINUTE INT64_C(60000000000)
#define GAMP_HOUR INT64_C(3600000000000)
#define GAMP_NEVER INT64_MAX

typedef struct gamp_chan gamp_chan;

/* A one-shot timer, an after_func or a ticker. */
typedef struct gamp_timer gamp_timer;

/* The present point in time. Does not block; any thread. Go: time.Now, its monotonic part. */
GAMP_API gamp_time gamp_now(void);

/* Stops the calling goroutine (on a foreign thread: the thread) for at least d nanoseconds. d <=
 * 0 returns at once. Go: time.Sleep. */
GAMP_API void gamp_sleep(gamp_duration d);

/* A timer that sends the gamp_time of its firing, once, d from now (d <= 0: at once), on a
 * channel of its own of capacity 1. Does not block. NULL when out of memory. The caller frees it
 * with gamp_timer_free. One that is made before the runtime runs fires when it does. Go:
 * time.NewTimer. */
GAMP_API GAMP_MUST_CHECK gamp_timer *gamp_timer_new(gamp_duration d);

/* A timer that runs fn(arg) in a goroutine of its own, d from now. Does not block. NULL when out
 * of memory, now; a goroutine that cannot be had at firing is tried again. Freed with
 * gamp_timer_free, by fn too. Go: time.AfterFunc. */
GAMP_API gamp_timer *gamp_after_func(gamp_duration d, void (*fn)(void *), void *arg);

/* A timer that sends the gamp_time of each firing every d nanoseconds. It keeps its phase; when
 * the receiver is late, firings are dropped. Does not block. NULL when out of memory. d <= 0
 * panics with "non-positive interval for NewTicker". Freed with gamp_timer_free. Go:
 * time.NewTicker. */
GAMP_API GAMP_MUST_CHECK gamp_timer *gamp_ticker_new(gamp_duration d);

/* The channel on which t sends, of gamp_time elements, for gamp_chan_recv and select. Borrowed:
 * it goes with the timer unless a reference is taken with gamp_chan_ref. Never closed, not by
 * stop either. NULL for an after_func timer, and for NULL. Go: Timer.C. */
GAMP_API gamp_chan *gamp_timer_chan(gamp_timer *t);

/* Disarms t. true: it had not fired, or its value was taken back unreceived (after_func: fn will
 * not run for that arming). false: it had fired or was stopped before. No value of before is
 * received afterwards. Does not wait for an fn that runs. Does not block; any thread or
 * goroutine. Go: Timer.Stop, of Go 1.23. */
GAMP_API bool gamp_timer_stop(gamp_timer *t);

/* Arms t anew for d from now, whether it was armed or not; a ticker gets d as its new period, and
 * d <= 0 panics there with "non-positive interval for Ticker.Reset". The result is that of
 * gamp_timer_stop. No value of before is received afterwards. Does not block. Go: Timer.Reset,
 * Ticker.Reset. */
GAMP_API bool gamp_timer_reset(gamp_timer *t, gamp_duration d);

/* Stops t and frees it. May be called from t's own fn. Nobody may use t afterwards; a channel
 * that was gamp_chan_ref'ed stays, silent. NULL does nothing. Does not block. */
GAMP_API void gamp_timer_free(gamp_timer *t);

GAMP_END_DECLS

#endif
