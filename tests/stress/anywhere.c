/* SPDX-License-Identifier: BSD-3-Clause */
/* Goroutines that do whatever a C program may do, chosen at random, for two minutes: loops, libc's
 * locks, sleeps and waits in the kernel, children, communication; the number of Ps changes
 * meanwhile. Nobody sees EINTR, ends early or computes wrongly, and each gets its turns. */
/* link: m */
#define _GNU_SOURCE
#include "harness/test.h"
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <gamp.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { ACTORS = 40, PAIRS = 4 };
static const int64_t duration = 120 * GAMP_SECOND;

static struct {
    _Atomic bool over;
    _Atomic long done[ACTORS];
    _Atomic long passed;
    pthread_mutex_t mutex;
    long inside;
    gamp_mutex gmutex;
    long ginside;
    FILE *null;
    gamp_waitgroup wg;
} t = {.mutex = PTHREAD_MUTEX_INITIALIZER};

typedef uint64_t rng;

static void spin(rng *r)
{
    uint64_t n = test_rand(r) % 3000000, x = 1, y = 1;

    for (uint64_t i = 0; i < n; i++) {
        x = x * 31 + i;
        __asm__ volatile("" : "+r"(x));
    }
    for (uint64_t i = 0; i < n; i++)
        y = y * 31 + i;
    CHECK_EQ(x, y);
}

static void allocate(rng *r)
{
    for (int i = 0; i < 100; i++) {
        size_t n = 1 + test_rand(r) % 20000;
        char *p = malloc(n);

        CHECK(p != NULL);
        memset(p, i, n);
        p = realloc(p, n * 2);
        CHECK(p && p[0] == (char)i && p[n - 1] == (char)i);
        free(p);
    }
}

static void print(rng *r)
{
    char text[64];
    long v = (long)(test_rand(r) >> 2), back;

    snprintf(text, sizeof text, "%ld", v);
    CHECK_EQ(sscanf(text, "%ld", &back), 1);
    CHECK_EQ(v, back);
    fprintf(t.null, "%s %g\n", text, (double)v);
    fflush(t.null);
}

static void with_mutex(rng *r)
{
    pthread_mutex_lock(&t.mutex);
    CHECK_EQ(t.inside++, 0);
    for (uint64_t i = test_rand(r) % 100000; i > 0; i--)
        __asm__ volatile("");
    if (test_rand(r) % 8 == 0)
        usleep(200);
    CHECK_EQ(--t.inside, 0);
    pthread_mutex_unlock(&t.mutex);
}

static void with_gamp_mutex(rng *r)
{
    gamp_mutex_lock(&t.gmutex);
    CHECK_EQ(t.ginside++, 0);
    if (test_rand(r) % 4 == 0)
        usleep(100);
    if (test_rand(r) % 4 == 0)
        gamp_gosched();
    CHECK_EQ(--t.ginside, 0);
    gamp_mutex_unlock(&t.gmutex);
}

static void compute(rng *r)
{
    double x = (double)(test_rand(r) % 1000) / 100;

    for (int i = 0; i < 1000; i++)
        CHECK(fabs(sin(x) * sin(x) + cos(x) * cos(x) - 1) < 1e-12);
}

static void sleep_some(rng *r)
{
    int64_t ns = (int64_t)(test_rand(r) % 3000000), from = test_nanotime();

    CHECK_EQ(nanosleep(&(struct timespec){0, ns}, NULL), 0);
    CHECK_GE(test_nanotime() - from, ns);
}

static void poll_some(rng *r)
{
    int ms = (int)(test_rand(r) % 4);
    int64_t from = test_nanotime();

    CHECK_EQ(poll(NULL, 0, ms), 0);
    CHECK_GE(test_nanotime() - from, ms * 1000000ll);
}

static void wait_for_child(pid_t pid, int want)
{
    int status;

    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(WEXITSTATUS(status), want);
}

static void fork_one(rng *r)
{
    pid_t pid;

    if (test_rand(r) % 8)
        return;
    pid = fork();
    CHECK_GE(pid, 0);
    if (pid == 0) {
        if (!TEST_SANITIZED) /* theirs has locks that a fork may find taken */
            free(malloc(10));
        _exit(7);
    }
    wait_for_child(pid, 7);
}

