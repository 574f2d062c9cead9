/* SPDX-License-Identifier: BSD-3-Clause */
/* Writing to what nobody reads: as in Go, 1 and 2 end the program by SIGPIPE, all others fail with
 * EPIPE. */
#include "harness/test.h"
#include <gamp/chan.h>
#include <gamp/go.h>
#include <gamp/net.h>
#include <gamp/os.h>
#include <gamp/run.h>
#include <gamp/time.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

enum { SURVIVED = 9, DIED = 128 + SIGPIPE };

/* Puts the writing end of something broken at the number. */
static void break_at(int number, bool as_socket)
{
    int fd[2];

    if (as_socket)
        CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    else
        CHECK_EQ(pipe(fd), 0);
    close(fd[0]);
    CHECK_EQ(dup2(fd[1], number), number);
    close(fd[1]);
}

enum how { BY_GAMP, BY_GAMP_FULL, BY_GAMP_V, BY_PLAIN, BY_PLAIN_V, BY_STDIO, BY_SENDFILE, HOWS };

struct attempt {
    enum how how;
    int fd;
    bool as_socket, registered;
    bool embedded; /* gamp_start in place of gamp_run */
    bool on_thread;
    bool ignored, notified;
    bool reset;         /* the program sets SIG_DFL while the runtime runs */
    void (*later)(int); /* what the program sets while the runtime runs */
};

/* What is written to a number that is broken must fail with EPIPE; this checks it, if it gets that
 * far. */
static void attempt(const struct attempt *a)
{
    struct iovec iov = {"x", 1};
    int in;

    break_at(a->fd, a->as_socket);
    if (a->registered)
        CHECK_EQ(gamp_fd_register(a->fd), 0);
    errno = 0;
    switch (a->how) {
    case BY_GAMP:
        CHECK_EQ(gamp_write(a->fd, "x", 1), -EPIPE);
        break;
    case BY_GAMP_FULL:
        CHECK_EQ(gamp_write_full(a->fd, "x", 1), -EPIPE);
        break;
    case BY_GAMP_V:
        CHECK_EQ(gamp_writev(a->fd, &iov, 1), -EPIPE);
        break;
    case BY_SENDFILE:
        in = open("/proc/self/exe", O_RDONLY);
        CHECK_EQ(gamp_sendfile(a->fd, in, NULL, 10), -EPIPE);
        break;
    case BY_PLAIN:
        CHECK_EQ(write(a->fd, "x", 1), -1);
        CHECK_EQ(errno, EPIPE);
        break;
    case BY_PLAIN_V:
        CHECK_EQ(writev(a->fd, &iov, 1), -1);
        CHECK_EQ(errno, EPIPE);
        break;
    default:
        CHECK_EQ(a->fd, 1);
        printf("x\n");
        CHECK_EQ(fflush(stdout), EOF);
        CHECK_EQ(errno, EPIPE);
    }
    if (a->how != BY_PLAIN && a->how != BY_PLAIN_V && a->how != BY_STDIO)
        CHECK_EQ(errno, 0);
}

static const struct attempt *the_attempt;

static void *attempt_thread(void *arg)
{
    attempt(arg);
    return NULL;
}

static void attempt_here(const struct attempt *a)
{
    pthread_t t;

    if (a->on_thread) {
        CHECK_EQ(pthread_create(&t, NULL, attempt_thread, (void *)a), 0);
        CHECK_EQ(pthread_join(t, NULL), 0);
    } else {
        attempt(a);
    }
}

static int in_run(int argc, char **argv)
{
    gamp_chan *c = gamp_chan_of(int, 1);
    int sig;

    (void)argc;
    (void)argv;
    if (the_attempt->notified)
        CHECK_EQ(gamp_signal_notify(c, SIGPIPE), 0);
    if (the_attempt->reset)
        signal(SIGPIPE, SIG_DFL);
    if (the_attempt->later)
        signal(SIGPIPE, the_attempt->later);
    attempt_here(the_attempt);
    if (the_attempt->notified && the_attempt->how >= BY_PLAIN)
        CHECK(gamp_chan_recv(c, &sig));
    return SURVIVED;
}

static void child(void *arg)
{
    the_attempt = arg;
    signal(SIGPIPE, the_attempt->ignored ? SIG_IGN : SIG_DFL);
    if (the_attempt->embedded) {
        CHECK_EQ(gamp_start(NULL), 0);
        attempt_here(the_attempt);
        _exit(SURVIVED);
    }
    _exit(gamp_run(in_run, 0, NULL));
}

static void expect(struct attempt a, int status)
{
    static test_child c;

    test_run_child(child, &a, &c);
    if (c.status != status)
        test_fail(__FILE__, __LINE__,
                  "how %d fd %d socket %d registered %d embedded %d: %d for %d: %s", a.how, a.fd,
                  a.as_socket, a.registered, a.embedded, c.status, status, c.err);
}

