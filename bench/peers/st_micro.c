/* SPDX-License-Identifier: BSD-3-Clause */
/* st_micro: the scheduler benchmarks on State Threads: one thread, no atomics, the floor to come
 * near. The shapes are those of ../gamp_micro.c. State Threads has no channel, so one is made of
 * its condition variables; "unbuffered" is a capacity of 1, for it has no hand-over. It has no
 * yield either: a sleep of 0 is its documented way. No select. One worker only. */
#include <st.h>

#include "../bench.h"

enum { SLOTS = 128 };

/* --- what gamp and Go bring along --- */

typedef struct group {
    int left;
    st_cond_t zero;
} group;

static void group_init(group *g, int n)
{
    g->left = n;
    g->zero = st_cond_new();
}

static void group_done(group *g)
{
    if (--g->left == 0)
        st_cond_signal(g->zero);
}

static void group_wait(group *g)
{
    while (g->left > 0)
        st_cond_wait(g->zero);
    st_cond_destroy(g->zero);
}

typedef struct chan {
    st_cond_t room, data;
    unsigned head, tail, cap;
    int64_t slot[];
} chan;

static chan *chan_new(unsigned cap)
{
    chan *c = (chan *)malloc(sizeof *c + cap * sizeof c->slot[0]);
    if (!c)
        bench_die("out of memory");
    c->room = st_cond_new();
    c->data = st_cond_new();
    c->head = c->tail = 0;
    c->cap = cap;
    return c;
}

static void chan_free(chan *c)
{
    st_cond_destroy(c->room);
    st_cond_destroy(c->data);
    free(c);
}

static void chan_send(chan *c, int64_t v)
{
    while (c->tail - c->head == c->cap)
        st_cond_wait(c->room);
    c->slot[c->tail++ % c->cap] = v;
    st_cond_signal(c->data);
}

static int64_t chan_recv(chan *c)
{
    while (c->tail == c->head)
        st_cond_wait(c->data);
    int64_t v = c->slot[c->head++ % c->cap];
    st_cond_signal(c->room);
    return v;
}

/* The arguments of every workload's thread; each reads what it needs. */
typedef struct task {
    group *g, *h;
    chan *in, *out;
    st_cond_t gate;
    st_mutex_t mutex;
    int64_t n, size, *data;
} task;

static void spawn(void *(*fn)(void *), task *t)
{
    if (!st_thread_create(fn, t, 0, 0))
        bench_die("st_thread_create failed");
}

/* --- spawn, yield --- */

static void *done_only(void *arg)
{
    group_done((group *)arg);
    return NULL;
}

static void spawn_done(group *g)
{
    if (!st_thread_create(done_only, g, 0, 0))
        bench_die("st_thread_create failed");
}

static void spawn_1m(void)
{
    int n = bench_scaled(1000000);
    group g;
    bench_span s = bench_begin();
    group_init(&g, n);
    for (int i = 0; i < n; i++)
        spawn_done(&g);
    group_wait(&g);
    bench_end_ns("spawn_1m", s, n);
}

static void spawn_batch(void)
{
    int batches = bench_scaled(2000), each = 1000;
    bench_span s = bench_begin();
    for (int b = 0; b < batches; b++) {
        group g;
        group_init(&g, each);
        for (int i = 0; i < each; i++)
            spawn_done(&g);
        group_wait(&g);
    }
    bench_end_ns("spawn_batch", s, (double)batches * each);
}

static void *yielder(void *arg)
{
    task *t = (task *)arg;
    for (int64_t i = 0; i < t->n; i++)
        st_usleep(0);
    group_done(t->g);
    return NULL;
}

