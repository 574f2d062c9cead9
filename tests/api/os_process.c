/* SPDX-License-Identifier: BSD-3-Clause */
/* Starting programs and waiting for them. */
#define _GNU_SOURCE
#include "harness/test.h"
#include <gamp/context.h>
#include <gamp/go.h>
#include <gamp/net.h>
#include <gamp/os.h>
#include <gamp/run.h>
#include <gamp/select.h>
#include <gamp/sync.h>
#include <gamp/time.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS GAMP_MILLISECOND
#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static int run(const char *const argv[], const gamp_exec_options *o)
{
    gamp_process p;
    int err = gamp_exec(argv, o, &p), r;

    if (err)
        return err;
    CHECK_GT(p.pid, 0);
    r = gamp_process_wait(&p, gamp_now() + GAMP_HOUR);
    CHECK_EQ(gamp_process_wait(&p, gamp_now() - 1), r);
    CHECK_EQ(gamp_process_wait(&p, GAMP_NEVER), r);
    return r;
}

TEST_GO(exit_status)
{
    CHECK_EQ(run(ARGS("true"), NULL), 0);
    CHECK_EQ(run(ARGS("false"), NULL), 1);
    CHECK_EQ(run(ARGS("/bin/sh", "-c", "exit 42"), NULL), 42);
    CHECK_EQ(run(ARGS("sh", "-c", "exit 255"), NULL), 255);
    CHECK_EQ(run(ARGS("sh", "-c", "kill -9 $$"), NULL), 128 + SIGKILL);
    CHECK_EQ(run(ARGS("sh", "-c", "kill -TERM $$"), NULL), 128 + SIGTERM);
}

TEST_GO(errors)
{
    gamp_process p = {.pid = 77};
    char notexec[] = "/tmp/gamp-test-XXXXXX";
    int fd = mkstemp(notexec);
    const gamp_exec_options nodir = {.dir = "/no/such/directory"},
                            badfd = {.fds = (int[]){999}, .nfds = 1}, nofds = {.nfds = 2};

    errno = 55;
    CHECK_EQ(gamp_exec(ARGS("/no/such/program"), NULL, &p), -ENOENT);
    CHECK_EQ(gamp_exec(ARGS("no-such-program-anywhere"), NULL, &p), -ENOENT);
    CHECK_EQ(gamp_exec(ARGS(notexec), NULL, &p), -EACCES);
    CHECK_EQ(gamp_exec(ARGS("/tmp"), NULL, &p), -EACCES);
    CHECK_EQ(gamp_exec(ARGS("true"), &nodir, &p), -ENOENT);
    CHECK_EQ(gamp_exec(ARGS("true"), &badfd, &p), -EBADF);
    CHECK_EQ(gamp_exec(ARGS("true"), &nofds, &p), -EINVAL);
    CHECK_EQ(gamp_exec((const char *const[]){NULL}, NULL, &p), -EINVAL);
    CHECK_EQ(gamp_exec(NULL, NULL, &p), -EINVAL);
    CHECK_EQ(gamp_exec(ARGS("true"), NULL, NULL), -EINVAL);
    CHECK_EQ(gamp_process_wait(NULL, GAMP_NEVER), -EINVAL);
    CHECK_EQ(p.pid, 77);
    CHECK_EQ(errno, 55);
    close(fd);
    unlink(notexec);
}

/* What the program writes on its standard output. */
static char *output(const char *const argv[], gamp_exec_options o, const char *input)
{
    static char text[4096];
    int in[2], out[2], fds[3];
    gamp_process p;
    size_t n = 0;
    ssize_t r;

    CHECK_EQ(pipe2(in, O_CLOEXEC), 0);
    CHECK_EQ(pipe2(out, O_CLOEXEC), 0);
    CHECK_EQ(gamp_fd_register(in[1]), 0);
    CHECK_EQ(gamp_fd_register(out[0]), 0);
    fds[0] = in[0];
    fds[1] = out[1];
    fds[2] = 2;
    o.fds = fds;
    o.nfds = 3;
    CHECK_EQ(gamp_exec(argv, &o, &p), 0);
    CHECK_EQ(gamp_close(in[0]), 0);
    CHECK_EQ(gamp_close(out[1]), 0);
    if (input)
        CHECK_EQ(gamp_write_full(in[1], input, strlen(input)), 0);
    CHECK_EQ(gamp_close(in[1]), 0);
    while ((r = gamp_read(out[0], text + n, sizeof text - 1 - n)) > 0)
        n += (size_t)r;
    CHECK_EQ(r, 0);
    text[n] = '\0';
    CHECK_EQ(gamp_close(out[0]), 0);
    CHECK_EQ(gamp_process_wait(&p, GAMP_NEVER), 0);
    return text;
}

