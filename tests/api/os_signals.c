/* SPDX-License-Identifier: BSD-3-Clause */
/* Signals on channels. */
#include "harness/test.h"
#include "harness/waits.h"
#include <gamp/chan.h>
#include <gamp/go.h>
#include <gamp/os.h>
#include <gamp/panic.h>
#include <gamp/run.h>
#include <gamp/select.h>
#include <gamp/sync.h>
#include <gamp/time.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND GAMP_SECOND
#define MS GAMP_MILLISECOND

static int next_signal(gamp_chan *c)
{
    int sig = 0;

    CHECK(gamp_chan_recv(c, &sig));
    return sig;
}

static void nothing_more(gamp_chan *c)
{
    CHECK_EQ(gamp_chan_recv_until(c, NULL, gamp_now() + 10 * MS), -ETIMEDOUT);
}

TEST_GO(notify)
{
    gamp_chan *c = gamp_chan_of(int, 10);

    CHECK_EQ(gamp_signal_notify(c, SIGUSR1, SIGTERM), 0);
    kill(getpid(), SIGUSR1);
    CHECK_EQ(next_signal(c), SIGUSR1);
    kill(getpid(), SIGTERM);
    CHECK_EQ(next_signal(c), SIGTERM);
    raise(SIGUSR1);
    CHECK_EQ(next_signal(c), SIGUSR1);
    /* More of them, in a second call. */
    CHECK_EQ(gamp_signal_notify(c, SIGHUP), 0);
    kill(getpid(), SIGHUP);
    CHECK_EQ(next_signal(c), SIGHUP);
    kill(getpid(), SIGUSR1);
    CHECK_EQ(next_signal(c), SIGUSR1);
    CHECK_EQ(gamp_signal_stop(c), 0);
    CHECK_EQ(gamp_signal_stop(c), 0);
    nothing_more(c);
    gamp_chan_unref(c);
}

TEST_GO(to_each_that_wants_it)
{
    gamp_chan *a = gamp_chan_of(int, 1), *b = gamp_chan_of(int, 1);

    CHECK_EQ(gamp_signal_notify(a, SIGUSR1, SIGUSR2), 0);
    CHECK_EQ(gamp_signal_notify(b, SIGUSR2), 0);
    kill(getpid(), SIGUSR2);
    CHECK_EQ(next_signal(a), SIGUSR2);
    CHECK_EQ(next_signal(b), SIGUSR2);
    kill(getpid(), SIGUSR1);
    CHECK_EQ(next_signal(a), SIGUSR1);
    nothing_more(b);
    CHECK_EQ(gamp_signal_stop(a), 0);
    kill(getpid(), SIGUSR2);
    CHECK_EQ(next_signal(b), SIGUSR2);
    nothing_more(a);
    CHECK_EQ(gamp_signal_stop(b), 0);
    gamp_chan_unref(a);
    gamp_chan_unref(b);
}

TEST_GO(drops_when_full)
{
    gamp_chan *c = gamp_chan_of(int, 1), *seen = gamp_chan_of(int, 100);

    CHECK_EQ(gamp_signal_notify(c, SIGUSR1), 0);
    CHECK_EQ(gamp_signal_notify(seen, SIGUSR1), 0);
    for (int i = 0; i < 5; i++) {
        kill(getpid(), SIGUSR1);
        CHECK_EQ(next_signal(seen), SIGUSR1);
    }
    CHECK_EQ(gamp_chan_len(c), 1);
    CHECK_EQ(next_signal(c), SIGUSR1);
    nothing_more(c);
    gamp_signal_stop(c);
    gamp_signal_stop(seen);
    gamp_chan_unref(c);
    gamp_chan_unref(seen);
}

/* Unbuffered: only who waits gets it. */
static void wait_for(gamp_chan *c, gamp_chan *done)
{
    int sig = next_signal(c);

    gamp_chan_send(done, &sig);
}

TEST_GO(unbuffered)
{
    gamp_chan *c = gamp_chan_of(int, 0), *done = gamp_chan_of(int, 1);
    int sig;

    CHECK_EQ(gamp_signal_notify(c, SIGUSR1), 0);
    CHECK_EQ(gamp_go(wait_for, c, done), 0);
    await_goroutines(1, "chan receive");
    kill(getpid(), SIGUSR1);
    CHECK(gamp_chan_recv(done, &sig));
    CHECK_EQ(sig, SIGUSR1);
    gamp_signal_stop(c);
    gamp_chan_unref(c);
    gamp_chan_unref(done);
}

TEST_GO(a_reference_is_held)
{
    gamp_chan *c = gamp_chan_of(int, 1);

    CHECK_EQ(gamp_signal_notify(c, SIGUSR1), 0);
    gamp_chan_unref(c);
    kill(getpid(), SIGUSR1);
    CHECK_EQ(next_signal(c), SIGUSR1);
    CHECK_EQ(gamp_signal_stop(c), 0);
}

