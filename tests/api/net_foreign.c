/* SPDX-License-Identifier: BSD-3-Clause */
/* Descriptors on threads that gamp did not make: before, during and after the runtime; after a
 * fork. */
#include "harness/test.h"
#include <gamp/go.h>
#include <gamp/net.h>
#include <gamp/run.h>
#include <gamp/sync.h>
#include <gamp/time.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS GAMP_MILLISECOND

struct job {
    int fd;
    ssize_t result;
    gamp_time ended;
    pthread_t thread;
};

static void *read_thread(void *arg)
{
    struct job *j = arg;
    char buf[16];

    j->result = gamp_read(j->fd, buf, sizeof buf);
    j->ended = gamp_now();
    return NULL;
}

static void *accept_thread(void *arg)
{
    struct job *j = arg;

    j->result = gamp_accept(j->fd);
    return NULL;
}

static void *wait_thread(void *arg)
{
    struct job *j = arg;

    j->result = gamp_fd_wait(j->fd, POLLIN, GAMP_NEVER);
    return NULL;
}

static void start(struct job *j, int fd, void *(*fn)(void *))
{
    *j = (struct job){.fd = fd};
    CHECK_EQ(pthread_create(&j->thread, NULL, fn, j), 0);
}

static ssize_t finish(struct job *j)
{
    CHECK_EQ(pthread_join(j->thread, NULL), 0);
    return j->result;
}

static void use_everything(void)
{
    char where[64], buf[16];
    int lfd = gamp_listen("tcp", "127.0.0.1:0"), a, b;
    struct job j, k;
    gamp_time t;

    CHECK_GE(lfd, 0);
    CHECK_GT(gamp_local_addr(lfd, where, sizeof where), 0);
    start(&j, lfd, accept_thread);
    a = gamp_dial("tcp", where, gamp_now() + GAMP_HOUR);
    CHECK_GE(a, 0);
    b = (int)finish(&j);
    CHECK_GE(b, 0);

    start(&j, b, read_thread);
    usleep(5000);
    CHECK_EQ(gamp_write_full(a, "hello", 5), 0);
    CHECK_EQ(finish(&j), 5);

    /* A deadline set before, and one set while it waits. */
    t = gamp_now() + 10 * MS;
    CHECK_EQ(gamp_set_read_deadline(b, t), 0);
    CHECK_EQ(gamp_read(b, buf, sizeof buf), -ETIMEDOUT);
    CHECK_GE(gamp_now(), t);
    CHECK_EQ(gamp_set_read_deadline(b, GAMP_NEVER), 0);
    start(&j, b, read_thread);
    usleep(5000);
    t = gamp_now() + 10 * MS;
    CHECK_EQ(gamp_set_read_deadline(b, t), 0);
    CHECK_EQ(finish(&j), -ETIMEDOUT);
    CHECK_GE(j.ended, t);
    CHECK_EQ(gamp_set_read_deadline(b, GAMP_NEVER), 0);

    CHECK_EQ(gamp_fd_wait(b, POLLIN | POLLOUT, GAMP_NEVER), POLLOUT);
    CHECK_EQ(gamp_fd_wait(b, POLLIN, gamp_now() + 5 * MS), -ETIMEDOUT);

    /* Two readers and a waiter; closing wakes them all. */
    start(&j, b, read_thread);
    start(&k, b, read_thread);
    usleep(5000);
    CHECK_EQ(gamp_close(b), 0);
    CHECK_EQ(finish(&j), -EBADF);
    CHECK_EQ(finish(&k), -EBADF);
    start(&j, a, wait_thread);
    CHECK_EQ(finish(&j) & POLLIN, POLLIN);
    CHECK_EQ(gamp_read(a, buf, sizeof buf), 0);
    CHECK_EQ(gamp_close(a), 0);
    start(&j, lfd, wait_thread);
    usleep(5000);
    CHECK_EQ(gamp_close(lfd), 0);
    CHECK_EQ(finish(&j), -EBADF);
}

TEST(before_the_runtime)
{
    use_everything();
}

/* One after the other: a number that one closes must not come back to another while a thread of the
 * first is on its way to it. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static void *everything_thread(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&turn);
    use_everything();
    pthread_mutex_unlock(&turn);
    return NULL;
}

TEST_GO(beside_goroutines)
{
    pthread_t t[4];

    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&t[i], NULL, everything_thread, NULL), 0);
    everything_thread(NULL);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_join(t[i], NULL), 0);
}

static int nothing(int argc, char **argv)
{
    (void)argv;
    return argc;
}

static int parked_fd;

static void park_reader(void)
{
    char c;

    gamp_read(parked_fd, &c, 1);
    test_fail(__FILE__, __LINE__, "a goroutine went on after the end");
}

static int leave_a_reader(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    CHECK_EQ(gamp_go(park_reader), 0);
    gamp_sleep(5 * MS);
    return 0;
}

TEST(after_the_runtime)
{
    char *argv[] = {"x", NULL};

    CHECK_EQ(gamp_run(nothing, 1, argv), 1);
    use_everything();
}

/* A goroutine of the ended runtime holds the descriptor's lock for ever. */
TEST(descriptor_of_a_dead_goroutine)
{
    int fd[2];
    char c;

    CHECK_EQ(pipe(fd), 0);
    CHECK_EQ(gamp_fd_register(fd[0]), 0);
    parked_fd = fd[0];
    CHECK_EQ(gamp_run(leave_a_reader, 0, NULL), 0);
    CHECK_EQ(write(fd[1], "x", 1), 1);
    CHECK_EQ(gamp_read(fd[0], &c, 1), 1);
    CHECK_EQ(gamp_set_read_deadline(fd[0], gamp_now() + 5 * MS), 0);
    CHECK_EQ(gamp_read(fd[0], &c, 1), -ETIMEDOUT);
    CHECK_EQ(gamp_close(fd[0]), 0);
    CHECK_EQ(gamp_read(fd[0], &c, 1), -EBADF);
    gamp_close(fd[1]);
}

