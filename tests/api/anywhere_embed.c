/* SPDX-License-Identifier: BSD-3-Clause */
/* A host program with threads, signal handlers and an event loop of its own starts the runtime
 * beside them and talks with goroutines over channels; threads that gamp did not make call whatever
 * there is and end. */
#define _GNU_SOURCE
#include "harness/test.h"
#include <fcntl.h>
#include <gamp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* --- the host: an event loop over poll, woken through a pipe by whoever has an answer --- */

struct job {
    long in, out;
};

static struct {
    int wake[2];
    gamp_chan *requests, *answers;
    _Atomic long alarms;
    _Atomic bool over;
} h;

static void on_alarm(int sig)
{
    (void)sig;
    h.alarms++;
}

/* Fibonacci by goroutines: some of the work is a loop, some of it blocks. */
static void worker(int i)
{
    struct job *j;

    while (gamp_chan_recv(h.requests, &j)) {
        long a = 0, b = 1;

        for (long k = 0; k < j->in; k++) {
            long c = a + b;

            a = b;
            b = c;
        }
        j->out = a;
        if (j->in % 7 == 0)
            usleep(100);
        if (j->in % 11 == 0)
            gamp_sleep(100 * GAMP_MICROSECOND);
        gamp_chan_send(h.answers, &j);
        CHECK_EQ(write(h.wake[1], "w", 1), 1);
    }
    (void)i;
}

static long fib(long n)
{
    long a = 0, b = 1;

    while (n--) {
        long c = a + b;

        a = b;
        b = c;
    }
    return a;
}

enum { JOBS = 3000, IN_FLIGHT = 50, WORKERS = 8 };

static void event_loop(void)
{
    static struct job jobs[IN_FLIGHT];
    struct pollfd p = {.fd = h.wake[0], .events = POLLIN};
    long sent = 0, got = 0, timeouts = 0;

    for (; sent < IN_FLIGHT; sent++) {
        struct job *j = &jobs[sent];

        j->in = sent % 80;
        gamp_chan_send(h.requests, &j);
    }
    while (got < JOBS) {
        int r = poll(&p, 1, 1000);
        char buf[256];
        struct job *j;

        if (r < 0) {
            CHECK_EQ(errno, EINTR); /* by the host's own alarms */
            continue;
        }
        timeouts += r == 0;
        if (r == 1)
            CHECK_GT(read(h.wake[0], buf, sizeof buf), 0);
        while (gamp_chan_try_recv(h.answers, &j) == 0) {
            CHECK_EQ(j->out, fib(j->in));
            got++;
            if (sent < JOBS) {
                j->in = sent++ % 80;
                CHECK_EQ(gamp_chan_try_send(h.requests, &j), 0);
            }
        }
    }
    CHECK_EQ(sent, JOBS);
    printf("%ld jobs, %ld alarms, %ld time-outs\n", got, h.alarms, timeouts);
}

/* A thread of the host's that computes all the time, as hosts do. */
static void *computes(void *arg)
{
    volatile long *n = arg;

    while (!h.over)
        ++*n;
    return NULL;
}

TEST_WITHIN(a_host_with_an_event_loop, 60)
{
    struct sigaction sa = {.sa_handler = on_alarm}, after;
    struct itimerval it = {{0, 3000}, {0, 3000}};
    static long work;
    pthread_t th;

    sigemptyset(&sa.sa_mask);
    CHECK_EQ(sigaction(SIGALRM, &sa, NULL), 0);
    CHECK_EQ(setitimer(ITIMER_REAL, &it, NULL), 0);
    CHECK_EQ(pthread_create(&th, NULL, computes, &work), 0);
    CHECK_EQ(pipe2(h.wake, O_CLOEXEC), 0);
    CHECK_EQ(gamp_start(NULL), 0);
    h.requests = gamp_chan_of(struct job *, IN_FLIGHT);
    h.answers = gamp_chan_of(struct job *, IN_FLIGHT);
    for (int i = 0; i < WORKERS; i++)
        CHECK_EQ(gamp_go(worker, i), 0);
    event_loop();
    gamp_chan_close(h.requests);
    while (gamp_num_goroutine() > 0)
        gamp_gosched();
    CHECK_EQ(gamp_stop(GAMP_NEVER), 0);
    CHECK_EQ(sigaction(SIGALRM, NULL, &after), 0);
    CHECK(after.sa_handler == on_alarm);
    h.over = true;
    CHECK_EQ(pthread_join(th, NULL), 0);
    CHECK_GT(work, 0);
}