static void spawn_one(rng *r)
{
    static char *argv[] = {(char *)"true", NULL};
    pid_t pid;

    if (test_rand(r) % 8)
        return;
    CHECK_EQ(posix_spawnp(&pid, "true", NULL, NULL, argv, environ), 0);
    wait_for_child(pid, 0);
}

static void load_library(rng *r)
{
    void *lib = dlopen("libm.so.6", RTLD_NOW);

    (void)r;
    CHECK(lib && dlsym(lib, "cbrt"));
    CHECK_EQ(dlclose(lib), 0);
}

static void trace(rng *r)
{
    void *pc[32];

    (void)r;
    CHECK_GE(backtrace(pc, 32), 2);
}

static void nap(rng *r)
{
    gamp_sleep((gamp_duration)(test_rand(r) % 2000000));
}

static void locked(rng *r)
{
    pthread_t self;

    gamp_lock_os_thread();
    self = pthread_self();
    gamp_gosched();
    spin(r);
    gamp_gosched();
    CHECK(pthread_equal(self, pthread_self()));
    gamp_unlock_os_thread();
}

static void hinted(rng *r)
{
    gamp_blocking_enter();
    usleep((useconds_t)(test_rand(r) % 1000));
    gamp_blocking_exit();
}

static void keep_errno(rng *r)
{
    int v = (int)(test_rand(r) % 1000);

    errno = v;
    gamp_gosched();
    usleep(10);
    gamp_sleep(1);
    CHECK_EQ(errno, v);
}

static void (*const deeds[])(rng *) = {
    spin,       allocate,  print,    with_mutex, with_gamp_mutex, compute,
    sleep_some, poll_some, fork_one, spawn_one,  load_library,    trace,
    nap,        locked,    hinted,   keep_errno,
};

static void actor(int id, rng r)
{
    while (!t.over) {
        deeds[test_rand(&r) % (sizeof deeds / sizeof deeds[0])](&r);
        t.done[id]++;
    }
    gamp_waitgroup_done(&t.wg);
}

static void pass(gamp_chan *in, gamp_chan *out)
{
    long v;

    while (gamp_chan_recv(in, &v)) {
        v++;
        gamp_chan_send(out, &v);
        t.passed++;
    }
    gamp_chan_close(out);
    gamp_waitgroup_done(&t.wg);
}

static void start(gamp_chan *first[PAIRS], gamp_chan *last[PAIRS])
{
    rng r = test_seed();

    t.null = fopen("/dev/null", "w");
    CHECK(t.null != NULL);
    gamp_waitgroup_add(&t.wg, ACTORS + PAIRS);
    for (int i = 0; i < ACTORS; i++)
        CHECK_EQ(gamp_go(actor, i, test_rand(&r)), 0);
    for (int i = 0; i < PAIRS; i++) {
        first[i] = gamp_chan_of(long, 0);
        last[i] = gamp_chan_of(long, 1);
        CHECK_EQ(gamp_go(pass, first[i], last[i]), 0);
    }
}

TEST_GO_WITHIN(whatever_they_do, 300)
{
    gamp_chan *first[PAIRS], *last[PAIRS];
    rng r = test_seed() + 1;
    int before = gamp_gomaxprocs(0);
    int64_t until = test_nanotime() + duration;
    gamp_sched_stats s;
    long least, v;

    start(first, last);
    for (long n = 0; test_nanotime() < until; n++) {
        int i = (int)(n % PAIRS);

        gamp_chan_send(first[i], &n);
        CHECK(gamp_chan_recv(last[i], &v));
        CHECK_EQ(v, n + 1);
        if (n % 50 == 49)
            gamp_gomaxprocs(1 + (int)(test_rand(&r) % 4));
        if (n % 10 == 9)
            gamp_sleep(GAMP_MILLISECOND);
    }
    gamp_gomaxprocs(before);
    t.over = true;
    for (int i = 0; i < PAIRS; i++)
        gamp_chan_close(first[i]);
    gamp_waitgroup_wait(&t.wg);
    least = t.done[0];
    for (int i = 0; i < ACTORS; i++)
        least = least < t.done[i] ? least : t.done[i];
    gamp_sched_stats_read(&s);
    printf("%ld deeds at least, %ld passed on, %lu preemptions, %lu hand-offs\n", least, t.passed,
           (unsigned long)s.preemptions, (unsigned long)s.handoffs);
    CHECK_GT(least, 50);
    CHECK_GT(t.passed, 100);
    fclose(t.null);
}
