/* SPDX-License-Identifier: BSD-3-Clause */
/* Stopping the world (gamp_gomaxprocs does) while goroutines are everywhere: in loops, asleep in
 * the kernel, stopped in the preemption handler, in hinted calls, on locked threads; and traps of
 * old: locks of libc that a stopped goroutine holds, signals to a process whose threads have no P,
 * patterns in step with slices. */
#define _GNU_SOURCE
#include "harness/cutshort.h"
#include "harness/test.h"
#include <gamp/chan.h>
#include <gamp/debug.h>
#include <gamp/errno.h>
#include <gamp/go.h>
#include <gamp/os.h>
#include <gamp/run.h>
#include <gamp/sync.h>
#include <gamp/time.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static _Atomic bool over;
static gamp_waitgroup wg;

static void loops(void)
{
    while (!over)
        ;
    gamp_waitgroup_done(&wg);
}

static void mallocs(void)
{
    while (!over)
        free(malloc(1 + (size_t)rand() % 9000));
    gamp_waitgroup_done(&wg);
}

static void sleeps(void)
{
    while (!over)
        CHECK_EQ(WAIT_CALL(usleep(3000)), 0);
    gamp_waitgroup_done(&wg);
}

static void sleeps_hinted(void)
{
    while (!over) {
        gamp_blocking_enter();
        CHECK_EQ(WAIT_CALL(usleep(1000)), 0);
        gamp_blocking_exit();
    }
    gamp_waitgroup_done(&wg);
}

static void locked(void)
{
    pthread_t self;

    gamp_lock_os_thread();
    self = pthread_self();
    while (!over) {
        gamp_gosched();
        CHECK(pthread_equal(self, pthread_self()));
        usleep(200);
    }
    gamp_waitgroup_done(&wg);
}

static void yields(void)
{
    while (!over)
        gamp_gosched();
    gamp_waitgroup_done(&wg);
}

static void (*const zoo[])(void) = {loops, mallocs, sleeps, sleeps_hinted, locked, yields};
enum { ZOO = sizeof zoo / sizeof zoo[0], EACH = 3 };

static void open_zoo(void)
{
    gamp_waitgroup_add(&wg, ZOO * EACH);
    for (int i = 0; i < ZOO * EACH; i++)
        CHECK_EQ(gamp_go(zoo[i % ZOO]), 0);
}

static void close_zoo(void)
{
    over = true;
    gamp_waitgroup_wait(&wg);
}

TEST_GO_WITHIN(the_world_stops_whoever_is_about, 60)
{
    int before = gamp_gomaxprocs(0);
    int64_t worst = 0, sum = 0;
    uint64_t rng = test_seed();

    open_zoo();
    for (int i = 0; i < 40; i++) {
        int n = 1 + (int)(test_rand(&rng) % 6);
        int64_t from, took;

        gamp_sleep(2 * GAMP_MILLISECOND);
        from = test_nanotime();
        gamp_gomaxprocs(n);
        took = test_nanotime() - from;
        CHECK_EQ(gamp_gomaxprocs(0), n);
        worst = took > worst ? took : worst;
        sum += took;
    }
    gamp_gomaxprocs(before);
    close_zoo();
    printf("stop and start: mean %.3f ms, worst %.3f ms\n", (double)sum / 40e6,
           (double)worst / 1e6);
}

static void *resizes(void *arg)
{
    uint64_t rng = *(uint64_t *)arg;

    for (int i = 0; i < 20; i++)
        gamp_gomaxprocs(1 + (int)(test_rand(&rng) % 5));
    return NULL;
}

TEST_GO_WITHIN(many_stop_the_world_at_once, 60)
{
    pthread_t th[3];
    uint64_t seed[3] = {test_seed(), test_seed() + 1, test_seed() + 2};

    open_zoo();
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_create(&th[i], NULL, resizes, &seed[i]), 0);
    for (int i = 0; i < 10; i++)
        gamp_gomaxprocs(1 + i % 3);
    for (int i = 0; i < 3; i++)
        pthread_join(th[i], NULL);
    close_zoo();
}

/* --- a stopped goroutine holds a lock of libc, and new threads are needed --- */

static void allocates_then_blocks(int i)
{
    for (int k = 0; k < 20; k++) {
        void *p = malloc(100 + (size_t)i);

        CHECK(p != NULL);
        if (k % 4 == 0)
            usleep(1000);
        free(p);
    }
}

/* Beyond what a thread keeps for itself. */
static void mallocs_under_lock(void)
{
    uint64_t rng = gamp_goid();

    while (!over)
        free(malloc(2000 + test_rand(&rng) % 50000));
    gamp_waitgroup_done(&wg);
}

static void forks(void)
{
    while (!over) {
        pid_t pid = fork();
        int status;

        CHECK_GE(pid, 0);
        if (pid == 0)
            _exit(3);
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        CHECK_EQ(WEXITSTATUS(status), 3);
    }
    gamp_waitgroup_done(&wg);
}

/* One lock for all threads, which is held nearly always, and by fork as well; so those that are
 * stopped hold it, and the threads that the others need are made under it. */