TEST_GO(closed_channels_are_no_harm)
{
    gamp_chan *c = gamp_chan_of(int, 1), *d = gamp_chan_of(int, 1);

    CHECK_EQ(gamp_signal_notify(c, SIGUSR1), 0);
    CHECK_EQ(gamp_signal_notify(d, SIGUSR1), 0);
    gamp_chan_close(c);
    kill(getpid(), SIGUSR1);
    CHECK_EQ(next_signal(d), SIGUSR1);
    gamp_signal_stop(c);
    gamp_signal_stop(d);
    gamp_chan_unref(c);
    gamp_chan_unref(d);
}

static void notify_null(void *arg)
{
    (void)arg;
    gamp_signal_notify((gamp_chan *)NULL, SIGUSR1);
}

static void notify_long(void *arg)
{
    gamp_signal_notify((gamp_chan *)arg, SIGUSR1);
}

TEST_GO(misuse)
{
    gamp_chan *c = gamp_chan_of(int, 1), *wrong = gamp_chan_of(long, 1);
    static const int bad[] = {0,      -1,     65, SIGKILL, SIGSTOP, SIGSEGV,
                              SIGBUS, SIGFPE, 32, 33,      1 << 30};

    CHECK_EQ(gamp_protect(notify_null, NULL, NULL), -EFAULT);
    CHECK_EQ(gamp_protect(notify_long, wrong, NULL), -EFAULT);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_MSG(gamp_signal_notify(c, bad[i]) == -EINVAL, "signal %d", bad[i]);
    CHECK_EQ(gamp_signal_notify(c, SIGUSR1, SIGKILL), -EINVAL);
    CHECK_EQ(gamp_signal_notifyv(c, NULL, 3), -EINVAL);
    CHECK_EQ(gamp_signal_stop(NULL), 0);
    CHECK_EQ(gamp_signal_stop(c), 0);
    gamp_chan_unref(c);
    gamp_chan_unref(wrong);
}

static volatile sig_atomic_t host_calls;

static void host_handler(int sig)
{
    (void)sig;
    host_calls++;
}

/* The program's own handler goes on being called, and is there again afterwards. */
TEST_GO(chained)
{
    gamp_chan *c = gamp_chan_of(int, 1);

    signal(SIGUSR1, host_handler);
    CHECK_EQ(gamp_signal_notify(c, SIGUSR1), 0);
    kill(getpid(), SIGUSR1);
    CHECK_EQ(next_signal(c), SIGUSR1);
    CHECK_EQ(host_calls, 1);
    CHECK_EQ(gamp_signal_stop(c), 0);
    raise(SIGUSR1);
    CHECK_EQ(host_calls, 2);
    nothing_more(c);
    gamp_chan_unref(c);
}

static int stop_then_die(int argc, char **argv)
{
    gamp_chan *c = gamp_chan_of(int, 1);

    (void)argc;
    (void)argv;
    gamp_signal_notify(c, SIGTERM);
    kill(getpid(), SIGTERM);
    CHECK_EQ(next_signal(c), SIGTERM);
    gamp_signal_stop(c);
    kill(getpid(), SIGTERM);
    gamp_sleep(5 * SECOND);
    return 3;
}

static void run_stop_then_die(void *arg)
{
    gamp_run(stop_then_die, 0, arg);
}

static int return_while_registered(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return gamp_signal_notify(gamp_chan_of(int, 1), SIGTERM);
}

static void run_then_die(void *arg)
{
    CHECK_EQ(gamp_run(return_while_registered, 0, arg), 0);
    kill(getpid(), SIGTERM);
    usleep(1000000);
}

TEST(default_comes_back)
{
    expect_exit(run_stop_then_die, NULL, 128 + SIGTERM, NULL);
    /* Nobody delivers any more once the runtime has ended. */
    expect_exit(run_then_die, NULL, 128 + SIGTERM, NULL);
}

TEST_GO(ignored_comes_back)
{
    gamp_chan *c = gamp_chan_of(int, 1);

    signal(SIGUSR1, SIG_IGN);
    CHECK_EQ(gamp_signal_notify(c, SIGUSR1), 0);
    kill(getpid(), SIGUSR1);
    CHECK_EQ(next_signal(c), SIGUSR1);
    CHECK_EQ(gamp_signal_stop(c), 0);
    kill(getpid(), SIGUSR1);
    nothing_more(c);
    gamp_chan_unref(c);
}

TEST_GO(sigquit_and_sigpipe)
{
    gamp_chan *c = gamp_chan_of(int, 4);

    CHECK_EQ(gamp_signal_notify(c, SIGQUIT, SIGPIPE, SIGINT), 0);
    kill(getpid(), SIGQUIT);
    CHECK_EQ(next_signal(c), SIGQUIT);
    kill(getpid(), SIGPIPE);
    CHECK_EQ(next_signal(c), SIGPIPE);
    kill(getpid(), SIGINT);
    CHECK_EQ(next_signal(c), SIGINT);
    CHECK_EQ(gamp_signal_stop(c), 0);
    gamp_chan_unref(c);
}