TEST_GO(pipes_environment_directory)
{
    const gamp_exec_options none = {0};
    const gamp_exec_options env = {.env = ARGS("A=one", "PATH=/usr/bin:/bin")},
                            dir = {.dir = "/usr"};

    CHECK_STR(output(ARGS("echo", "a b", "c"), none, NULL), "a b c\n");
    CHECK_STR(output(ARGS("cat"), none, "to and fro"), "to and fro");
    CHECK_STR(output(ARGS("sh", "-c", "echo $A-$HOME-"), env, NULL), "one--\n");
    CHECK_STR(output(ARGS("pwd"), dir, NULL), "/usr\n");
    setenv("GAMP_TEST_VALUE", "inherited", 1);
    CHECK_STR(output(ARGS("sh", "-c", "echo $GAMP_TEST_VALUE"), none, NULL), "inherited\n");
}

/* Whatever the order of the numbers, each arrives at its own place. */
TEST_GO(descriptors_change_places)
{
    enum { BASE = 30 };
    char name[32], line[8192];
    int out[2], fds[BASE + 3], fd;
    gamp_process p;
    size_t n = 0;
    ssize_t r;

    /* Files 30, 31 and 32, each holding its own last digit, go to 31, 32 and 30. */
    for (int i = 0; i < 3; i++) {
        strcpy(name, "/tmp/gamp-test-XXXXXX");
        fd = mkostemp(name, O_CLOEXEC);
        CHECK_GE(fd, 0);
        CHECK_EQ(unlink(name), 0);
        CHECK_EQ(write(fd, &"012"[i], 1), 1);
        CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
        CHECK_EQ(dup3(fd, BASE + i, O_CLOEXEC), BASE + i);
        CHECK_EQ(close(fd), 0);
    }
    CHECK_EQ(pipe2(out, O_CLOEXEC), 0);
    for (int i = 0; i < BASE; i++)
        fds[i] = -1;
    fds[1] = out[1];
    fds[2] = 2;
    fds[BASE + 1] = BASE;
    fds[BASE + 2] = BASE + 1;
    fds[BASE] = BASE + 2;
    CHECK_EQ(gamp_exec(ARGS("bash", "-c", "cat <&30; cat <&31; cat <&32; cat; ls -l /proc/self/fd"),
                       &(gamp_exec_options){.fds = fds, .nfds = BASE + 3}, &p),
             0);
    close(out[1]);
    while ((r = read(out[0], line + n, sizeof line - 1 - n)) > 0)
        n += (size_t)r;
    line[n] = '\0';
    CHECK_EQ(strncmp(line, "201", 3), 0);
    CHECK_CONTAINS(line, "0 -> /dev/null");
    CHECK_CONTAINS(line, "29 -> /dev/null");
    /* None of the library's own got through. */
    CHECK(!strstr(line, "anon_inode"));
    CHECK_EQ(gamp_process_wait(&p, GAMP_NEVER), 0);
}

TEST_GO(wait_until)
{
    gamp_process p;
    gamp_time t;

    CHECK_EQ(gamp_exec(ARGS("sleep", "10"), NULL, &p), 0);
    CHECK_EQ(gamp_process_wait(&p, gamp_now() - 1), -ETIMEDOUT);
    t = gamp_now() + 20 * MS;
    CHECK_EQ(gamp_process_wait(&p, t), -ETIMEDOUT);
    CHECK_GE(gamp_now(), t);
    CHECK_EQ(kill(p.pid, SIGKILL), 0);
    CHECK_EQ(gamp_process_wait(&p, GAMP_NEVER), 128 + SIGKILL);
    CHECK_EQ(gamp_process_wait(&p, gamp_now() - 1), 128 + SIGKILL);
}

/* As a program does that ties a process to a context: its descriptor is readable when it has
 * ended. */
static int run_under(gamp_context *ctx, const char *const argv[])
{
    gamp_process p;

    CHECK_EQ(gamp_exec(argv, NULL, &p), 0);
    if (p.pidfd < 0) {
        kill(p.pid, SIGKILL);
        gamp_process_wait(&p, GAMP_NEVER);
        test_skip("no pidfd here");
    }
    if (gamp_select(GAMP_READABLE(p.pidfd), GAMP_RECV(gamp_context_done(ctx), NULL)) == 1)
        CHECK_EQ(kill(p.pid, SIGKILL), 0);
    return gamp_process_wait(&p, GAMP_NEVER);
}

