/* SPDX-License-Identifier: BSD-3-Clause */
/* Children of goroutines: what a forked child may do, and that what it does leaves the parent
 * alone. */
#define _GNU_SOURCE
#include "harness/test.h"
#include <gamp/chan.h>
#include <gamp/errno.h>
#include <gamp/go.h>
#include <gamp/panic.h>
#include <gamp/run.h>
#include <gamp/sync.h>
#include <gamp/time.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* At a child's exit AddressSanitizer looks for leaks, under locks that another thread may have held
 * at the fork. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

static int wait_for(pid_t pid)
{
    int status = -1;

    CHECK_GT(pid, 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void nothing(void)
{
}

static void panics(void *arg)
{
    gamp_panic("%s", (const char *)arg);
}

/* What needs no other goroutine works as on a foreign thread. */
_Noreturn static void child(gamp_chan *c, gamp_mutex *m)
{
    long v = 3, w = 0;
    gamp_time t = gamp_now();
    char text[] = "in the child";
    gamp_panic_info info;

    CHECK_EQ(gamp_goid(), 0);
    CHECK_EQ(gamp_go(nothing), -EPERM);
    gamp_chan_send(c, &v);
    CHECK(gamp_chan_recv(c, &w));
    CHECK_EQ(w, 3);
    CHECK_EQ(gamp_chan_try_recv(c, &w), -EAGAIN);
    CHECK_EQ(gamp_chan_recv_until(c, &w, gamp_now() + 2 * GAMP_MILLISECOND), -ETIMEDOUT);
    gamp_mutex_lock(m);
    CHECK(!gamp_mutex_trylock(m));
    gamp_mutex_unlock(m);
    gamp_sleep(2 * GAMP_MILLISECOND);
    CHECK_GE(gamp_now() - t, 4 * GAMP_MILLISECOND);
    CHECK_EQ(gamp_protect(panics, text, &info), -EFAULT);
    CHECK_STR(info.message, text);
    if (!TEST_SANITIZED) /* theirs has locks that a fork may find taken */
        free(malloc(1000));
    _exit(42);
}

static gamp_waitgroup wg;
static _Atomic bool over;

static void forks(int n)
{
    gamp_chan *c = gamp_chan_of(long, 1);
    gamp_mutex m = {0};

    for (int i = 0; i < n; i++) {
        pid_t pid = fork();

        if (pid == 0)
            child(c, &m);
        CHECK_EQ(wait_for(pid), 42);
    }
    gamp_chan_unref(c);
    gamp_waitgroup_done(&wg);
}

static void busy(void)
{
    while (!over)
        gamp_sleep(10 * GAMP_MICROSECOND);
    gamp_waitgroup_done(&wg);
}

TEST_GO_WITHIN(a_forked_child_may_call, 60)
{
    gamp_waitgroup_add(&wg, 1);
    CHECK_EQ(gamp_go(forks, 10), 0);
    gamp_waitgroup_wait(&wg);
}

TEST_GO_WITHIN(children_of_many_beside_work, 60)
{
    gamp_waitgroup_add(&wg, 4);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(gamp_go(forks, 10), 0);
    gamp_waitgroup_wait(&wg);
    gamp_waitgroup_add(&wg, 4);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(gamp_go(busy), 0);
    gamp_waitgroup_add(&wg, 1);
    CHECK_EQ(gamp_go(forks, 20), 0);
    gamp_sleep(100 * GAMP_MILLISECOND);
    over = true;
    gamp_waitgroup_wait(&wg);
}

/* exec and exit in the child; a loop in it has no sysmon to be stopped by. */
static void execs(void)
{
    pid_t pid = fork();
    volatile long n = 0;

    if (pid == 0) {
        for (long i = 0; i < 50000000; i++)
            n += i;
        if (n == 0)
            _exit(8);
        execlp("true", "true", (char *)NULL);
        _exit(9);
    }
    CHECK_EQ(wait_for(pid), 0);
    pid = fork();
    if (pid == 0)
        exit(0); /* atexit handlers and all */
    CHECK_EQ(wait_for(pid), 0);
    pid = vfork();
    if (pid == 0) {
        execlp("false", "false", (char *)NULL);
        _exit(9);
    }
    CHECK_EQ(wait_for(pid), 1);
    gamp_waitgroup_done(&wg);
}

TEST_GO(exec_and_exit)
{
    gamp_waitgroup_add(&wg, 4);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(gamp_go(execs), 0);
    gamp_waitgroup_wait(&wg);
    CHECK_EQ(system("exit 3"), 3 << 8);
}

/* A child may also end as its function does: main's result is the child's, a goroutine's end the
 * end of the child's only thread. Nothing of the parent's goroutines runs there. */
static _Atomic int mains_turn;
static gamp_chan *told;

static void returns_in_the_child(void)
{
    pid_t pid = fork();
    int status;

    if (pid == 0)
        return;
    status = wait_for(pid);
    gamp_chan_send(told, &status);
}

static int main_returns(int argc, char **argv)
{
    int status;

    (void)argc;
    (void)argv;
    told = gamp_chan_of(int, 0);
    CHECK_EQ(gamp_go(busy), 0);
    for (int i = 0; i < 20; i++) {
        pid_t pid = fork();

        if (pid == 0)
            return 11;
        CHECK_EQ(wait_for(pid), 11);
        CHECK_EQ(gamp_go(returns_in_the_child), 0);
        CHECK(gamp_chan_recv(told, &status));
        CHECK_EQ(status, 0);
        mains_turn++;
    }
    CHECK_EQ(mains_turn, 20);
    return 12;
}

static void run_main_returns(void *arg)
{
    (void)arg;
    exit(gamp_run(main_returns, 0, NULL));
}

TEST_WITHIN(functions_that_return_in_the_child, 60)
{
    test_child c;

    test_run_child(run_main_returns, NULL, &c);
    CHECK_MSG(c.status == 12, "%d: %s", c.status, c.err);
    CHECK(!strstr(c.err, "panic") && !strstr(c.err, "fatal"));
}

/* gamp_goexit there runs the deferred calls and ends the child as well; a thread that the child
 * makes is a foreign one. */
static void says(int *fd)
{
    CHECK_EQ(write(*fd, "d", 1), 1);
}

static void *exits_outside(void *arg)
{
    (void)arg;
    gamp_goexit();
}

static void exits(void *arg)
{
    (void)arg;
    gamp_goexit();
}

/* A sanitizer's look for leaks at exit would want locks that threads of the parent held. */
static void at_exit(int status, void *arg)
{
    (void)arg;
    _exit(status);
}

_Noreturn static void ends_in_the_child(int fd)
{
    on_exit(at_exit, NULL);
    gamp_defer(says, &fd);
    gamp_protect(exits, NULL, NULL);
    _exit(9);
}

static void goexit_in_children(bool from_thread)
{
    int fd[2], status;
    char c[2];
    pthread_t th;
    pid_t pid;

    CHECK_EQ(pipe(fd), 0);
    pid = fork();
    if (pid == 0) {
        if (!from_thread)
            ends_in_the_child(fd[1]);
        close(2);
        pthread_create(&th, NULL, exits_outside, NULL);
        pthread_join(th, NULL);
        _exit(9);
    }
    close(fd[1]);
    status = wait_for(pid);
    CHECK_EQ(status, from_thread ? 2 : 0);
    CHECK_EQ(read(fd[0], c, 2), !from_thread);
    close(fd[0]);
    gamp_waitgroup_done(&wg);
}

TEST_GO(goexit_in_the_child)
{
    gamp_waitgroup_add(&wg, 1);
    goexit_in_children(false);
    for (int i = 0; i < 2; i++) {
        /* To make a thread takes locks that sanitizers and emulators do not mind at a fork. */
        if (i == 1 && (TEST_SANITIZED || getenv("TEST_EMULATOR")))
            break;
        gamp_waitgroup_add(&wg, 1);
        CHECK_EQ(gamp_go(goexit_in_children, i == 1), 0);
        gamp_waitgroup_wait(&wg);
    }
}

/* A child that panics says so and leaves the parent alone. */
TEST_GO(a_child_that_panics)
{
    pid_t pid = fork();

    if (pid == 0) {
        char text[] = "child's";

        close(2);
        panics(text);
    }
    CHECK_EQ(wait_for(pid), 2);
    gamp_sleep(GAMP_MILLISECOND);
}

/* Forked by a thread of the host's. */
static void *forks_outside(void *arg)
{
    gamp_chan *c = gamp_chan_of(long, 1);
    gamp_mutex m = {0};
    pid_t pid = fork();

    (void)arg;
    if (pid == 0)
        child(c, &m);
    CHECK_EQ(wait_for(pid), 42);
    gamp_chan_unref(c);
    return NULL;
}

TEST_GO(forked_by_a_foreign_thread)
{
    pthread_t th;

    CHECK_EQ(pthread_create(&th, NULL, forks_outside, NULL), 0);
    CHECK_EQ(pthread_join(th, NULL), 0);
}
