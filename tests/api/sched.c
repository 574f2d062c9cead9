/* SPDX-License-Identifier: BSD-3-Clause */
/* sched: goroutines run, yield, end; the number of Ps changes under them. */
#define _GNU_SOURCE
#include "harness/test.h"
#include <dirent.h>
#include <errno.h>
#include <gamp/chan.h>
#include <gamp/go.h>
#include <gamp/run.h>
#include <gamp/time.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic long count;

static void args6(int a, long b, unsigned char c, const char *d, int64_t e, void *f)
{
    CHECK_EQ(a, -1);
    CHECK_EQ(b, -2L);
    CHECK_EQ(c, 250);
    CHECK_STR(d, "four");
    CHECK_EQ(e, INT64_MIN);
    CHECK(f == &count);
    count++;
}

static void none(void)
{
    count++;
}

static void until(long n)
{
    while (count < n)
        gamp_gosched();
}

TEST_GO(arguments_arrive)
{
    CHECK_EQ(gamp_go(args6, -1, -2, 250, "four", INT64_MIN, &count), 0);
    until(1);
    CHECK_EQ(gamp_go(none), 0);
    until(2);
}

static _Atomic uint64_t ids[1000];

static void note_id(int i)
{
    ids[i] = gamp_goid();
    count++;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

TEST_GO(ids_are_unique_and_main_is_1)
{
    uint64_t sorted[1000];

    CHECK_EQ(gamp_goid(), 1);
    CHECK_EQ(gamp_num_goroutine(), 1);
    for (int i = 0; i < 1000; i++)
        CHECK_EQ(gamp_go(note_id, i), 0);
    until(1000);
    for (int i = 0; i < 1000; i++)
        sorted[i] = ids[i];
    qsort(sorted, 1000, sizeof sorted[0], by_value);
    CHECK_GT(sorted[0], 1);
    for (int i = 1; i < 1000; i++)
        CHECK_GT(sorted[i], sorted[i - 1]);
}

static void yielder(int times)
{
    for (int i = 0; i < times; i++)
        gamp_gosched();
    count++;
}

TEST_GO(many_yield)
{
    for (int i = 0; i < 1000; i++)
        CHECK_EQ(gamp_go(yielder, 100), 0);
    until(1000);
    while (gamp_num_goroutine() > 1)
        gamp_gosched();
}

/* As many as there are Ps run at the same time: none of them makes a call that gives its P away,
 * and none is stopped, so each round needs them all. */
static _Atomic int in_round[20];

static void meet_all(int procs)
{
    for (int i = 0; i < 20; i++) {
        in_round[i]++;
        while (in_round[i] < procs)
            sched_yield();
    }
    count++;
}

static int as_many_as_ps(int argc, char **argv)
{
    int procs = gamp_gomaxprocs(0);

    (void)argv;
    for (int i = 1; i < procs; i++)
        CHECK_EQ(gamp_go(meet_all, procs), 0);
    meet_all(procs);
    until(procs);
    return argc;
}

TEST_WITHIN(as_many_run_at_once_as_there_are_ps, 60)
{
    setenv("GAMPDEBUG", "asyncpreemptoff=1", 1);
    CHECK_EQ(gamp_run(as_many_as_ps, 5, NULL), 5);
    CHECK_EQ(count, gamp_gomaxprocs(0));
}

/* Two that wake each other in turn share one slice: whoever else waits for the P has it again and
 * again. */
static _Atomic int stop;

static void hit(gamp_chan *in, gamp_chan *out)
{
    int v;

    while (!stop) {
        gamp_chan_recv(in, &v);
        gamp_chan_send(out, &v);
    }
}

TEST_GO(a_pair_does_not_keep_the_p)
{
    gamp_chan *a = gamp_chan_of(int, 0), *b = gamp_chan_of(int, 0);
    int v = 1;

    gamp_gomaxprocs(1);
    CHECK_EQ(gamp_go(hit, a, b), 0);
    CHECK_EQ(gamp_go(hit, b, a), 0);
    gamp_chan_send(a, &v);
    CHECK_EQ(gamp_go(yielder, 20), 0);
    until(1);
    stop = 1;
}

/* More than a queue of a P holds. */
enum { CROWD = 300 };

static void hog(void)
{
    while (!stop)
        ;
}

TEST_GO_WITHIN(a_crowd_that_yields_goes_on_beside_a_hog, 60)
{
    if (TEST_TSAN)
        test_skip("a loop without calls is not stopped there");
    gamp_gomaxprocs(1);
    for (int i = 0; i < CROWD; i++)
        CHECK_EQ(gamp_go(yielder, 50), 0);
    gamp_gosched();
    CHECK_EQ(gamp_go(hog), 0);
    until(CROWD);
    stop = 1;
}

static _Atomic int shorts;

static void short_one(_Atomic int *pending)
{
    shorts++;
    --*pending;
}

static void *spawner(void *arg)
{
    _Atomic int pending = 0;

    (void)arg;
    while (!stop) {
        if (pending >= 100) {
            sched_yield();
            continue;
        }
        pending++;
        CHECK_EQ(gamp_go(short_one, &pending), 0);
    }
    while (pending > 0)
        sched_yield();
    return NULL;
}

TEST_GO_WITHIN(a_crowd_that_yields_goes_on_while_a_thread_spawns, 60)
{
    pthread_t th;

    gamp_gomaxprocs(1);
    CHECK_EQ(pthread_create(&th, NULL, spawner, NULL), 0);
    while (shorts < 1000)
        gamp_gosched();
    for (int i = 0; i < CROWD; i++)
        CHECK_EQ(gamp_go(yielder, 2000), 0);
    until(CROWD);
    stop = 1;
    CHECK_EQ(pthread_join(th, NULL), 0);
}

/* A tree of spawns, each node by another goroutine. */
static void node(int depth)
{
    if (depth > 0) {
        CHECK_EQ(gamp_go(node, depth - 1), 0);
        CHECK_EQ(gamp_go(node, depth - 1), 0);
    }
    count++;
}

TEST_GO_WITHIN(spawn_tree, 60)
{
    CHECK_EQ(gamp_go(node, 16), 0);
    until((1 << 17) - 1);
}

static void churn(void)
{
    while (!stop) {
        gamp_go(none);
        gamp_gosched();
    }
}

TEST_GO_WITHIN(gomaxprocs_changes_under_load, 60)
{
    uint64_t rng = test_seed();

    for (int i = 0; i < 8; i++)
        CHECK_EQ(gamp_go(churn), 0);
    for (int i = 0; i < 200; i++) {
        int n = 1 + (int)(test_rand(&rng) % 12);

        gamp_gomaxprocs(n);
        CHECK_EQ(gamp_gomaxprocs(0), n);
        for (int k = 0; k < 20; k++)
            gamp_gosched();
    }
    stop = 1;
    while (gamp_num_goroutine() > 1)
        gamp_gosched();
}

TEST_GO_WITHIN(a_thousand_ps_start, 60)
{
    CHECK_GT(gamp_gomaxprocs(1024), 0);
    CHECK_EQ(gamp_gomaxprocs(0), 1024);
    for (int i = 0; i < 10000; i++)
        CHECK_EQ(gamp_go(yielder, 3), 0);
    until(10000);
    gamp_gomaxprocs(2);
}

static int with_all_ps(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    CHECK_EQ(gamp_gomaxprocs(0), 1024);
    count = 0;
    for (int i = 0; i < 10000; i++)
        CHECK_EQ(gamp_go(yielder, 3), 0);
    until(10000);
    CHECK_EQ(gamp_gomaxprocs(0), 1024);
    return 0;
}

static void run_with_ps(void *procs)
{
    setenv("GAMPMAXPROCS", procs, 1);
    CHECK_EQ(gamp_run(with_all_ps, 0, NULL), 0);
}

/* From the first moment, and no more than there can be. */
TEST_WITHIN(a_start_with_a_thousand_ps, 60)
{
    expect_exit(run_with_ps, "1024", 0, NULL);
    expect_exit(run_with_ps, "5000", 0, NULL);
}

static void stack_user(size_t n)
{
    volatile char *p = __builtin_alloca(n);

    for (size_t i = 0; i < n; i += 512)
        p[i] = 1;
    p[n - 1] = 1;
    count++;
}

TEST_GO(stacks_have_what_was_asked)
{
    CHECK_EQ(gamp_go(stack_user, (size_t)190 << 10), 0);
    until(1);
    for (size_t s = 16 << 10; s <= (8 << 20); s *= 2) {
        count = 0;
        CHECK_EQ(gamp_go_with(GAMP_OPTIONS(.stack_size = s), stack_user, s - (12 << 10)), 0);
        until(1);
    }
    CHECK_EQ(gamp_go_with(GAMP_OPTIONS(.stack_size = SIZE_MAX), stack_user, 1), -ENOMEM);
    CHECK_EQ(gamp_go_with(GAMP_OPTIONS(.stack_size = SIZE_MAX / 2), stack_user, 1), -ENOMEM);
}

/* KiB, of memory or of address space. */
static long have(bool resident)
{
    long size = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    CHECK(file && fscanf(file, "%ld %ld", &size, &pages) == 2);
    fclose(file);
    return (resident ? pages : size) * (sysconf(_SC_PAGESIZE) / 1024);
}

static void waits(gamp_chan *c)
{
    count++;
    gamp_chan_recv(c, NULL);
}

/* 256 KiB of address space each, of which a page is there, and what the runtime keeps of it. (The
 * address space of threads and of malloc comes on top.) */
TEST_GO_WITHIN(a_parked_one_costs_a_page, 60)
{
    enum { MANY = 8000 };
    gamp_chan *c = gamp_chan_new(0, 0);
    long memory, space;

    if (TEST_SANITIZED)
        test_skip("the sanitizer keeps its own");
    for (int i = 0; i < 100; i++)
        CHECK_EQ(gamp_go(waits, c), 0);
    until(100);
    memory = have(true);
    space = have(false);
    for (int i = 0; i < MANY; i++)
        CHECK_EQ(gamp_go(waits, c), 0);
    until(100 + MANY);
    CHECK_MSG(have(true) - memory < MANY * 8L, "%ld KiB", have(true) - memory);
    CHECK_MSG(have(false) - space < MANY * 1024L, "%ld KiB", have(false) - space);
    gamp_chan_close(c);
    while (gamp_num_goroutine() > 1)
        gamp_gosched();
    gamp_chan_unref(c);
}

static void locked(void)
{
    pthread_t self;

    gamp_lock_os_thread();
    gamp_lock_os_thread();
    self = pthread_self();
    for (int i = 0; i < 1000; i++) {
        gamp_gosched();
        CHECK(pthread_equal(self, pthread_self()));
    }
    gamp_unlock_os_thread();
    for (int i = 0; i < 1000; i++) {
        gamp_gosched();
        CHECK(pthread_equal(self, pthread_self()));
    }
    gamp_unlock_os_thread();
    gamp_unlock_os_thread();
    count++;
}

/* Changes what the thread is and ends without putting it back. */
static const char marked[] = "marked";
static _Atomic pid_t marked_tid[50];

static bool is_marked(void)
{
    char name[17] = {0};

    CHECK_EQ(prctl(PR_GET_NAME, name), 0);
    return strcmp(name, marked) == 0;
}

static void ends_locked(int i)
{
    gamp_lock_os_thread();
    CHECK(!is_marked());
    CHECK_EQ(prctl(PR_SET_NAME, marked), 0);
    marked_tid[i] = (pid_t)syscall(SYS_gettid);
    gamp_gosched();
    CHECK(is_marked());
    count++;
}

static void runs_unmarked(void)
{
    CHECK(!is_marked());
    usleep(100); /* so that many threads are needed, made while those live */
    CHECK(!is_marked());
    count++;
}

static bool thread_is_there(pid_t tid)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/self/task/%d", (int)tid);
    return access(path, F_OK) == 0;
}

