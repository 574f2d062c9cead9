/* SPDX-License-Identifier: BSD-3-Clause */
/* gamp_micro: gamp's side of the scheduler benchmarks. Each workload has the same shape in
 * peers/micro.go, peers/boost_micro.cc and peers/st_micro.c: the same number of goroutines,
 * messages and channel slots, waited for the same way.
 *
 * Run one NAME a process: the sieve leaves its filters parked, as the well-known program does. */
#include <gamp.h>

#include "bench.h"

enum { SLOTS = 128 };

static void must(int r)
{
    if (r < 0)
        bench_die(strerror(-r));
}

/* --- spawn --- */

static void done_only(gamp_waitgroup *wg)
{
    gamp_waitgroup_done(wg);
}

static void spawn_1m(void)
{
    int n = bench_scaled(1000000);
    gamp_waitgroup wg = {0};
    bench_span s = bench_begin();
    gamp_waitgroup_add(&wg, n);
    for (int i = 0; i < n; i++)
        must(gamp_go(done_only, &wg));
    gamp_waitgroup_wait(&wg);
    bench_end_ns("spawn_1m", s, n);
}

static void spawn_batch(void)
{
    int batches = bench_scaled(2000), each = 1000;
    gamp_waitgroup wg = {0};
    bench_span s = bench_begin();
    for (int b = 0; b < batches; b++) {
        gamp_waitgroup_add(&wg, each);
        for (int i = 0; i < each; i++)
            must(gamp_go(done_only, &wg));
        gamp_waitgroup_wait(&wg);
    }
    bench_end_ns("spawn_batch", s, (double)batches * each);
}

/* --- yield --- */

static void yielder(gamp_waitgroup *wg, int n)
{
    for (int i = 0; i < n; i++)
        gamp_gosched();
    gamp_waitgroup_done(wg);
}

static void yield_among(const char *name, int k, int each)
{
    gamp_waitgroup wg = {0};
    bench_span s = bench_begin();
    gamp_waitgroup_add(&wg, k);
    for (int i = 0; i < k; i++)
        must(gamp_go(yielder, &wg, each));
    gamp_waitgroup_wait(&wg);
    bench_end_ns(name, s, (double)k * each);
}

static void yield2(void)
{
    yield_among("yield2", 2, bench_scaled(2000000));
}

static void yield1000(void)
{
    yield_among("yield1000", 1000, bench_scaled(4000));
}

/* --- channels --- */

static void ponger(gamp_waitgroup *wg, gamp_chan *in, gamp_chan *out, int n)
{
    int64_t v;
    for (int i = 0; i < n; i++) {
        gamp_chan_recv(in, &v);
        gamp_chan_send(out, &v);
    }
    gamp_waitgroup_done(wg);
}

static void pinger(gamp_waitgroup *wg, gamp_chan *out, gamp_chan *in, int n)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t v = i;
        gamp_chan_send(out, &v);
        gamp_chan_recv(in, &v);
    }
    gamp_waitgroup_done(wg);
}

static void pingpong(void)
{
    int n = bench_scaled(2000000);
    gamp_waitgroup wg = {0};
    gamp_chan *a = gamp_chan_of(int64_t, 0), *b = gamp_chan_of(int64_t, 0);
    bench_span s = bench_begin();
    gamp_waitgroup_add(&wg, 2);
    must(gamp_go(ponger, &wg, a, b, n));
    must(gamp_go(pinger, &wg, a, b, n));
    gamp_waitgroup_wait(&wg);
    bench_end_ns("pingpong", s, 2.0 * n);
    gamp_chan_unref(a);
    gamp_chan_unref(b);
}

static void producer(gamp_waitgroup *wg, gamp_chan *c, int n)
{
    for (int64_t i = 0; i < n; i++)
        gamp_chan_send(c, &i);
    gamp_waitgroup_done(wg);
}

static void consumer(gamp_waitgroup *wg, gamp_chan *c, int n)
{
    int64_t v;
    for (int i = 0; i < n; i++)
        gamp_chan_recv(c, &v);
    gamp_waitgroup_done(wg);
}