static void yield_among(const char *name, int k, int each)
{
    group g;
    task t = {.g = &g, .n = each};
    bench_span s = bench_begin();
    group_init(&g, k);
    for (int i = 0; i < k; i++)
        spawn(yielder, &t);
    group_wait(&g);
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

static void *ponger(void *arg)
{
    task *t = (task *)arg;
    for (int64_t i = 0; i < t->n; i++)
        chan_send(t->out, chan_recv(t->in));
    group_done(t->g);
    return NULL;
}

static void *pinger(void *arg)
{
    task *t = (task *)arg;
    for (int64_t i = 0; i < t->n; i++) {
        chan_send(t->out, i);
        chan_recv(t->in);
    }
    group_done(t->g);
    return NULL;
}

static void pingpong(void)
{
    int n = bench_scaled(2000000);
    group g;
    chan *a = chan_new(1), *b = chan_new(1);
    task ping = {.g = &g, .in = b, .out = a, .n = n}, pong = {.g = &g, .in = a, .out = b, .n = n};
    bench_span s = bench_begin();
    group_init(&g, 2);
    spawn(ponger, &pong);
    spawn(pinger, &ping);
    group_wait(&g);
    bench_end_ns("pingpong", s, 2.0 * n);
    chan_free(a);
    chan_free(b);
}

static void *producer(void *arg)
{
    task *t = (task *)arg;
    for (int64_t i = 0; i < t->n; i++)
        chan_send(t->out, i);
    group_done(t->g);
    return NULL;
}

static void *consumer(void *arg)
{
    task *t = (task *)arg;
    for (int64_t i = 0; i < t->n; i++)
        chan_recv(t->in);
    group_done(t->g);
    return NULL;
}

static void buffered(const char *name, int pairs, int each)
{
    group g;
    chan *c = chan_new(SLOTS);
    task t = {.g = &g, .in = c, .out = c, .n = each};
    bench_span s = bench_begin();
    group_init(&g, 2 * pairs);
    for (int i = 0; i < pairs; i++) {
        spawn(producer, &t);
        spawn(consumer, &t);
    }
    group_wait(&g);
    bench_end_ns(name, s, (double)pairs * each);
    chan_free(c);
}

static void buf11(void)
{
    buffered("buf11", 1, bench_scaled(8000000));
}

static void buf44(void)
{
    buffered("buf44", 4, bench_scaled(2000000));
}

/* --- mutex --- */

static void *locker(void *arg)
{
    task *t = (task *)arg;
    for (int64_t i = 0; i < t->n; i++) {
        st_mutex_lock(t->mutex);
        ++*t->data;
        st_mutex_unlock(t->mutex);
    }
    group_done(t->g);
    return NULL;
}

static void mutex8(void)
{
    group g;
    int64_t counter = 0;
    task t = {.g = &g, .mutex = st_mutex_new(), .n = bench_scaled(2000000), .data = &counter};
    bench_span s = bench_begin();
    group_init(&g, 8);
    for (int i = 0; i < 8; i++)
        spawn(locker, &t);
    group_wait(&g);
    bench_end_ns("mutex8", s, 8.0 * (double)t.n);
    st_mutex_destroy(t.mutex);
}

/* --- skynet --- */

static void *skynet_node(void *arg)
{
    task *t = (task *)arg;
    task kid[10];
    int64_t sum = 0;
    if (t->size == 1) {
        chan_send(t->out, t->n);
        return NULL;
    }
    chan *c = chan_new(1);
    for (int i = 0; i < 10; i++) {
        kid[i] = (task){.out = c, .n = t->n + i * (t->size / 10), .size = t->size / 10};
        spawn(skynet_node, &kid[i]);
    }
    for (int i = 0; i < 10; i++)
        sum += chan_recv(c);
    chan_free(c);
    chan_send(t->out, sum);
    return NULL;
}

static void skynet(void)
{
    task root = {.out = chan_new(1), .size = 1};
    while (root.size * 10 <= bench_scaled(1000000))
        root.size *= 10;
    bench_span s = bench_begin();
    spawn(skynet_node, &root);
    int64_t sum = chan_recv(root.out);
    bench_end_ms("skynet", s);
    if (sum != root.size * (root.size - 1) / 2)
        bench_die("skynet: wrong sum");
}

/* --- sieve --- */

static void *sieve_source(void *arg)
{
    task *t = (task *)arg;
    for (int64_t i = 2;; i++)
        chan_send(t->out, i);
    return NULL;
}

static void *sieve_filter(void *arg)
{
    task *t = (task *)arg;
    for (;;) {
        int64_t v = chan_recv(t->in);
        if (v % t->n != 0)
            chan_send(t->out, v);
    }
    return NULL;
}

static void sieve(void)
{
    int n = bench_scaled(2000);
    int64_t prime = 0;
    task *t = calloc((size_t)n + 1, sizeof *t); /* kept: the filters stay parked */
    chan *c = chan_new(1);
    if (!t)
        bench_die("out of memory");
    bench_span s = bench_begin();
    t[n].out = c;
    spawn(sieve_source, &t[n]);
    for (int i = 0; i < n; i++) {
        prime = chan_recv(c);
        t[i] = (task){.in = c, .out = chan_new(1), .n = prime};
        spawn(sieve_filter, &t[i]);
        c = t[i].out;
    }
    bench_end_ms("sieve", s);
    if (n == 2000 && prime != 17389)
        bench_die("sieve: wrong prime");
    _exit(0);
}

/* --- park --- */

static void *parker(void *arg)
{
    task *t = (task *)arg;
    group_done(t->g);
    st_cond_wait(t->gate);
    group_done(t->h);
    return NULL;
}

static void park(const char *name, int n)
{
    group up, down;
    task t = {.g = &up, .h = &down, .gate = st_cond_new()};
    long rss = bench_status("VmRSS:"), pte = bench_status("VmPTE:");
    bench_span s = bench_begin();
    group_init(&up, n);
    group_init(&down, n);
    for (int i = 0; i < n; i++)
        spawn(parker, &t);
    group_wait(&up);
    bench_end_ms(name, s);
    bench_print(name, ".rss", (double)(bench_status("VmRSS:") - rss) * 1024 / n, "B");
    bench_print(name, ".pagetables", (double)(bench_status("VmPTE:") - pte) * 1024 / n, "B");
    int64_t start = bench_now();
    st_cond_broadcast(t.gate);
    group_wait(&down);
    bench_print(name, ".wake", (double)(bench_now() - start) / 1e6, "ms");
}

static void park100k(void)
{
    park("park100k", bench_scaled(100000));
}

static void park1m(void)
{
    park("park1m", bench_scaled(1000000));
}

/* --- timers --- */

enum { ROUNDS = 10 };
static const int64_t NAP = 50000000;

static void *sleeper(void *arg)
{
    task *t = (task *)arg;
    int64_t *late = t->data + (size_t)(t->n++) * ROUNDS;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t start = bench_now();
        st_usleep(NAP / 1000);
        late[i] = bench_now() - start - NAP;
    }
    group_done(t->g);
    return NULL;
}