TEST_GO_WITHIN(threads_are_made_while_mallocs_lock_is_held, 60)
{
    gamp_sched_stats before, after;
    bool fork_too = !getenv("TEST_EMULATOR"); /* whose own locks are not safe to fork among */

    mallopt(M_ARENA_MAX, 1); /* a sanitizer's malloc does not know it */
    if (gamp_gomaxprocs(0) > 2)
        gamp_gomaxprocs(2);
    gamp_sched_stats_read(&before);
    gamp_waitgroup_add(&wg, 5);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(gamp_go(i == 4 && fork_too ? forks : mallocs_under_lock), 0);
    for (int round = 0; round < 3 || after.preemptions == before.preemptions; round++) {
        gamp_waitgroup some = {0};

        for (int i = 0; i < 100; i++)
            CHECK_EQ(gamp_waitgroup_go(&some, allocates_then_blocks, i), 0);
        gamp_waitgroup_wait(&some);
        gamp_sched_stats_read(&after);
    }
    close_zoo();
}

/* --- the alternate stack: a handler of the program's on it, in a thread that is stopped there too
 * --- */

static _Atomic long handled;

static void big_handler(int sig)
{
    volatile char frame[8192];

    (void)sig;
    memset((void *)frame, 1, sizeof frame);
    handled += frame[4096];
}

TEST_GO_WITHIN(program_handlers_on_the_alternate_stack, 60)
{
    struct sigaction sa = {.sa_handler = big_handler, .sa_flags = SA_ONSTACK | SA_RESTART};
    struct itimerval it = {{0, 2000}, {0, 2000}};

    sigemptyset(&sa.sa_mask);
    CHECK_EQ(sigaction(SIGALRM, &sa, NULL), 0);
    gamp_waitgroup_add(&wg, 4);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(gamp_go(i % 2 ? loops : mallocs), 0);
    /* To the process: whichever thread takes it, with a P or without. */
    CHECK_EQ(setitimer(ITIMER_REAL, &it, NULL), 0);
    while (handled < 100)
        gamp_sleep(GAMP_MILLISECOND);
    it = (struct itimerval){0};
    CHECK_EQ(setitimer(ITIMER_REAL, &it, NULL), 0);
    close_zoo();
}

/* --- a fixed pattern of holding a lock, in step with a fixed slice, must not starve its other user
 * --- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static _Atomic long held[2];

static void spin_for(int64_t ns)
{
    struct timespec a, b;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
    do
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
    while ((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec < ns);
}

static void holds(int i)
{
    while (!over) {
        pthread_mutex_lock(&mutex);
        spin_for(15000000);
        pthread_mutex_unlock(&mutex);
        held[i]++;
        spin_for(2500000);
    }
    gamp_waitgroup_done(&wg);
}

TEST_GO_WITHIN(patterns_do_not_resonate_with_slices, 60)
{
    gamp_waitgroup_add(&wg, 2);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(gamp_go(holds, i), 0);
    while (held[0] < 5 || held[1] < 5)
        gamp_sleep(5 * GAMP_MILLISECOND);
    close_zoo();
}

/* --- a short job is not late because all Ps compute --- */

static void ticks(gamp_chan *out)
{
    gamp_timer *t = gamp_ticker_new(2 * GAMP_MILLISECOND);

    for (int i = 0; i < 100; i++) {
        gamp_time at;
        int64_t late;

        CHECK(gamp_chan_recv(gamp_timer_chan(t), &at));
        late = gamp_now() - at;
        gamp_chan_send(out, &late);
    }
    gamp_timer_free(t);
}

TEST_GO_WITHIN(tickers_tick_beside_loops, 60)
{
    gamp_chan *late = gamp_chan_of(int64_t, 100);
    int64_t worst = 0, v;

    gamp_waitgroup_add(&wg, 4);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(gamp_go(loops), 0);
    CHECK_EQ(gamp_go(ticks, late), 0);
    for (int i = 0; i < 100; i++) {
        CHECK(gamp_chan_recv(late, &v));
        worst = v > worst ? v : worst;
    }
    printf("worst lateness of a received tick %.3f ms\n", (double)worst / 1e6);
    close_zoo();
    gamp_chan_unref(late);
}

/* --- locked threads that hand each other the only P: nobody is runnable but they --- */

static void locked_player(gamp_chan *in, gamp_chan *out, int turns)
{
    int v;

    gamp_lock_os_thread();
    for (int i = 0; i < turns; i++) {
        CHECK(gamp_chan_recv(in, &v));
        gamp_chan_send(out, &v);
    }
    gamp_waitgroup_done(&wg);
}

TEST_GO_WITHIN(locked_threads_are_not_idle_while_they_wake, 60)
{
    enum { PLAYERS = 3, TURNS = 3000 };
    gamp_chan *c[PLAYERS];
    int v = 1;

    gamp_waitgroup_add(&wg, PLAYERS);
    for (int i = 0; i < PLAYERS; i++)
        c[i] = gamp_chan_of(int, 1);
    for (int i = 0; i < PLAYERS; i++)
        CHECK_EQ(gamp_go(locked_player, c[i], c[(i + 1) % PLAYERS], TURNS), 0);
    gamp_chan_send(c[0], &v);
    gamp_waitgroup_wait(&wg);
    for (int i = 0; i < PLAYERS; i++)
        gamp_chan_unref(c[i]);
}