TEST_GO_WITHIN(lock_os_thread, 60)
{
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(gamp_go(locked), 0);
        CHECK_EQ(gamp_go(yielder, 2000), 0);
    }
    until(8);
    while (gamp_num_goroutine() > 1)
        gamp_gosched();
}

/* Such a thread ends, and nobody else runs on it or on a child of it. The process's first thread
 * cannot end; it waits. */
TEST_GO_WITHIN(a_thread_ends_with_a_goroutine_that_is_locked_to_it, 60)
{
    for (int i = 0; i < 50; i++) {
        CHECK_EQ(gamp_go(ends_locked, i), 0);
        for (int k = 0; k < 4; k++)
            CHECK_EQ(gamp_go(runs_unmarked), 0);
    }
    until(250);
    for (int i = 0; i < 50; i++)
        while (marked_tid[i] != getpid() && thread_is_there(marked_tid[i]))
            gamp_sleep(GAMP_MILLISECOND);
    CHECK(!is_marked());
}

static void *host(void *arg)
{
    (void)arg;
    CHECK_EQ(gamp_goid(), 0);
    for (int i = 0; i < 1000; i++)
        while (gamp_go(yielder, 2) != 0)
            sched_yield();
    return NULL;
}

static void parks(gamp_chan *c)
{
    gamp_chan_recv(c, NULL);
    count = -1;
}