/* --- foreign threads --- */

static struct {
    gamp_chan *ping, *pong;
    gamp_mutex mutex;
    gamp_rwmutex rw;
    gamp_cond cond;
    gamp_waitgroup wg;
    gamp_once once;
    gamp_sem sem;
    long guarded, turns, initialised;
    gamp_context *ctx;
    char where[64];
} f;

static void init_once(void *arg)
{
    gamp_sleep(GAMP_MILLISECOND);
    ++*(long *)arg;
}

static void echo_numbers(void)
{
    long v;

    while (gamp_chan_recv(f.ping, &v)) {
        v *= 2;
        gamp_chan_send(f.pong, &v);
    }
}

static void panics(void *arg)
{
    (void)arg;
    gamp_panic("outside");
}

static int in_group(gamp_context *ctx, void *arg)
{
    (void)ctx;
    ++*(_Atomic long *)arg;
    return 0;
}

static void child_of_thread(_Atomic long *n)
{
    ++*n;
}

static void channels_and_select(void)
{
    gamp_chan *c = gamp_chan_of(long, 1);
    long v = 21, w = 0;
    bool ok = true;

    gamp_chan_send(f.ping, &v);
    CHECK(gamp_chan_recv(f.pong, &w));
    CHECK_EQ(w % 2, 0);
    CHECK_EQ(gamp_select(GAMP_RECV_OK(c, &w, &ok), GAMP_AT(gamp_now() + GAMP_MILLISECOND)), 1);
    CHECK_EQ(gamp_select(GAMP_RECV(c, &w), GAMP_SEND(c, &v)), 1);
    CHECK_EQ(gamp_select(GAMP_RECV(c, &w), GAMP_DEFAULT), 0);
    CHECK_EQ(w, 21);
    CHECK_EQ(gamp_chan_recv_until(c, &w, gamp_now() + GAMP_MILLISECOND), -ETIMEDOUT);
    gamp_chan_unref(c);
}

static void locks(void)
{
    gamp_mutex_lock(&f.mutex);
    f.guarded++;
    gamp_cond_signal(&f.cond);
    CHECK_EQ(gamp_cond_wait_until(&f.cond, &f.mutex, gamp_now() + 1), -ETIMEDOUT);
    gamp_mutex_unlock(&f.mutex);
    gamp_rwmutex_rlock(&f.rw);
    gamp_rwmutex_runlock(&f.rw);
    gamp_rwmutex_lock(&f.rw);
    f.turns++;
    gamp_rwmutex_unlock(&f.rw);
    gamp_once_do(&f.once, init_once, &f.initialised);
    CHECK_EQ(f.initialised, 1);
    gamp_sem_acquire(&f.sem, 1);
    gamp_sem_release(&f.sem, 1);
}