static void buffered(const char *name, int pairs, int each)
{
    gamp_waitgroup wg = {0};
    gamp_chan *c = gamp_chan_of(int64_t, SLOTS);
    bench_span s = bench_begin();
    gamp_waitgroup_add(&wg, 2 * pairs);
    for (int i = 0; i < pairs; i++) {
        must(gamp_go(producer, &wg, c, each));
        must(gamp_go(consumer, &wg, c, each));
    }
    gamp_waitgroup_wait(&wg);
    bench_end_ns(name, s, (double)pairs * each);
    gamp_chan_unref(c);
}

static void buf11(void)
{
    buffered("buf11", 1, bench_scaled(8000000));
}

static void buf44(void)
{
    buffered("buf44", 4, bench_scaled(2000000));
}

static void selecter(gamp_waitgroup *wg, gamp_chan *a, gamp_chan *b, int n)
{
    int64_t x, y;
    for (int i = 0; i < n; i++)
        gamp_select(GAMP_RECV(a, &x), GAMP_RECV(b, &y));
    gamp_waitgroup_done(wg);
}

static void select2(void)
{
    int n = bench_scaled(1000000);
    gamp_waitgroup wg = {0};
    gamp_chan *a = gamp_chan_of(int64_t, 0), *b = gamp_chan_of(int64_t, 0);
    bench_span s = bench_begin();
    gamp_waitgroup_add(&wg, 3);
    must(gamp_go(producer, &wg, a, n));
    must(gamp_go(producer, &wg, b, n));
    must(gamp_go(selecter, &wg, a, b, 2 * n));
    gamp_waitgroup_wait(&wg);
    bench_end_ns("select2", s, 2.0 * n);
    gamp_chan_unref(a);
    gamp_chan_unref(b);
}

/* --- mutex --- */

static void locker(gamp_waitgroup *wg, gamp_mutex *m, int64_t *counter, int n)
{
    for (int i = 0; i < n; i++) {
        gamp_mutex_lock(m);
        ++*counter;
        gamp_mutex_unlock(m);
    }
    gamp_waitgroup_done(wg);
}

static void mutex8(void)
{
    int each = bench_scaled(2000000);
    int64_t counter = 0;
    gamp_waitgroup wg = {0};
    gamp_mutex m = {0};
    bench_span s = bench_begin();
    gamp_waitgroup_add(&wg, 8);
    for (int i = 0; i < 8; i++)
        must(gamp_go(locker, &wg, &m, &counter, each));
    gamp_waitgroup_wait(&wg);
    bench_end_ns("mutex8", s, 8.0 * each);
    if (counter != 8 * (int64_t)each)
        bench_die("mutex8: wrong count");
}

/* --- skynet: ten children a node down to the leaves, sums sent up --- */

static void skynet_node(gamp_chan *up, int64_t num, int64_t size)
{
    int64_t sum = 0, v;
    if (size == 1) {
        gamp_chan_send(up, &num);
        return;
    }
    gamp_chan *c = gamp_chan_of(int64_t, 0);
    for (int i = 0; i < 10; i++)
        must(gamp_go(skynet_node, c, num + i * (size / 10), size / 10));
    for (int i = 0; i < 10; i++) {
        gamp_chan_recv(c, &v);
        sum += v;
    }
    gamp_chan_unref(c);
    gamp_chan_send(up, &sum);
}

static void skynet(void)
{
    int64_t leaves = 1, sum = 0;
    while (leaves * 10 <= bench_scaled(1000000))
        leaves *= 10;
    gamp_chan *c = gamp_chan_of(int64_t, 0);
    bench_span s = bench_begin();
    must(gamp_go(skynet_node, c, 0, leaves));
    gamp_chan_recv(c, &sum);
    bench_end_ms("skynet", s);
    if (sum != leaves * (leaves - 1) / 2)
        bench_die("skynet: wrong sum");
    gamp_chan_unref(c);
}

/* --- sieve: a chain of filters, one a prime --- */

static void sieve_source(gamp_chan *out)
{
    for (int64_t i = 2;; i++)
        gamp_chan_send(out, &i);
}

static void sieve_filter(gamp_chan *in, gamp_chan *out, int64_t prime)
{
    int64_t v;
    for (;;) {
        gamp_chan_recv(in, &v);
        if (v % prime != 0)
            gamp_chan_send(out, &v);
    }
}