static void timers(const char *name, int n)
{
    group g;
    size_t total = (size_t)n * ROUNDS;
    task t = {.g = &g, .data = (int64_t *)malloc(total * sizeof(int64_t))};
    if (!t.data)
        bench_die("out of memory");
    memset(t.data, 1, total * sizeof *t.data);
    bench_span s = bench_begin();
    group_init(&g, n);
    for (int i = 0; i < n; i++)
        spawn(sleeper, &t);
    group_wait(&g);
    bench_end_ms(name, s);
    bench_percentiles(name, ".late", t.data, total, 1e6, "ms");
    free(t.data);
}

static void timers10k(void)
{
    timers("timers10k", bench_scaled(10000));
}

static void timers100k(void)
{
    timers("timers100k", bench_scaled(100000));
}

int main(int argc, char **argv)
{
    static const bench_job jobs[] = {
        {"spawn_1m", spawn_1m},   {"spawn_batch", spawn_batch}, {"yield2", yield2},
        {"yield1000", yield1000}, {"pingpong", pingpong},       {"buf11", buf11},
        {"buf44", buf44},         {"mutex8", mutex8},           {"skynet", skynet},
        {"sieve", sieve},         {"park100k", park100k},       {"park1m", park1m},
        {"timers10k", timers10k}, {"timers100k", timers100k},
    };
    int first = bench_options(argc, argv);
    if (bench_workers != 1)
        bench_die("State Threads has one worker");
    if (st_set_eventsys(ST_EVENTSYS_ALT) < 0 || st_init() < 0)
        bench_die("st_init failed");
    return bench_jobs(jobs, sizeof jobs / sizeof jobs[0], argc, argv, first);
}