TEST_GO(in_a_select)
{
    gamp_chan *c = gamp_chan_of(int, 1), *never = gamp_chan_of(int, 0);
    int sig = 0;

    CHECK_EQ(gamp_signal_notify(c, SIGUSR2), 0);
    kill(getpid(), SIGUSR2);
    CHECK_EQ(gamp_select(GAMP_RECV(never, NULL), GAMP_RECV(c, &sig), GAMP_AT(GAMP_NEVER)), 1);
    CHECK_EQ(sig, SIGUSR2);
    gamp_signal_stop(c);
    gamp_chan_unref(c);
    gamp_chan_unref(never);
}

/* All wait, but a signal may come: no deadlock. After stop it is one. */
static int wait_for_alarm(int argc, char **argv)
{
    gamp_chan *c = gamp_chan_of(int, 1);
    int sig;

    (void)argc;
    (void)argv;
    gamp_signal_notify(c, SIGALRM);
    alarm(1);
    gamp_chan_recv(c, &sig);
    CHECK_EQ(sig, SIGALRM);
    gamp_signal_stop(c);
    gamp_chan_recv(c, &sig);
    return 0;
}

static void run_wait_for_alarm(void *arg)
{
    gamp_run(wait_for_alarm, 0, arg);
}

TEST(deadlock_report_is_off_meanwhile)
{
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
    test_skip("the sanitizer has a thread of its own, which may always wake somebody");
#endif
#endif
    expect_exit(run_wait_for_alarm, NULL, 2, "all goroutines are asleep - deadlock!");
}

TEST(without_a_runtime)
{
    gamp_chan *c = gamp_chan_of(int, 1);

    CHECK_EQ(gamp_signal_notify(c, SIGUSR1), 0);
    kill(getpid(), SIGUSR1);
    CHECK_EQ(next_signal(c), SIGUSR1);
    CHECK_EQ(gamp_signal_stop(c), 0);
    gamp_chan_unref(c);
}

static gamp_chan *kept;

/* What delivers is left in the middle of its wait, with a channel and without one. */
static int main_leaves(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    CHECK_EQ(gamp_signal_notify(kept, SIGUSR1), 0);
    raise(SIGUSR1);
    CHECK_EQ(next_signal(kept), SIGUSR1);
    CHECK_EQ(gamp_signal_notify(kept, SIGUSR2), 0);
    return 0;
}

TEST(again_after_the_runtime)
{
    kept = gamp_chan_of(int, 1);
    CHECK_EQ(gamp_run(main_leaves, 0, NULL), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(gamp_signal_notify(kept, SIGUSR1), 0);
        for (int k = 0; k < 3; k++) {
            raise(SIGUSR1);
            CHECK_EQ(next_signal(kept), SIGUSR1);
        }
        raise(SIGUSR2);
        CHECK_EQ(next_signal(kept), SIGUSR2);
        if (i == 0)
            continue;
        CHECK_EQ(gamp_signal_stop(kept), 0);
        CHECK_EQ(gamp_signal_notify(kept, SIGUSR2), 0);
    }
    CHECK_EQ(gamp_signal_stop(kept), 0);
    gamp_chan_unref(kept);
}

TEST(embedded)
{
    gamp_chan *c = gamp_chan_of(int, 1);

    CHECK_EQ(gamp_start(NULL), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(gamp_signal_notify(c, SIGUSR1), 0);
        kill(getpid(), SIGUSR1);
        CHECK_EQ(next_signal(c), SIGUSR1);
        CHECK_EQ(gamp_signal_stop(c), 0);
    }
    gamp_chan_unref(c);
    CHECK_EQ(gamp_stop(gamp_now() + GAMP_HOUR), 0);
}

static void storm(int n, gamp_waitgroup *wg)
{
    for (int i = 0; i < n; i++) {
        kill(getpid(), SIGUSR1);
        gamp_gosched();
    }
    gamp_waitgroup_done(wg);
}

/* Registering and stopping under fire. */
TEST_GO(storm_of_signals)
{
    gamp_chan *keep = gamp_chan_of(int, 1);
    gamp_waitgroup wg = {0};

    /* What the kernel delivers late must not kill. */
    signal(SIGUSR1, SIG_IGN);
    gamp_waitgroup_add(&wg, 1);
    CHECK_EQ(gamp_signal_notify(keep, SIGUSR1), 0);
    CHECK_EQ(gamp_go(storm, 2000, &wg), 0);
    for (int i = 0; i < 200; i++) {
        gamp_chan *c = gamp_chan_of(int, 1);

        CHECK_EQ(gamp_signal_notify(c, SIGUSR1, SIGUSR2), 0);
        gamp_gosched();
        CHECK_EQ(gamp_signal_stop(c), 0);
        gamp_chan_unref(c);
    }
    CHECK_EQ(next_signal(keep), SIGUSR1);
    gamp_waitgroup_wait(&wg);
    CHECK_EQ(gamp_signal_stop(keep), 0);
    gamp_chan_unref(keep);
}
