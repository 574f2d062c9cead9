/* SPDX-License-Identifier: BSD-3-Clause */
/* descriptors: the library's own are out of the program's way. Its looks take no number that the
 * program's next open counts on, what it keeps has high numbers, and a program may close all that
 * it does not know. */
#define _GNU_SOURCE
#include "harness/test.h"
#include <fcntl.h>
#include <gamp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

static _Atomic bool over;
static _Atomic int sleepers;

static void compute(void)
{
    while (!over)
        ;
}

static void block(void)
{
    while (!over)
        usleep(2000);
}

static int lowest(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    CHECK_GE(fd, 0);
    CHECK_EQ(close(fd), 0);
    return fd;
}

/* Without close_range the library has no table of its own, and looks in the program's. */
static void needs_own_table(void)
{
    if (syscall(SYS_close_range, ~0u, ~0u, 0) < 0)
        test_skip("the kernel, or the emulator, has no close_range");
}

/* sysmon looks all the time: some compute, some block, and others wait. */
TEST_GO_WITHIN(the_lowest_number_is_the_programs, 60)
{
    gamp_time end = gamp_now() + 500 * GAMP_MILLISECOND;
    int first = lowest();

    needs_own_table();
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(gamp_go(compute), 0);
        CHECK_EQ(gamp_go(block), 0);
    }
    for (int i = 0; i < 100000 && gamp_now() < end; i++)
        CHECK_EQ(lowest(), first);
    over = true;
}

static _Atomic bool looked;

static void *look(void *arg)
{
    (void)arg;
    for (int i = 0; i < 300; i++)
        CHECK_GE(gamp_num_cpu(), 1);
    looked = true;
    return NULL;
}

/* One that a thread asks for, while another one opens files. */
TEST_GO_WITHIN(counting_cpus_takes_none, 60)
{
    int first = lowest();
    pthread_t th;

    needs_own_table();
    CHECK_EQ(pthread_create(&th, NULL, look, NULL), 0);
    while (!looked)
        CHECK_EQ(lowest(), first);
    CHECK_EQ(pthread_join(th, NULL), 0);
    look(NULL);
}

TEST_GO(the_librarys_are_high)
{
    gamp_chan *c = gamp_chan_of(int, 1);
    int first = lowest();

    CHECK_EQ(gamp_signal_notify(c, SIGUSR1), 0);
    CHECK_EQ(lowest(), first);
    CHECK_EQ(gamp_signal_stop(c), 0);
    gamp_chan_unref(c);
}

static void sleeper(void)
{
    for (int i = 0; i < 5; i++)
        gamp_sleep(GAMP_MILLISECOND);
    sleepers++;
}

static void timers_go_on(void)
{
    sleepers = 0;
    for (int i = 0; i < 10; i++)
        CHECK_EQ(gamp_go(sleeper), 0);
    while (sleepers < 10)
        gamp_sleep(GAMP_MILLISECOND);
}

static void echo(int fd)
{
    char buf[5];

    CHECK_EQ(gamp_read_full(fd, buf, sizeof buf), 0);
    CHECK_EQ(gamp_write_full(fd, buf, sizeof buf), 0);
    CHECK_EQ(gamp_close(fd), 0);
}

static void network_goes_on(void)
{
    int lfd = gamp_listen("tcp", "127.0.0.1:0");
    char where[64], buf[5];

    CHECK_GE(lfd, 0);
    CHECK_GT(gamp_local_addr(lfd, where, sizeof where), 0);
    for (int i = 0; i < 10; i++) {
        int fd = gamp_dial("tcp", where, GAMP_NEVER), peer = gamp_accept(lfd);

        CHECK_GE(fd, 0);
        CHECK_GE(peer, 0);
        CHECK_EQ(gamp_go(echo, peer), 0);
        CHECK_EQ(gamp_write_full(fd, "hello", 5), 0);
        CHECK_EQ(gamp_read_full(fd, buf, 5), 0);
        CHECK(memcmp(buf, "hello", 5) == 0);
        CHECK_EQ(gamp_read(fd, buf, 1), 0);
        CHECK_EQ(gamp_close(fd), 0);
    }
    CHECK_EQ(gamp_close(lfd), 0);
}

static void signals_go_on(gamp_chan *c)
{
    int sig = 0;

    CHECK_EQ(gamp_signal_notify(c, SIGUSR1), 0);
    CHECK_EQ(raise(SIGUSR1), 0);
    CHECK(gamp_chan_recv(c, &sig));
    CHECK_EQ(sig, SIGUSR1);
}

static void close_all(void)
{
    for (int fd = 3; fd < 4096; fd++)
        close(fd);
}

static void everything_goes_on(gamp_chan *c)
{
    timers_go_on();
    network_goes_on();
    signals_go_on(c);
}

static int main_closes(int argc, char **argv)
{
    gamp_chan *c = gamp_chan_of(int, 1);

    (void)argc;
    (void)argv;
    signals_go_on(c);
    for (int i = 0; i < 3; i++) {
        /* Another M has had the time to sleep in the poller. */
        gamp_sleep(2 * GAMP_MILLISECOND);
        usleep(20000);
        close_all();
        everything_goes_on(c);
    }
    CHECK_EQ(gamp_go(compute), 0);
    gamp_sleep(GAMP_MILLISECOND);
    close_all();
    everything_goes_on(c);
    CHECK_EQ(gamp_signal_stop(c), 0);
    gamp_chan_unref(c);
    return 7;
}

static void run_closes(void *arg)
{
    (void)arg;
    exit(gamp_run(main_closes, 0, NULL));
}

/* In a child: the harness has descriptors of its own. */
TEST_WITHIN(all_may_be_closed, 60)
{
    if (getenv("TEST_EMULATOR"))
        test_skip("the emulator's descriptors are among them");
    expect_exit(run_closes, NULL, 7, NULL);
}
