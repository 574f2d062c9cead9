/* SPDX-License-Identifier: BSD-3-Clause */
/* Goroutines in blocking calls of libc, without a hint and of every kind, beside others that serve
 * requests over loopback and exchange values over channels. The calls end as they would in a thread
 * of their
 * own: none early, none with EINTR; the others' work is counted, and the test ends when they have
 * done it. */
#define _GNU_SOURCE
#include "harness/cutshort.h"
#include "harness/test.h"
#include <fcntl.h>
#include <gamp/chan.h>
#include <gamp/debug.h>
#include <gamp/errno.h>
#include <gamp/go.h>
#include <gamp/net.h>
#include <gamp/run.h>
#include <gamp/sync.h>
#include <gamp/time.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { EACH = 8, REQUESTS = TEST_SANITIZED ? 3000 : 10000, CLIENTS = 4 };

static struct {
    _Atomic bool over;
    _Atomic long calls;
    gamp_waitgroup wg;
    int pipe[2];
    sem_t sem;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    long tokens; /* mutex */
    char dir[64];
    _Atomic int holders;
} t = {.mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};

static void do_sleep(void)
{
    unsigned left = sleep(1);

    while (left > 0 && cut_short())
        left = sleep(left);
    CHECK_EQ(left, 0);
}

static void do_nanosleep(void)
{
    int64_t from = test_nanotime();

    CHECK_EQ(WAIT_CALL(nanosleep(&(struct timespec){0, 30000000}, NULL)), 0);
    CHECK_GE(test_nanotime() - from, 30000000);
}

static void do_poll(void)
{
    int64_t from = test_nanotime();
    int never[2];
    struct pollfd p = {.events = POLLIN};

    CHECK_EQ(pipe2(never, O_CLOEXEC), 0);
    p.fd = never[0];
    CHECK_EQ(WAIT_CALL(poll(&p, 1, 25)), 0);
    CHECK_GE(test_nanotime() - from, 25000000);
    close(never[0]);
    close(never[1]);
}

static void do_select(void)
{
    int64_t from = test_nanotime();

    CHECK_EQ(WAIT_CALL(select(0, NULL, NULL, NULL, &(struct timeval){0, 20000})), 0);
    CHECK_GE(test_nanotime() - from, 20000000);
}

/* What a thread outside gives a little of every few milliseconds. */
static void do_read(void)
{
    char c = 0;

    CHECK_EQ(read(t.pipe[0], &c, 1), 1);
    CHECK(c == 'x');
}

static void do_sem(void)
{
    CHECK_EQ(WAIT_CALL(sem_wait(&t.sem)), 0);
}

static void do_cond(void)
{
    pthread_mutex_lock(&t.mutex);
    while (t.tokens == 0)
        CHECK_EQ(pthread_cond_wait(&t.cond, &t.mutex), 0);
    t.tokens--;
    pthread_mutex_unlock(&t.mutex);
}

static void do_flock(void)
{
    char path[96];
    int fd;

    snprintf(path, sizeof path, "%s/lock", t.dir);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK_GE(fd, 0);
    CHECK_EQ(flock(fd, LOCK_EX), 0);
    CHECK_EQ(t.holders++, 0);
    CHECK_EQ(WAIT_CALL(usleep(2000)), 0);
    CHECK_EQ(--t.holders, 0);
    close(fd);
}

static void do_getaddrinfo(void)
{
    struct addrinfo *res = NULL;
    int err;

    /* qemu-user translates what is read of a netlink socket, and remembers its number for the whole
     * process: what a thread with descriptors of its own (sysmon) reads by that number too. It may
     * abort then, with the words in do_waitpid. */
    if (getenv("TEST_EMULATOR")) {
        do_nanosleep();
        return;
    }
    err = getaddrinfo("127.0.0.1", "80", NULL, &res);

    CHECK_EQ(err, 0);
    freeaddrinfo(res);
    err = getaddrinfo("localhost", NULL, NULL, &res);
    if (err == 0)
        freeaddrinfo(res);
    CHECK(err != EAI_SYSTEM || errno != EINTR);
}