TEST_GO(killed_on_context)
{
    gamp_context *ctx = gamp_context_with_timeout(gamp_context_background(), 20 * MS);
    gamp_context *more = gamp_context_with_cancel(gamp_context_background());

    CHECK_EQ(run_under(ctx, ARGS("sleep", "100")), 128 + SIGKILL);
    CHECK_EQ(gamp_context_err(ctx), -ETIMEDOUT);
    CHECK_EQ(run_under(more, ARGS("sh", "-c", "exit 3")), 3);
    CHECK_EQ(gamp_context_err(more), 0);
    gamp_context_unref(ctx);
    gamp_context_unref(more);
}

static void waiter(gamp_process *p, gamp_waitgroup *wg)
{
    CHECK_EQ(gamp_process_wait(p, GAMP_NEVER), 7);
    gamp_waitgroup_done(wg);
}

TEST_GO(many_wait)
{
    gamp_waitgroup wg = {0};
    gamp_process p;
    int in[2], fds[1];

    CHECK_EQ(pipe2(in, O_CLOEXEC), 0);
    fds[0] = in[0];
    CHECK_EQ(gamp_exec(ARGS("sh", "-c", "read x; exit 7"),
                       &(gamp_exec_options){.fds = fds, .nfds = 1}, &p),
             0);
    close(in[0]);
    gamp_waitgroup_add(&wg, 20);
    for (int i = 0; i < 20; i++)
        CHECK_EQ(gamp_go(waiter, &p, &wg), 0);
    CHECK_EQ(gamp_waitgroup_wait_until(&wg, gamp_now() + 10 * MS), -ETIMEDOUT);
    CHECK_EQ(gamp_write(in[1], "\n", 1), 1);
    gamp_waitgroup_wait(&wg);
    gamp_close(in[1]);
}

static void start_and_wait(int status, gamp_waitgroup *wg)
{
    char code[16];

    snprintf(code, sizeof code, "exit %d", status);
    CHECK_EQ(run(ARGS("sh", "-c", code), NULL), status);
    gamp_waitgroup_done(wg);
}

TEST_GO_WITHIN(many_processes, 60)
{
    gamp_waitgroup wg = {0};

    gamp_waitgroup_add(&wg, 60);
    for (int i = 0; i < 60; i++)
        CHECK_EQ(gamp_go(start_and_wait, i, &wg), 0);
    gamp_waitgroup_wait(&wg);
    CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1);
    CHECK_EQ(errno, ECHILD);
}

TEST_GO(no_descriptors_are_left)
{
    int before = dup(0), after;

    for (int i = 0; i < 10; i++) {
        CHECK_EQ(run(ARGS("true"), NULL), 0);
        CHECK_EQ(
            run(ARGS("/no/such/program"), &(gamp_exec_options){.fds = (int[]){0, 1, 2}, .nfds = 3}),
            -ENOENT);
    }
    after = dup(0);
    CHECK_LE(after, before + 3);
}

/* The child begins with the caller's mask and with default handlers, whatever the library does. */
TEST_GO(signals_of_the_child)
{
    char *status = output(ARGS("cat", "/proc/self/status"), (gamp_exec_options){0}, NULL);

    CHECK_CONTAINS(status, "SigBlk:\t0000000000000000\n");
    CHECK_CONTAINS(status, "SigCgt:\t0000000000000000\n");
}

/* Somebody else has taken the child's status. */
TEST_GO(status_taken)
{
    gamp_process p;

    CHECK_EQ(gamp_exec(ARGS("true"), NULL, &p), 0);
    CHECK_EQ(waitpid(p.pid, NULL, 0), p.pid);
    CHECK_EQ(gamp_process_wait(&p, GAMP_NEVER), -ECHILD);
}

TEST(without_a_runtime)
{
    gamp_process p;

    CHECK_EQ(run(ARGS("sh", "-c", "exit 5"), NULL), 5);
    CHECK_EQ(gamp_exec(ARGS("sleep", "10"), NULL, &p), 0);
    CHECK_EQ(gamp_process_wait(&p, gamp_now() + 10 * MS), -ETIMEDOUT);
    kill(p.pid, SIGTERM);
    CHECK_EQ(gamp_process_wait(&p, GAMP_NEVER), 128 + SIGTERM);
}