static void sieve(void)
{
    int n = bench_scaled(2000);
    int64_t prime = 0;
    gamp_chan *c = gamp_chan_of(int64_t, 0);
    bench_span s = bench_begin();
    must(gamp_go(sieve_source, c));
    for (int i = 0; i < n; i++) {
        gamp_chan_recv(c, &prime);
        gamp_chan *next = gamp_chan_of(int64_t, 0);
        must(gamp_go(sieve_filter, c, next, prime));
        c = next;
    }
    bench_end_ms("sieve", s);
    if (n == 2000 && prime != 17389)
        bench_die("sieve: wrong prime");
}

/* --- park: memory and time of goroutines that wait --- */

static void parker(gamp_waitgroup *up, gamp_chan *gate, gamp_waitgroup *down)
{
    gamp_waitgroup_done(up);
    gamp_chan_recv(gate, NULL);
    gamp_waitgroup_done(down);
}

static void park(const char *name, int n)
{
    gamp_waitgroup up = {0}, down = {0};
    gamp_chan *gate = gamp_chan_new(0, 0);
    long rss = bench_status("VmRSS:"), pte = bench_status("VmPTE:");
    bench_span s = bench_begin();
    gamp_waitgroup_add(&up, n);
    gamp_waitgroup_add(&down, n);
    for (int i = 0; i < n; i++)
        must(gamp_go(parker, &up, gate, &down));
    gamp_waitgroup_wait(&up);
    bench_end_ms(name, s);
    bench_print(name, ".rss", (double)(bench_status("VmRSS:") - rss) * 1024 / n, "B");
    bench_print(name, ".pagetables", (double)(bench_status("VmPTE:") - pte) * 1024 / n, "B");
    int64_t t = bench_now();
    gamp_chan_close(gate);
    gamp_waitgroup_wait(&down);
    bench_print(name, ".wake", (double)(bench_now() - t) / 1e6, "ms");
    gamp_chan_unref(gate);
}

static void park100k(void)
{
    park("park100k", bench_scaled(100000));
}

static void park1m(void)
{
    park("park1m", bench_scaled(1000000));
}

/* --- timers: sleepers of 50 ms, ten times each; how late do they wake --- */

enum { ROUNDS = 10 };
static const int64_t NAP = 50000000;

static void sleeper(gamp_waitgroup *wg, int64_t *late)
{
    for (int i = 0; i < ROUNDS; i++) {
        int64_t t = bench_now();
        gamp_sleep(NAP);
        late[i] = bench_now() - t - NAP;
    }
    gamp_waitgroup_done(wg);
}

static void timers(const char *name, int n)
{
    gamp_waitgroup wg = {0};
    size_t total = (size_t)n * ROUNDS;
    int64_t *late = malloc(total * sizeof *late);
    if (!late)
        bench_die("out of memory");
    memset(late, 1, total * sizeof *late); /* resident before the clock starts */
    bench_span s = bench_begin();
    gamp_waitgroup_add(&wg, n);
    for (int i = 0; i < n; i++)
        must(gamp_go(sleeper, &wg, late + (size_t)i * ROUNDS));
    gamp_waitgroup_wait(&wg);
    bench_end_ms(name, s);
    bench_percentiles(name, ".late", late, total, 1e6, "ms");
    free(late);
}

static void timers10k(void)
{
    timers("timers10k", bench_scaled(10000));
}

static void timers100k(void)
{
    timers("timers100k", bench_scaled(100000));
}

static int jobs_first;

static int jobs_main(int argc, char **argv)
{
    static const bench_job jobs[] = {
        {"spawn_1m", spawn_1m},     {"spawn_batch", spawn_batch},
        {"yield2", yield2},         {"yield1000", yield1000},
        {"pingpong", pingpong},     {"buf11", buf11},
        {"buf44", buf44},           {"select2", select2},
        {"mutex8", mutex8},         {"skynet", skynet},
        {"sieve", sieve},           {"park100k", park100k},
        {"park1m", park1m},         {"timers10k", timers10k},
        {"timers100k", timers100k},
    };
    return bench_jobs(jobs, sizeof jobs / sizeof jobs[0], argc, argv, jobs_first);
}

int main(int argc, char **argv)
{
    jobs_first = bench_options(argc, argv);
    gamp_config cfg = {.maxprocs = bench_workers};
    return gamp_run_with(&cfg, jobs_main, argc, argv);
}
