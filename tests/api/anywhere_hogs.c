/* SPDX-License-Identifier: BSD-3-Clause */
/* link: m */
/* Goroutines that never make a gamp call and never sleep: each kind beside its like and beside
 * goroutines that communicate. All make progress, whatever locks of libc they are stopped with, and
 * what they compute is right. */
#define _GNU_SOURCE
#include "harness/test.h"
#include <dlfcn.h>
#include <execinfo.h>
#include <gamp/chan.h>
#include <gamp/debug.h>
#include <gamp/errno.h>
#include <gamp/go.h>
#include <gamp/net.h>
#include <gamp/os.h>
#include <gamp/run.h>
#include <gamp/sync.h>
#include <gamp/time.h>
#include <math.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { HOGS = 4 };

static struct {
    _Atomic bool over;
    _Atomic long rounds[HOGS];
    gamp_waitgroup wg;
    void (*kind)(uint64_t *rng);
} t;

static void hog(int i, uint64_t rng)
{
    /* The flag alone: no gamp call. */
    while (!t.over) {
        t.kind(&rng);
        t.rounds[i]++;
    }
    gamp_waitgroup_done(&t.wg);
}

static void answer(gamp_chan *a, gamp_chan *b)
{
    long v;

    while (gamp_chan_recv(a, &v))
        gamp_chan_send(b, &v);
}

/* Until every hog has done its rounds and the pair its exchanges. */
static void among_hogs(void (*kind)(uint64_t *), long rounds, long exchanges)
{
    gamp_chan *a = gamp_chan_of(long, 0), *b = gamp_chan_of(long, 0);
    uint64_t rng = test_seed();
    int64_t from = test_nanotime();
    long v, least;
    gamp_sched_stats stats;

    t.kind = kind;
    t.over = false;
    memset((void *)t.rounds, 0, sizeof t.rounds);
    gamp_waitgroup_add(&t.wg, HOGS);
    for (int i = 0; i < HOGS; i++)
        CHECK_EQ(gamp_go(hog, i, test_rand(&rng)), 0);
    CHECK_EQ(gamp_go(answer, a, b), 0);
    for (long i = 0;; i++) {
        gamp_chan_send(a, &i);
        CHECK(gamp_chan_recv(b, &v));
        CHECK_EQ(v, i);
        least = t.rounds[0];
        for (int k = 1; k < HOGS; k++)
            least = least < t.rounds[k] ? least : t.rounds[k];
        /* Long enough that each was stopped many times. */
        if (i >= exchanges && least >= rounds && test_nanotime() - from > 300 * GAMP_MILLISECOND)
            break;
        if (i % 64 == 63)
            gamp_sleep(GAMP_MILLISECOND);
    }
    t.over = true;
    gamp_waitgroup_wait(&t.wg);
    gamp_sched_stats_read(&stats);
    printf("%ld rounds at least, %lu preemptions in %.0f ms\n", least,
           (unsigned long)stats.preemptions, (double)(test_nanotime() - from) / 1e6);
    gamp_chan_close(a);
    gamp_chan_unref(a);
    gamp_chan_unref(b);
}

static void spin(uint64_t *rng)
{
    uint64_t x = test_rand(rng) | 1, y = x;

    for (int i = 0; i < 100000; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        __asm__ volatile("" : "+r"(x));
    }
    for (int i = 0; i < 100000; i++)
        y = y * 6364136223846793005u + 1442695040888963407u;
    CHECK_EQ(x, y);
}

TEST_GO(pure_loops)
{
    among_hogs(spin, 20, 1000);
}

static uint64_t pinned(void)
{
    gamp_sched_stats s;

    gamp_sched_stats_read(&s);
    return s.pinned;
}

/* Each of those that were stopped waits on its thread, all of them while main has the only P. */
TEST_GO(stopped_ones_are_counted)
{
    uint64_t rng = test_seed();

    gamp_gomaxprocs(1);
    CHECK_EQ(pinned(), 0);
    t.kind = spin;
    gamp_waitgroup_add(&t.wg, HOGS);
    for (int i = 0; i < HOGS; i++)
        CHECK_EQ(gamp_go(hog, i, test_rand(&rng)), 0);
    while (pinned() < HOGS)
        gamp_sleep(GAMP_MILLISECOND);
    t.over = true;
    gamp_waitgroup_wait(&t.wg);
    CHECK_EQ(pinned(), 0);
}

static struct {
    gamp_chan *a, *b;
    int fd[2];
} thread_to;