TEST(embedded)
{
    CHECK_EQ(gamp_start(NULL), 0);
    use_everything();
    CHECK_EQ(gamp_stop(gamp_now() + GAMP_HOUR), 0);
    use_everything();
}

static void echo(int fd)
{
    char buf[64];
    ssize_t n;

    while ((n = gamp_read(fd, buf, sizeof buf)) > 0)
        CHECK_EQ(gamp_write_full(fd, buf, (size_t)n), 0);
    gamp_close(fd);
}

/* A host's thread and a goroutine at the two ends, with the runtime idle in between. */
TEST(embedded_echo)
{
    int fd[2];
    char buf[64];

    CHECK_EQ(gamp_start(NULL), 0);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    CHECK_EQ(gamp_fd_register(fd[0]), 0);
    CHECK_EQ(gamp_fd_register(fd[1]), 0);
    CHECK_EQ(gamp_go(echo, fd[1]), 0);
    for (int i = 0; i < 300; i++) {
        CHECK_EQ(gamp_write_full(fd[0], "ping", 4), 0);
        CHECK_EQ(gamp_read_full(fd[0], buf, 4), 0);
        if (i % 100 == 0)
            usleep(20000);
    }
    CHECK_EQ(gamp_close(fd[0]), 0);
    CHECK_EQ(gamp_stop(gamp_now() + GAMP_HOUR), 0);
}

/* --- fork ------------------------------------------------------------------------------------- */

static void wait_child(pid_t pid)
{
    int status;

    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

static int listener;

static int serve_one(int argc, char **argv)
{
    int fd = gamp_accept(listener);
    char buf[16];

    (void)argc;
    (void)argv;
    CHECK_GE(fd, 0);
    CHECK_EQ(gamp_read_full(fd, buf, 4), 0);
    CHECK_EQ(gamp_write_full(fd, buf, 4), 0);
    CHECK_EQ(gamp_close(fd), 0);
    return 0;
}

/* Processes that share a listener made before they forked, each with a runtime of its own. */
TEST(forked_servers)
{
    char where[64], buf[8];
    pid_t pid[3];

    listener = gamp_listen("tcp", "127.0.0.1:0");
    CHECK_GT(gamp_local_addr(listener, where, sizeof where), 0);
    for (int i = 0; i < 3; i++) {
        pid[i] = fork();
        CHECK_GE(pid[i], 0);
        if (pid[i] == 0)
            _exit(gamp_run(serve_one, 0, NULL));
    }
    for (int i = 0; i < 3; i++) {
        int fd = gamp_dial("tcp", where, gamp_now() + GAMP_HOUR);

        CHECK_GE(fd, 0);
        CHECK_EQ(gamp_write_full(fd, "ping", 4), 0);
        CHECK_EQ(gamp_read_full(fd, buf, 4), 0);
        CHECK_EQ(gamp_close(fd), 0);
    }
    for (int i = 0; i < 3; i++)
        wait_child(pid[i]);
    CHECK_EQ(gamp_close(listener), 0);
}

/* The child of a running program closes what it inherited; the parent's registrations stay. */
TEST_GO(forked_child_closes)
{
    char where[64], buf[8];
    int lfd = gamp_listen("tcp", "127.0.0.1:0"), fd;
    pid_t pid;

    CHECK_GT(gamp_local_addr(lfd, where, sizeof where), 0);
    listener = lfd;
    fd = gamp_dial("tcp", where, gamp_now() + GAMP_HOUR);
    pid = fork();
    if (pid == 0) {
        gamp_write(fd, "kid!", 4);
        gamp_close(fd);
        gamp_close(lfd);
        _exit(0);
    }
    CHECK_GT(pid, 0);
    wait_child(pid);
    CHECK_EQ(gamp_go(serve_one, 0, (char **)NULL), 0);
    CHECK_EQ(gamp_read_full(fd, buf, 4), 0);
    CHECK_EQ(memcmp(buf, "kid!", 4), 0);
    CHECK_EQ(gamp_close(fd), 0);
    CHECK_EQ(gamp_close(lfd), 0);
}
