/* SPDX-License-Identifier: BSD-3-Clause */
/* gamp_block: what foreign code costs: hints around a call, a call that blocks without a hint,
 * loops that never call the runtime, a plain thread that wants an answer meanwhile.
 * peers/cgo/block.go does the same in Go, whose foreign code is a cgo call.
 *
 * The goroutines here call libc directly (nanosleep, read, clock_gettime): that is what is
 * measured. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>

#include <gamp.h>

#include "bench.h"

static void must(int r)
{
    if (r < 0)
        bench_die(strerror(-r));
}

static int64_t thread_cpu(void)
{
    return bench_clock(CLOCK_THREAD_CPUTIME_ID);
}

/* xorshift: pauses must not fall into step with slices and ticks. */
static uint32_t next_random(uint32_t *state)
{
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

static void nap_ns(int64_t ns)
{
    struct timespec ts = {ns / 1000000000, ns % 1000000000};
    while (nanosleep(&ts, &ts) < 0 && errno == EINTR) {
    }
}

/* --- hint: an empty pair of hints --- */

static void hint(void)
{
    int n = bench_scaled(20000000);
    bench_span s = bench_begin();
    for (int i = 0; i < n; i++) {
        gamp_blocking_enter();
        gamp_blocking_exit();
    }
    bench_end_ns("hint", s, n);
}

/* --- unhinted: from a blocking call's begin until another goroutine runs --- */

enum { BLOCK_NS = 30000000, SPIN_NS = 20000 };

typedef struct unhinted_state {
    atomic_llong since; /* when the call began; 0: no call, or its first observer has been */
    atomic_bool over;
    int64_t *delay;
    size_t seen;
    gamp_waitgroup wg;
} unhinted_state;

static void unhinted_counter(unhinted_state *u)
{
    while (!atomic_load(&u->over)) {
        int64_t t = bench_now(), since = atomic_exchange(&u->since, 0);
        if (since != 0)
            u->delay[u->seen++] = t - since;
        while (bench_now() - t < SPIN_NS) {
        }
        gamp_gosched();
    }
    gamp_waitgroup_done(&u->wg);
}

static void unhinted(void)
{
    int n = bench_scaled(100);
    unhinted_state u = {.delay = calloc((size_t)n, sizeof(int64_t))};
    uint32_t seed = 1;
    if (!u.delay)
        bench_die("out of memory");
    gamp_waitgroup_add(&u.wg, 1);
    must(gamp_go(unhinted_counter, &u));
    for (int i = 0; i < n; i++) {
        for (uint32_t k = next_random(&seed) % 400; k > 0; k--)
            gamp_gosched();
        atomic_store(&u.since, bench_now());
        nap_ns(BLOCK_NS);
        atomic_store(&u.since, 0);
    }
    atomic_store(&u.over, true);
    gamp_waitgroup_wait(&u.wg);
    bench_print("unhinted", ".seen", 100.0 * (double)u.seen / n, "%");
    bench_percentiles("unhinted", "", u.delay, u.seen, 1e6, "ms");
    free(u.delay);
}

/* --- thread_echo: a plain thread's echo while goroutines spin on every P --- */

enum { MESSAGE = 64, HOGS = 4 };

typedef struct echo_state {
    int fd; /* the thread's end */
    int n;
    int64_t *took;
} echo_state;

static void *echo_thread(void *arg)
{
    echo_state *e = arg;
    char buf[MESSAGE] = {0};
    uint32_t seed = 7;
    for (int i = 0; i < e->n; i++) {
        nap_ns(next_random(&seed) % 2000000);
        int64_t t = bench_now();
        if (write(e->fd, buf, sizeof buf) != MESSAGE || read(e->fd, buf, sizeof buf) != MESSAGE)
            bench_die("thread_echo: short message");
        e->took[i] = bench_now() - t;
    }
    close(e->fd);
    return NULL;
}

static void echo_server(int fd, gamp_waitgroup *wg)
{
    char buf[MESSAGE];
    while (gamp_read_full(fd, buf, sizeof buf) == 0)
        must(gamp_write_full(fd, buf, sizeof buf));
    gamp_close(fd);
    gamp_waitgroup_done(wg);
}

static void spin_until(atomic_bool *over, gamp_waitgroup *wg)
{
    while (!atomic_load_explicit(over, memory_order_relaxed)) {
    }
    gamp_waitgroup_done(wg);
}

static void thread_echo(void)
{
    int n = bench_scaled(300), pair[2];
    atomic_bool over = false;
    gamp_waitgroup served = {0}, spun = {0};
    pthread_t thread;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        bench_die("socketpair failed");
    echo_state e = {.fd = pair[0], .n = n, .took = calloc((size_t)n, sizeof(int64_t))};
    must(gamp_fd_register(pair[1]));
    gamp_waitgroup_add(&served, 1);
    gamp_waitgroup_add(&spun, HOGS);
    must(gamp_go(echo_server, pair[1], &served));
    for (int i = 0; i < HOGS; i++)
        must(gamp_go(spin_until, &over, &spun));
    if (!e.took || pthread_create(&thread, NULL, echo_thread, &e) != 0)
        bench_die("pthread_create failed");
    gamp_waitgroup_wait(&served);
    pthread_join(thread, NULL);
    atomic_store(&over, true);
    gamp_waitgroup_wait(&spun);
    bench_percentiles("thread_echo", "", e.took, (size_t)n, 1e3, "us");
    free(e.took);
}

/* --- preempt: work lost to preemption ---
 * The same loop, once in pieces shorter than a slice with nobody waiting, then as two hogs that
 * must be stopped; work per CPU second of the process, so that what the runtime's own threads use
 * counts as lost. A unit of work stays in registers: caches and store forwarding would blur one per
 * cent. */

enum { PHASES = 20, UNIT = 1000, PIECE_UNITS = 3000, PIECES = 20 };
static const int64_t PHASE_NS = 250000000;

typedef struct hog {
    _Alignas(128) uint64_t work, result;
} hog;

/* Not inlined: the compiler would see that one of the callers does not want the result. */
static __attribute__((noinline)) void work_loop(hog *h, uint64_t limit, atomic_bool *over)
{
    uint64_t x = 1;
    while (h->work < limit && !atomic_load_explicit(over, memory_order_relaxed)) {
        for (int i = 0; i < UNIT; i++)
            x = x * 6364136223846793005 + 1442695040888963407;
        h->work++;
    }
    h->result = x;
}

static void hog_main(hog *h, atomic_bool *over, gamp_waitgroup *wg)
{
    work_loop(h, UINT64_MAX, over);
    gamp_waitgroup_done(wg);
}

static void ticking(atomic_bool *over, gamp_waitgroup *wg)
{
    while (!atomic_load(over))
        gamp_sleep(GAMP_MILLISECOND);
    gamp_waitgroup_done(wg);
}

static double free_rate(void)
{
    atomic_bool over = false;
    int64_t cpu = 0;
    hog h = {0};
    for (int i = 1; i <= PIECES; i++) {
        gamp_gosched(); /* a new slice */
        int64_t t = thread_cpu();
        work_loop(&h, (uint64_t)i * PIECE_UNITS, &over);
        cpu += thread_cpu() - t;
    }
    return (double)h.work / (double)cpu;
}

static double hog_rate(bool with_ticker)
{
    hog h[2] = {0};
    atomic_bool over = false;
    gamp_waitgroup wg = {0};
    int64_t cpu = bench_cpu();
    gamp_waitgroup_add(&wg, 2 + with_ticker);
    for (int i = 0; i < 2; i++)
        must(gamp_go(hog_main, &h[i], &over, &wg));
    if (with_ticker)
        must(gamp_go(ticking, &over, &wg));
    gamp_sleep(PHASE_NS);
    atomic_store(&over, true);
    gamp_waitgroup_wait(&wg);
    return (double)(h[0].work + h[1].work) / (double)(bench_cpu() - cpu);
}

static void preempt_loss(const char *name, bool with_ticker)
{
    int phases = bench_scaled(PHASES);
    int64_t lost[PHASES]; /* in millionths */
    gamp_sched_stats before, after;
    int64_t loaded = 0;
    uint64_t stops = 0;
    for (int i = 0; i < phases; i++) {
        double alone = free_rate();
        gamp_sched_stats_read(&before);
        int64_t t = bench_now();
        double shared = hog_rate(with_ticker);
        loaded += bench_now() - t;
        gamp_sched_stats_read(&after);
        stops += after.preemptions - before.preemptions;
        lost[i] = (int64_t)((1 - shared / alone) * 1e6);
    }
    qsort(lost, (size_t)phases, sizeof lost[0], bench_compare);
    bench_print(name, "", (double)lost[phases / 2] / 1e4, "%");
    bench_print(name, ".rate", (double)stops * 1e9 / (double)loaded, "/s");
}

static void preempt10(void)
{
    preempt_loss("preempt10", false);
}

static void preempt1(void)
{
    preempt_loss("preempt1", true);
}

/* --- preempt_switch: from one hog's last look at the clock to the other's first --- */

typedef struct switch_state {
    _Atomic int owner;
    atomic_llong last;
    atomic_bool over;
    int64_t gap[4096];
    size_t gaps;
    gamp_waitgroup wg;
} switch_state;

static void clock_hog(switch_state *w, int me)
{
    while (!atomic_load(&w->over)) {
        int64_t t = bench_now();
        int owner = atomic_load(&w->owner);
        if (owner != me) {
            t = bench_now(); /* the first reading may be from before the stop */
            if (owner != 0 && w->gaps < sizeof w->gap / sizeof w->gap[0])
                w->gap[w->gaps++] = t - atomic_load(&w->last);
        }
        /* Before owner: a hog stopped between the two only loses a sample. */
        atomic_store(&w->last, t);
        atomic_store(&w->owner, me);
    }
    gamp_waitgroup_done(&w->wg);
}

static void preempt_switch(void)
{
    static switch_state w;
    atomic_store(&w.last, bench_now());
    gamp_waitgroup_add(&w.wg, 2);
    must(gamp_go(clock_hog, &w, 1));
    must(gamp_go(clock_hog, &w, 2));
    gamp_sleep(bench_scaled(5000) * GAMP_MILLISECOND);
    atomic_store(&w.over, true);
    gamp_waitgroup_wait(&w.wg);
    bench_percentiles("preempt_switch", "", w.gap, w.gaps, 1e3, "us");
}

/* --- blocked1000: goroutines blocked in read(2) of an empty pipe --- */

static void pipe_reader(int fd, gamp_waitgroup *up, gamp_waitgroup *down)
{
    char c;
    gamp_waitgroup_done(up);
    if (read(fd, &c, 1) != 0)
        bench_die("blocked1000: read did not end");
    gamp_waitgroup_done(down);
}

static void blocked1000(void)
{
    int n = bench_scaled(1000), pipefd[2];
    gamp_waitgroup up = {0}, down = {0};
    if (pipe(pipefd) < 0)
        bench_die("pipe failed");
    long rss = bench_status("VmRSS:");
    bench_span s = bench_begin();
    gamp_waitgroup_add(&up, n);
    gamp_waitgroup_add(&down, n);
    for (int i = 0; i < n; i++)
        must(gamp_go(pipe_reader, pipefd[0], &up, &down));
    gamp_waitgroup_wait(&up);
    bench_end_ms("blocked1000", s);
    bench_print("blocked1000", ".threads", (double)bench_status("Threads:"), "threads");
    bench_print("blocked1000", ".rss", (double)(bench_status("VmRSS:") - rss) / n, "KiB");
    close(pipefd[1]);
    gamp_waitgroup_wait(&down);
    close(pipefd[0]);
}

static int jobs_first;

static int jobs_main(int argc, char **argv)
{
    static const bench_job jobs[] = {
        {"hint", hint},
        {"unhinted", unhinted},
        {"thread_echo", thread_echo},
        {"preempt10", preempt10},
        {"preempt1", preempt1},
        {"preempt_switch", preempt_switch},
        {"blocked1000", blocked1000},
    };
    return bench_jobs(jobs, sizeof jobs / sizeof jobs[0], argc, argv, jobs_first);
}

int main(int argc, char **argv)
{
    jobs_first = bench_options(argc, argv);
    gamp_config cfg = {.maxprocs = bench_workers};
    return gamp_run_with(&cfg, jobs_main, argc, argv);
}