/* Messages by channel, bytes by socket, each answered before the next; a timer's between. */
static void *ask_among_hogs(void *arg)
{
    char sent = 'x', got = 0;
    long v;

    (void)arg;
    for (long i = 0; i < 100; i++) {
        gamp_chan_send(thread_to.a, &i);
        CHECK(gamp_chan_recv(thread_to.b, &v));
        CHECK_EQ(v, i);
        CHECK_EQ(write(thread_to.fd[0], &sent, 1), 1);
        CHECK_EQ(read(thread_to.fd[0], &got, 1), 1);
        CHECK_EQ(got, 'x');
        if (i % 10 == 9)
            gamp_sleep(GAMP_MILLISECOND);
    }
    gamp_chan_close(thread_to.a);
    close(thread_to.fd[0]);
    return NULL;
}

static void answer_bytes(int fd)
{
    char c;

    while (gamp_read(fd, &c, 1) == 1)
        CHECK_EQ(gamp_write_full(fd, &c, 1), 0);
    gamp_close(fd);
    gamp_waitgroup_done(&t.wg);
}

static void answer_and_done(gamp_chan *a, gamp_chan *b)
{
    answer(a, b);
    gamp_waitgroup_done(&t.wg);
}

/* Nobody but the hogs has a P when the thread wants something, and no goroutine asks for it. */
TEST_GO(a_thread_is_answered_among_hogs)
{
    uint64_t rng = test_seed();
    pthread_t thread;

    thread_to.a = gamp_chan_of(long, 0);
    thread_to.b = gamp_chan_of(long, 0);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, thread_to.fd), 0);
    CHECK_EQ(gamp_fd_register(thread_to.fd[1]), 0);
    t.kind = spin;
    gamp_waitgroup_add(&t.wg, HOGS + 2);
    CHECK_EQ(gamp_go(answer_and_done, thread_to.a, thread_to.b), 0);
    CHECK_EQ(gamp_go(answer_bytes, thread_to.fd[1]), 0);
    CHECK_EQ(pthread_create(&thread, NULL, ask_among_hogs, NULL), 0);
    for (int i = 0; i < HOGS; i++)
        CHECK_EQ(gamp_go(hog, i, test_rand(&rng)), 0);
    gamp_blocking_enter();
    CHECK_EQ(pthread_join(thread, NULL), 0);
    gamp_blocking_exit();
    t.over = true;
    gamp_waitgroup_wait(&t.wg);
    gamp_chan_unref(thread_to.a);
    gamp_chan_unref(thread_to.b);
}

static void mallocs(uint64_t *rng)
{
    void *p[32];
    size_t n[32];

    for (int i = 0; i < 32; i++) {
        n[i] = 1 + test_rand(rng) % 5000;
        p[i] = malloc(n[i]);
        CHECK(p[i] != NULL);
        memset(p[i], i, n[i]);
    }
    for (int i = 0; i < 32; i++) {
        const char *c = p[i];

        CHECK(c[0] == (char)i && c[n[i] - 1] == (char)i);
        free(p[i]);
    }
}

TEST_GO(malloc_and_free)
{
    among_hogs(mallocs, 200, 1000);
}

static FILE *shared;

static void stdio_calls(uint64_t *rng)
{
    char text[64], want[64];
    long v = (long)(test_rand(rng) >> 8);
    size_t n = sizeof want;

    snprintf(text, sizeof text, "%ld %.3f %s", v, (double)(v % 1000) / 8, "x");
    for (want[--n] = '\0'; v > 0; v /= 10)
        want[--n] = (char)('0' + v % 10);
    CHECK(strncmp(text, want + n, strlen(want + n)) == 0);
    CHECK_GE(fprintf(shared, "%s\n", text), 5);
    CHECK_EQ(fflush(shared), 0);
}