static _Atomic int computing;

static void computes(void)
{
    while (!stop)
        computing = 1;
    gamp_gosched();
    count = -1;
}

/* Those that wait, for ever or for an event to come, are gone with the runtime. */
TEST(parked_ones_end_with_the_runtime)
{
    gamp_chan *c = gamp_chan_new(0, 0);

    CHECK_EQ(gamp_start(NULL), 0);
    for (int i = 0; i < 20; i++)
        CHECK_EQ(gamp_go(parks, c), 0);
    CHECK_EQ(gamp_go(computes), 0);
    while (!computing)
        sched_yield();
    CHECK_EQ(gamp_num_goroutine(), 21);
    CHECK_EQ(gamp_stop(0), -ETIMEDOUT);
    CHECK_EQ(gamp_stop(gamp_now() + GAMP_MILLISECOND), -ETIMEDOUT);
    CHECK_EQ(gamp_go(none), -EPERM);
    CHECK_EQ(gamp_start(NULL), -EALREADY);
    stop = 1;
    CHECK_EQ(gamp_stop(GAMP_NEVER), 0);
    CHECK_EQ(gamp_stop(0), 0);
    CHECK_EQ(gamp_num_goroutine(), 0);
    gamp_chan_close(c);
    gamp_chan_unref(c);
    gamp_sleep(2 * GAMP_MILLISECOND);
    CHECK_EQ(count, 0);
    CHECK_EQ(gamp_start(NULL), -EALREADY);
}