TEST(others_give_epipe)
{
    for (enum how how = BY_GAMP; how < HOWS; how++)
        for (int mask = 0; mask < 8; mask++)
            if (how != BY_STDIO)
                expect((struct attempt){.how = how,
                                        .fd = 40,
                                        .as_socket = mask & 1,
                                        .registered = mask & 2,
                                        .on_thread = mask & 4},
                       SURVIVED);
}

TEST(one_and_two_end_the_program)
{
    for (enum how how = BY_GAMP; how < HOWS; how++)
        for (int fd = 1; fd <= 2; fd++)
            for (int mask = 0; mask < 8; mask++)
                if (how != BY_STDIO || fd == 1)
                    expect((struct attempt){.how = how,
                                            .fd = fd,
                                            .as_socket = mask & 1,
                                            .registered = mask & 2,
                                            .on_thread = mask & 4},
                           DIED);
}

TEST(not_when_the_signal_is_wanted)
{
    expect((struct attempt){.how = BY_GAMP, .fd = 1, .notified = true}, SURVIVED);
    expect((struct attempt){.how = BY_GAMP, .fd = 1, .as_socket = true, .notified = true},
           SURVIVED);
    expect((struct attempt){.how = BY_PLAIN, .fd = 1, .notified = true}, SURVIVED);
    expect((struct attempt){.how = BY_PLAIN, .fd = 40, .notified = true}, SURVIVED);
}

static void handled(int sig)
{
    (void)sig;
}

/* The program ignores it: so it is. */
TEST(not_when_it_is_ignored)
{
    for (enum how how = BY_GAMP; how < HOWS; how++) {
        expect((struct attempt){.how = how, .fd = 1, .ignored = true}, SURVIVED);
        expect((struct attempt){.how = how, .fd = 1, .later = SIG_IGN}, SURVIVED);
        expect((struct attempt){.how = how, .fd = 1, .later = handled}, SURVIVED);
    }
}

/* The program takes the handler away: its own writes to a pipe do as it has set, those of gamp
 * raise nothing, and 1 and 2 end the program as before. */
TEST(reset_by_the_program)
{
    static const enum how ours[] = {BY_GAMP, BY_GAMP_FULL, BY_GAMP_V, BY_SENDFILE};

    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        for (int mask = 0; mask < 4; mask++) {
            struct attempt a = {.how = ours[i],
                                .fd = 40,
                                .registered = mask & 1,
                                .on_thread = mask & 2,
                                .reset = true};

            expect(a, SURVIVED);
            a.fd = 1;
            expect(a, DIED);
        }
    expect((struct attempt){.how = BY_PLAIN, .fd = 40, .reset = true}, DIED);
    expect((struct attempt){.how = BY_GAMP, .fd = 40, .as_socket = true, .reset = true}, SURVIVED);
}

/* Under gamp_start no call of gamp raises it, whatever the number, and the host's own do as
 * ever. */
TEST(embedded)
{
    static const enum how ours[] = {BY_GAMP, BY_GAMP_FULL, BY_GAMP_V, BY_SENDFILE};

    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        for (int mask = 0; mask < 8; mask++)
            expect((struct attempt){.how = ours[i],
                                    .fd = mask & 4 ? 40 : 1,
                                    .as_socket = mask & 1,
                                    .registered = mask & 2,
                                    .embedded = true},
                   SURVIVED);
    expect((struct attempt){.how = BY_PLAIN, .fd = 40, .embedded = true}, DIED);
    expect((struct attempt){.how = BY_PLAIN, .fd = 40, .embedded = true, .ignored = true},
           SURVIVED);
}

static volatile sig_atomic_t host_calls;

static void host_handler(int sig)
{
    (void)sig;
    host_calls++;
}

/* A host that blocks the signal and has one waiting keeps it. */
TEST(embedded_leaves_a_pending_signal)
{
    sigset_t pipe_only, pending;

    signal(SIGPIPE, host_handler);
    CHECK_EQ(gamp_start(NULL), 0);
    break_at(40, false);
    CHECK_EQ(gamp_write(40, "x", 1), -EPIPE);
    CHECK_EQ(host_calls, 0);
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    CHECK_EQ(sigprocmask(SIG_BLOCK, &pipe_only, NULL), 0);
    CHECK_EQ(gamp_write(40, "x", 1), -EPIPE);
    sigpending(&pending);
    CHECK(!sigismember(&pending, SIGPIPE));
    raise(SIGPIPE);
    CHECK_EQ(gamp_write(40, "x", 1), -EPIPE);
    sigpending(&pending);
    CHECK(sigismember(&pending, SIGPIPE));
    CHECK_EQ(sigprocmask(SIG_UNBLOCK, &pipe_only, NULL), 0);
    CHECK_EQ(host_calls, 1);
}

/* Sent from outside it does nothing, as in Go. */
TEST_GO(sent_by_kill)
{
    kill(getpid(), SIGPIPE);
    raise(SIGPIPE);
    gamp_sleep(5 * GAMP_MILLISECOND);
}