static void do_waitpid(void)
{
    char *argv[] = {"sleep", "0.02", NULL};
    pid_t pid;
    int status = -1;

    /* qemu-user 7.2, which forks itself for it, may abort in the child of a thread among others:
     * "cpu_exec: assertion failed: (cpu == current_cpu)". */
    if (getenv("TEST_EMULATOR")) {
        do_nanosleep();
        return;
    }
    CHECK_EQ(posix_spawnp(&pid, "sleep", NULL, NULL, argv, environ), 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

static void do_fsync(void)
{
    char path[96], buf[4096];
    int fd;

    snprintf(path, sizeof path, "%s/file.%lu", t.dir, (unsigned long)gamp_goid());
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK_GE(fd, 0);
    memset(buf, 'y', sizeof buf);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(write(fd, buf, sizeof buf), (ssize_t)sizeof buf);
    CHECK_EQ(fsync(fd), 0);
    close(fd);
    CHECK_EQ(unlink(path), 0);
}

static void do_join(void)
{
    pthread_t th;
    void *r = NULL;

    CHECK_EQ(pthread_create(&th, NULL, (void *(*)(void *))(void (*)(void))usleep, (void *)5000), 0);
    CHECK_EQ(pthread_join(th, &r), 0);
    CHECK_EQ((int)(intptr_t)r, 0);
}

/* errno is this goroutine's before and after, on whichever thread it goes on. */
static void do_errno(void)
{
    errno = 1000 + (int)gamp_goid();
    if (usleep(3000) < 0 && cut_short())
        return;
    gamp_gosched();
    CHECK_EQ(errno, 1000 + (int)gamp_goid());
    CHECK_EQ(read(-1, NULL, 0), -1);
    gamp_sleep(GAMP_MILLISECOND);
    CHECK_EQ(errno, EBADF);
}

static void (*const kinds[])(void) = {
    do_sleep, do_nanosleep,   do_poll,    do_select, do_read, do_sem,   do_cond,
    do_flock, do_getaddrinfo, do_waitpid, do_fsync,  do_join, do_errno,
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static void blocker(int kind)
{
    do {
        kinds[kind]();
        t.calls++;
    } while (!t.over);
    gamp_waitgroup_done(&t.wg);
}

/* A plain thread that lets the waiters of pipe, semaphore and condition go, one by one. */
static _Atomic bool giver_over;

static void *giver(void *arg)
{
    (void)arg;
    while (!giver_over) {
        for (int i = 0; i < EACH; i++) {
            CHECK_EQ(write(t.pipe[1], "x", 1), 1);
            sem_post(&t.sem);
            pthread_mutex_lock(&t.mutex);
            t.tokens++;
            pthread_cond_signal(&t.cond);
            pthread_mutex_unlock(&t.mutex);
        }
        usleep(5000);
    }
    return NULL;
}

/* --- the others --- */

static void echo(int fd)
{
    char buf[64];

    while (gamp_read_full(fd, buf, sizeof buf) == 0)
        CHECK_EQ(gamp_write_full(fd, buf, sizeof buf), 0);
    gamp_close(fd);
    gamp_waitgroup_done(&t.wg);
}

static void serve(int lfd)
{
    for (int i = 0; i < CLIENTS; i++) {
        int fd = gamp_accept(lfd);

        CHECK_GE(fd, 0);
        gamp_waitgroup_add(&t.wg, 1);
        CHECK_EQ(gamp_go(echo, fd), 0);
    }
    gamp_close(lfd);
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void client(const char *where, int64_t *took, int requests, gamp_chan *done)
{
    int fd = gamp_dial("tcp", where, GAMP_NEVER);
    char out[64], in[64];

    CHECK_GE(fd, 0);
    for (int i = 0; i < requests / CLIENTS; i++) {
        int64_t from = test_nanotime();

        snprintf(out, sizeof out, "request %d of %p", i, (void *)took);
        CHECK_EQ(gamp_write_full(fd, out, sizeof out), 0);
        CHECK_EQ(gamp_read_full(fd, in, sizeof in), 0);
        CHECK_STR(in, out);
        took[i] = test_nanotime() - from;
    }
    gamp_close(fd);
    gamp_chan_send(done, NULL);
}

static pthread_t start_blockers(void)
{
    pthread_t th;

    snprintf(t.dir, sizeof t.dir, "/tmp/gamp-block.XXXXXX");
    CHECK(mkdtemp(t.dir) != NULL);
    CHECK_EQ(pipe2(t.pipe, O_CLOEXEC), 0);
    CHECK_EQ(sem_init(&t.sem, 0, 0), 0);
    CHECK_EQ(pthread_create(&th, NULL, giver, NULL), 0);
    gamp_waitgroup_add(&t.wg, EACH * KINDS);
    for (int k = 0; k < KINDS; k++)
        for (int i = 0; i < EACH; i++)
            CHECK_EQ(gamp_go(blocker, k), 0);
    return th;
}

static void end_blockers(pthread_t th)
{
    char cmd[96];

    t.over = true;
    gamp_waitgroup_wait(&t.wg);
    giver_over = true;
    pthread_join(th, NULL);
    snprintf(cmd, sizeof cmd, "%s/lock", t.dir);
    unlink(cmd);
    rmdir(t.dir);
}

TEST_GO_WITHIN(others_serve_while_many_block, 120)
{
    static int64_t took[REQUESTS];
    /* At one P each waits behind all that come back from their calls. */
    int requests = gamp_gomaxprocs(0) == 1 ? REQUESTS / 5 : REQUESTS;
    gamp_chan *done = gamp_chan_new(0, CLIENTS);
    int lfd = gamp_listen("tcp", "127.0.0.1:0");
    char where[64];
    pthread_t th;

    /* On arm64 a call that a preemption cuts short cannot be made again (src/os/linux/rewind.h). */
#if !defined(__x86_64__)
    test_skip("calls may end with EINTR here");
#endif
    CHECK_GE(lfd, 0);
    CHECK_GT(gamp_local_addr(lfd, where, sizeof where), 0);
    th = start_blockers();
    CHECK_EQ(gamp_go(serve, lfd), 0);
    for (int i = 0; i < CLIENTS; i++)
        CHECK_EQ(gamp_go(client, where, took + i * (requests / CLIENTS), requests, done), 0);
    for (int i = 0; i < CLIENTS; i++)
        gamp_chan_recv(done, NULL);
    qsort(took, (size_t)requests, sizeof took[0], by_value);
    printf("echo p50 %.3f ms, p99 %.3f ms, beside %ld blocking calls\n",
           (double)took[requests / 2] / 1e6, (double)took[requests * 99 / 100] / 1e6, t.calls);
    end_blockers(th);
    CHECK_GE(t.calls, EACH * KINDS);
    gamp_chan_unref(done);
}

static void pass(gamp_chan *from, gamp_chan *to)
{
    long v;

    while (gamp_chan_recv(from, &v)) {
        v++;
        gamp_chan_send(to, &v);
    }
    gamp_chan_close(to);
}

TEST_GO_WITHIN(channels_go_on_while_many_block, 60)
{
    gamp_chan *a = gamp_chan_of(long, 0), *b = gamp_chan_of(long, 0);
    pthread_t th;
    long v = 0;

    th = start_blockers();
    CHECK_EQ(gamp_go(pass, a, b), 0);
    for (long i = 0; i < 20000 || t.calls < EACH * KINDS; i++) {
        v = i;
        gamp_chan_send(a, &v);
        CHECK(gamp_chan_recv(b, &v));
        CHECK_EQ(v, i + 1);
    }
    gamp_chan_close(a);
    CHECK(!gamp_chan_recv(b, &v));
    end_blockers(th);
    gamp_chan_unref(a);
    gamp_chan_unref(b);
}

/* Thread-locals of a goroutine that makes no gamp call are its own while it blocks, whatever runs
 * meanwhile. */
static __thread long local;
static _Atomic long ran;

static void keeps_local(int id)
{
    local = id;
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(WAIT_CALL(usleep(2000)), 0);
        CHECK_EQ(local, id);
    }
    ran++;
}

/* A function of its own: compilers may keep the address of a thread-local over a call in one. */
static __attribute__((noinline)) void touch_local(void)
{
    local = -1;
}

static void touches_local(void)
{
    while (ran < 20) {
        touch_local();
        gamp_gosched();
    }
}

TEST_GO(thread_locals_stay)
{
    CHECK_EQ(gamp_go(touches_local), 0);
    for (int i = 0; i < 20; i++)
        CHECK_EQ(gamp_go(keeps_local, i), 0);
    while (ran < 20)
        gamp_gosched();
}

/* Threads that many blocked goroutines needed end when nobody needs them any more. */
static void blocks_once(int fd)
{
    char c;

    CHECK_EQ(read(fd, &c, 1), 1);
    gamp_waitgroup_done(&t.wg);
}

static uint64_t threads(void)
{
    gamp_sched_stats s;

    gamp_sched_stats_read(&s);
    return s.threads;
}

TEST_GO_WITHIN(idle_threads_end, 60)
{
    enum { MANY = 60 };
    char bytes[MANY] = {0};
    int fds[2];

    CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
    for (int round = 0; round < 2; round++) {
        gamp_waitgroup_add(&t.wg, MANY);
        for (int i = 0; i < MANY; i++)
            CHECK_EQ(gamp_go(blocks_once, fds[0]), 0);
        while (threads() < MANY)
            gamp_sleep(GAMP_MILLISECOND);
        CHECK_EQ(write(fds[1], bytes, MANY), MANY);
        gamp_waitgroup_wait(&t.wg);
        while (threads() > 20)
            gamp_sleep(10 * GAMP_MILLISECOND);
    }
}