TEST(embedded)
{
    pthread_t t[4];

    CHECK_EQ(gamp_go(none), -EPERM);
    CHECK_EQ(gamp_start(NULL), 0);
    CHECK_EQ(gamp_num_goroutine(), 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&t[i], NULL, host, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    until(4000);
    while (gamp_num_goroutine() > 0)
        gamp_gosched();
    CHECK_EQ(gamp_stop(INT64_MAX), 0);
    CHECK_EQ(gamp_stop(INT64_MAX), 0);
    CHECK_EQ(gamp_go(none), -EPERM);
}

static void threads_run_on(const cpu_set_t *set)
{
    DIR *tasks = opendir("/proc/self/task");
    const struct dirent *e;

    CHECK(tasks != NULL);
    while ((e = readdir(tasks)) != NULL)
        if (atoi(e->d_name) > 0)
            (void)!sched_setaffinity(atoi(e->d_name), sizeof *set, set); /* it may have ended */
    closedir(tasks);
}

/* All threads, as taskset -a does; also those that began meanwhile, with their maker's old mask. */
static void run_on(const cpu_set_t *set)
{
    threads_run_on(set);
    threads_run_on(set);
}

static int moves_to_fewer_cpus(int argc, char **argv)
{
    int before = gamp_num_cpu(), cpu = 0;
    cpu_set_t all, one;

    (void)argv;
    CHECK_EQ(gamp_gomaxprocs(0), before);
    CHECK_EQ(sched_getaffinity(0, sizeof all, &all), 0);
    while (!CPU_ISSET(cpu, &all))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    run_on(&one);
    while (gamp_gomaxprocs(0) != 1)
        gamp_sleep(10 * GAMP_MILLISECOND);
    CHECK_EQ(gamp_num_cpu(), 1);
    CHECK_EQ(gamp_go(none), 0);
    until(1);
    run_on(&all);
    while (gamp_gomaxprocs(0) != before)
        gamp_sleep(10 * GAMP_MILLISECOND);
    return argc;
}

static int has_its_own_number(int argc, char **argv)
{
    cpu_set_t one;

    (void)argv;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    CHECK_EQ(gamp_gomaxprocs(0), 3);
    run_on(&one);
    gamp_sleep(1500 * GAMP_MILLISECOND); /* what is tested: nobody changes it meanwhile */
    CHECK_EQ(gamp_gomaxprocs(0), 3);
    return argc;
}

/* Looked at once a second; not where the program or its user has chosen. */
TEST_WITHIN(the_number_of_ps_follows_the_cpus, 60)
{
    if (getenv("TEST_EMULATOR"))
        test_skip("the emulator's own threads");
    if (gamp_num_cpu() < 2)
        test_skip("there is one CPU");
    unsetenv("GAMPMAXPROCS");
    CHECK_EQ(gamp_run(moves_to_fewer_cpus, 5, NULL), 5);
}

TEST(a_number_of_ps_that_was_chosen_stays)
{
    const gamp_config cfg = {.maxprocs = 3};

    if (getenv("TEST_EMULATOR"))
        test_skip("the emulator's own threads");
    unsetenv("GAMPMAXPROCS");
    CHECK_EQ(gamp_run_with(&cfg, has_its_own_number, 5, NULL), 5);
}

static int counts_itself(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    CHECK_EQ(gamp_num_goroutine(), 1);
    CHECK_EQ(gamp_go(parks, (gamp_chan *)NULL), 0);
    CHECK_EQ(gamp_num_goroutine(), 2);
    return gamp_gomaxprocs(0);
}

TEST(procs_and_count_before_and_after)
{
    gamp_config cfg = {.maxprocs = 7};

    unsetenv("GAMPMAXPROCS");
    CHECK(gamp_gomaxprocs(2) >= 1);
    CHECK_EQ(gamp_gomaxprocs(0), 2);
    setenv("GAMPMAXPROCS", "3", 1);
    CHECK_EQ(gamp_gomaxprocs(0), 3);
    CHECK_EQ(gamp_num_goroutine(), 0);
    CHECK_EQ(gamp_run_with(&cfg, counts_itself, 0, NULL), 3);
    CHECK_EQ(gamp_num_goroutine(), 0);
    CHECK_EQ(gamp_gomaxprocs(0), 3);
}