TEST_GO(snprintf_and_stdio)
{
    shared = fopen("/dev/null", "w");
    CHECK(shared != NULL);
    among_hogs(stdio_calls, 200, 1000);
    fclose(shared);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long inside;

static void with_mutex(uint64_t *rng)
{
    uint64_t n = test_rand(rng) % 20000;

    CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    CHECK_EQ(inside++, 0);
    for (uint64_t i = 0; i < n; i++)
        __asm__ volatile("");
    CHECK_EQ(--inside, 0);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
}

TEST_GO(pthread_mutex_held_and_wanted)
{
    among_hogs(with_mutex, 100, 1000);
}

/* The series of e, in doubles and long doubles, with the rounding mode that the goroutine runs
 * with. */
static void floating(uint64_t *rng)
{
    double x = 1 + (double)(test_rand(rng) % 1000) / 1000, sum = 1, term = 1;
    long double lsum = 1, lterm = 1;

    for (int n = 1; n < 200; n++) {
        term *= x / n;
        sum += term;
        lterm *= (long double)x / n;
        lsum += lterm;
    }
    CHECK(fabs(sum - exp(x)) < 1e-12);
    CHECK(fabsl(lsum - expl((long double)x)) < 1e-12L);
}

TEST_GO(floating_point)
{
    among_hogs(floating, 1000, 1000);
}

/* All vector registers that the compiler finds for it, kept over the stops. */
static void vectors(uint64_t *rng)
{
    double a[16], b[16];

    for (int i = 0; i < 16; i++)
        a[i] = b[i] = (double)(test_rand(rng) % 1000);
    for (int n = 0; n < 2000; n++)
        for (int i = 0; i < 16; i++)
            a[i] = a[i] * 0.5 + (double)i;
    for (int i = 0; i < 16; i++)
        for (int n = 0; n < 2000; n++) {
            b[i] = b[i] * 0.5 + (double)i;
            __asm__ volatile("" : "+m"(b[i]));
        }
    CHECK(memcmp(a, b, sizeof a) == 0);
}

TEST_GO(vector_registers)
{
    among_hogs(vectors, 100, 1000);
}

static void backtraces(uint64_t *rng)
{
    void *pc[64];

    (void)rng;
    CHECK_GE(backtrace(pc, 64), 2);
}

TEST_GO(backtrace_calls)
{
    among_hogs(backtraces, 50, 500);
}

static void dlopens(uint64_t *rng)
{
    void *h = dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);
    double (*f)(double);

    (void)rng;
    CHECK(h != NULL);
    *(void **)&f = dlsym(h, "cbrt");
    CHECK(f != NULL && fabs(f(27) - 3) < 1e-12);
    CHECK_EQ(dlclose(h), 0);
    h = dlopen("no such library", RTLD_NOW);
    CHECK(h == NULL && dlerror() != NULL);
}

TEST_GO(dlopen_and_dlclose)
{
    among_hogs(dlopens, 100, 500);
}

static void forks(uint64_t *rng)
{
    int status, code = (int)(test_rand(rng) % 100);
    pid_t pid = fork();

    CHECK_GE(pid, 0);
    if (pid == 0) {
        if (!TEST_SANITIZED) /* theirs has locks that a fork may find taken */
            free(malloc(100));
        _exit(code);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(WEXITSTATUS(status), code);
}

TEST_GO_WITHIN(fork_and_waitpid, 60)
{
    if (getenv("TEST_EMULATOR"))
        test_skip("an emulator's own locks are not safe to fork among threads");
    among_hogs(forks, 5, 200);
}

static void spawns(uint64_t *rng)
{
    static char *argv[] = {(char *)"false", NULL};
    int status;
    pid_t pid;

    (void)rng;
    CHECK_EQ(posix_spawnp(&pid, "false", NULL, NULL, argv, environ), 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(WEXITSTATUS(status), 1);
}

TEST_GO_WITHIN(posix_spawn_and_waitpid, 60)
{
    if (getenv("TEST_EMULATOR"))
        test_skip("an emulator forks itself for it, among its threads");
    among_hogs(spawns, 5, 200);
}

/* All kinds at once, some of which wait for what others hold. */
static void (*const kinds[])(uint64_t *) = {spin,     mallocs, stdio_calls, with_mutex,
                                            floating, vectors, backtraces,  dlopens};

static void any(uint64_t *rng)
{
    kinds[test_rand(rng) % (sizeof kinds / sizeof kinds[0])](rng);
}

TEST_GO_WITHIN(all_together, 60)
{
    shared = fopen("/dev/null", "w");
    CHECK(shared != NULL);
    for (int i = 0; i < 3; i++)
        among_hogs(any, 50, 500);
    fclose(shared);
}

/* Locked threads: each keeps its own, stopped and going on. */
static _Atomic long checked;

static void locked_hog(void)
{
    pthread_t self = pthread_self();

    gamp_lock_os_thread();
    self = pthread_self();
    for (int i = 0; i < 200; i++) {
        for (int k = 0; k < 500000; k++)
            __asm__ volatile("");
        CHECK(pthread_equal(self, pthread_self()));
        if (i % 10 == 0)
            gamp_gosched();
    }
    gamp_unlock_os_thread();
    checked++;
}

TEST_GO_WITHIN(locked_threads_among_hogs, 60)
{
    t.kind = spin;
    gamp_waitgroup_add(&t.wg, 2);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(gamp_go(hog, i, (uint64_t)i), 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(gamp_go(locked_hog), 0);
    while (checked < 4)
        gamp_gosched();
    t.over = true;
    gamp_waitgroup_wait(&t.wg);
}