static void goroutines_and_groups(void)
{
    _Atomic long n = 0;
    gamp_waitgroup wg = {0};
    gamp_group g;
    gamp_panic_info info;
    gamp_timer *t = gamp_timer_new(GAMP_MILLISECOND);
    gamp_time at;

    CHECK_EQ(gamp_waitgroup_go(&wg, child_of_thread, &n), 0);
    gamp_waitgroup_wait(&wg);
    CHECK_EQ(n, 1);
    CHECK_EQ(gamp_group_init(&g, f.ctx), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(gamp_group_go(&g, in_group, (void *)&n), 0);
    CHECK_EQ(gamp_group_wait(&g), 0);
    CHECK_EQ(n, 4);
    CHECK_EQ(gamp_protect(panics, NULL, &info), -EFAULT);
    CHECK_STR(info.message, "outside");
    CHECK_EQ(info.goid, 0);
    CHECK(gamp_chan_recv(gamp_timer_chan(t), &at));
    gamp_timer_free(t);
}

static void network(void)
{
    char buf[16];
    int fd = gamp_dial("tcp", f.where, gamp_now() + GAMP_HOUR);

    CHECK_GE(fd, 0);
    CHECK_EQ(gamp_write_full(fd, "twelve bytes", 12), 0);
    CHECK_EQ(gamp_read_full(fd, buf, 12), 0);
    CHECK(memcmp(buf, "twelve bytes", 12) == 0);
    CHECK_EQ(gamp_close(fd), 0);
}

static void echo(int fd)
{
    char buf[12];

    if (gamp_read_full(fd, buf, sizeof buf) == 0)
        gamp_write_full(fd, buf, sizeof buf);
    gamp_close(fd);
}

static void serve(int lfd)
{
    int fd;

    while ((fd = gamp_accept(lfd)) >= 0)
        gamp_go(echo, fd);
}

static void *foreign(void *arg)
{
    (void)arg;
    CHECK_EQ(gamp_goid(), 0);
    errno = 99;
    for (int i = 0; i < 5; i++) {
        channels_and_select();
        locks();
        goroutines_and_groups();
        network();
        gamp_gosched();
        gamp_lock_os_thread();
        gamp_unlock_os_thread();
        gamp_blocking_enter();
        gamp_blocking_exit();
    }
    CHECK_EQ(errno, 99);
    gamp_waitgroup_done(&f.wg);
    return NULL;
}

static void *brief(void *arg)
{
    gamp_mutex *m = arg;

    gamp_mutex_lock(m);
    f.guarded++;
    gamp_mutex_unlock(m);
    return NULL;
}

/* n threads that run body, against goroutines that serve them. */
static void threads_call_everything(int n, void *(*body)(void *))
{
    pthread_t th[8];
    int lfd = gamp_listen("tcp", "127.0.0.1:0");

    CHECK_GT(gamp_local_addr(lfd, f.where, sizeof f.where), 0);
    f.ping = gamp_chan_of(long, 0);
    f.pong = gamp_chan_of(long, 0);
    f.ctx = gamp_context_with_cancel(gamp_context_background());
    gamp_sem_init(&f.sem, 2);
    CHECK_EQ(gamp_go(echo_numbers), 0);
    CHECK_EQ(gamp_go(serve, lfd), 0);
    gamp_waitgroup_add(&f.wg, n);
    for (int i = 0; i < n; i++)
        CHECK_EQ(pthread_create(&th[i], NULL, body, NULL), 0);
    gamp_waitgroup_wait(&f.wg);
    for (int i = 0; i < n; i++)
        CHECK_EQ(pthread_join(th[i], NULL), 0);
    CHECK_EQ(f.turns, 5 * n);
    gamp_chan_close(f.ping);
    gamp_context_cancel(f.ctx, 0);
    gamp_context_unref(f.ctx);
    gamp_close(lfd);
}

TEST_GO_WITHIN(foreign_threads_call_everything, 60)
{
    threads_call_everything(8, foreign);
}

/* As on the threads of libraries, which want no signal to reach them. */
static void *without_signals(void *arg)
{
    sigset_t all;

    sigfillset(&all);
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, &all, NULL), 0);
    return foreign(arg);
}

TEST_GO_WITHIN(threads_without_signals_call_everything, 60)
{
    sigset_t mask;

    threads_call_everything(4, without_signals);
    /* Their masks are not the goroutines'. */
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
    CHECK(!sigismember(&mask, SIGTERM));
}

static long resident(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    CHECK(file && fscanf(file, "%*d %ld", &pages) == 1);
    fclose(file);
    return pages * 4;
}

/* KiB; a sanitizer's quarantine grows for a while. */
#ifdef __SANITIZE_ADDRESS__
enum { GROWTH = 400000 };
#else
enum { GROWTH = 3000 };
#endif

/* What a thread had is given back when it ends, and serves the next one. */
TEST_GO_WITHIN(threads_that_come_and_go, 60)
{
    long before = 0;

    if (getenv("TEST_EMULATOR"))
        test_skip("an emulator keeps memory of each thread");
    for (int i = 0; i < 2000; i++) {
        pthread_t th[4];

        for (int k = 0; k < 4; k++)
            CHECK_EQ(pthread_create(&th[k], NULL, brief, &f.mutex), 0);
        for (int k = 0; k < 4; k++)
            CHECK_EQ(pthread_join(th[k], NULL), 0);
        if (i == 200)
            before = resident();
    }
    CHECK_EQ(f.guarded, 8000);
    CHECK_LT(resident() - before, GROWTH);
}
