/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory, threads, descriptors and mappings that run out, each call in its turn: at the start of
 * the runtime, at spawns, at a change of the number of Ps, and behind every object. The caller gets
 * an error, what was accepted runs, nothing leaks, errno is untouched, and afterwards all works. */
#include "harness/test.h"
#include "faults.h"
#include "mem/stack.h"
#include "os/linux/vm.h"
#include "sched/schedt.h"
#include <gamp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

static int ran;

static void count(void)
{
    fetch_add_relaxed(&ran, 1);
}

/* --- the start -------------------------------------------------------------------------------- */

static const struct {
    long number, error;
    bool every; /* or each in its turn */
} at_start[] = {
    {SYS_mmap, -ENOMEM, false},         {SYS_mmap, -ENOMEM, true},
    {SYS_clone, -EAGAIN, false},        {SYS_clone, -EAGAIN, true},
    {SYS_epoll_create1, -EMFILE, true}, {SYS_eventfd2, -ENFILE, true},
    {SYS_epoll_ctl, -ENOMEM, true},     {SYS_madvise, -EINVAL, true},
    {SYS_mprotect, -ENOMEM, true},      {SYS_getrandom, -EAGAIN, true},
    {SYS_membarrier, -ENOSYS, true},    {SYS_sched_getaffinity, -EPERM, true},
    {SYS_prlimit64, -EPERM, true},      {SYS_openat, -EACCES, true},
    {FAULT_MALLOC, -ENOMEM, false},     {FAULT_MALLOC, -ENOMEM, true},
    {SYS_sigaltstack, -ENOMEM, true},   {SYS_rt_sigaction, -EINVAL, true},
    {SYS_close_range, -ENOSYS, true},
};

struct start {
    size_t which;
    int at;
    bool library;
};

static void spawn_many(void)
{
    gamp_waitgroup wg = {0};

    ran = 0;
    for (int i = 0; i < 300; i++)
        CHECK_EQ(gamp_waitgroup_go(&wg, count), 0);
    gamp_waitgroup_wait(&wg);
    CHECK_EQ(ran, 300);
}

static int main_of_it(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    disarm();
    spawn_many();
    gamp_sleep(GAMP_MICROSECOND);
    return 7;
}

enum { STARTED = 10, STARTED_BY_FAULT, REFUSED };

static void start_once(void *arg)
{
    const struct start *s = arg;
    long number = at_start[s->which].number;
    int err;

    errno = 4242;
    arm(number, at_start[s->which].error, s->at);
    fault.every = at_start[s->which].every;
    err = s->library ? gamp_start(NULL) : gamp_run(main_of_it, 0, NULL);
    disarm();
    CHECK_EQ(errno, 4242);
    if (err == (s->library ? 0 : 7)) {
        if (s->library) {
            spawn_many();
            CHECK_EQ(gamp_stop(gamp_now() + GAMP_HOUR), 0);
        }
        _exit(faulted() ? STARTED_BY_FAULT : STARTED);
    }
    CHECK_MSG(err == -ENOMEM || err == -EAGAIN, "call %ld, number %d: %d", number, s->at, err);
    CHECK(faulted());
    /* It is as after the end. */
    CHECK_EQ(gamp_go(count), -EPERM);
    CHECK_EQ(gamp_num_goroutine(), 0);
    CHECK_EQ(gamp_start(NULL), -EALREADY);
    gamp_sleep(GAMP_MICROSECOND);
    _exit(REFUSED);
}

static void start_in_turn(bool library)
{
    int refused = 0, by_fault = 0;

    for (size_t i = 0; i < sizeof at_start / sizeof *at_start; i++) {
        for (int at = 0; at < 200; at++) {
            struct start s = {i, at, library};
            static test_child c;

            test_run_child(start_once, &s, &c);
            CHECK_MSG(c.status >= STARTED && c.status <= REFUSED,
                      "call %ld, number %d: status %d\n%s", at_start[i].number, at, c.status,
                      c.err);
            refused += c.status == REFUSED;
            by_fault += c.status == STARTED_BY_FAULT;
            if (c.status == STARTED)
                break;
            CHECK_LT(at, 199);
        }
    }
    /* Both ways were seen: what it can do without, and what not. */
    CHECK_GT(refused, 3);
    CHECK_GT(by_fault, 3);
}

TEST_WITHIN(run_without_resources, 60)
{
    start_in_turn(false);
}

TEST_WITHIN(start_without_resources, 60)
{
    start_in_turn(true);
}

/* A thread that the runtime did not make stops the world again and again; no M can be made, and the
 * one there is does not come to the scheduler by itself. */
static void *stop_the_world(void *arg)
{
    uint32_t *over = arg;

    while (!load_acquire(over))
        gamp_gomaxprocs(1 + gamp_gomaxprocs(0) % 2);
    return arg;
}

static int main_that_spins(int argc, char **argv)
{
    uint32_t over = 0;
    int64_t until = gamp_now() + 100 * GAMP_MILLISECOND;
    pthread_t t;

    (void)argc;
    (void)argv;
    CHECK_EQ(pthread_create(&t, NULL, stop_the_world, &over), 0);
    while (gamp_now() < until)
        for (volatile int i = 0; i < 1000; i++) {
        }
    store_release(&over, 1);
    pthread_join(t, NULL);
    disarm();
    spawn_many();
    return 7;
}

static void spin_without_threads(void *arg)
{
    arm(SYS_clone, -EAGAIN, *(int *)arg);
    fault.every = true;
    _exit(gamp_run(main_that_spins, 0, NULL) == 7 ? 0 : REFUSED);
}

TEST_WITHIN(world_stops_without_threads, 60)
{
    int started = 0;

    for (int at = 0; at < 10; at++) {
        static test_child c;

        test_run_child(spin_without_threads, &at, &c);
        CHECK_MSG(c.status == 0 || c.status == REFUSED, "number %d: status %d\n%s", at, c.status,
                  c.err);
        started += c.status == 0;
    }
    CHECK_GT(started, 3);
}

/* m0 is held up at the last step of the start, which it writes about, until the others have had
 * time to find main. */
static pid_t starter;
static uint32_t began;

FAULTS_FN static long hold_up(long number)
{
    if (number == SYS_write && gettid() == starter)
        for (int i = 0; i < 20 && !load_acquire(&began); i++)
            usleep(1000);
    return 0;
}

static pid_t hook_ran_on;

GAMP_INIT(note_thread)
{
    hook_ran_on = gettid();
}

static int main_notes_thread(int argc, char **argv)
{
    (void)argv;
    store_release(&began, 1);
    CHECK_EQ(hook_ran_on, starter);
    return argc;
}

TEST(main_begins_where_it_was_started)
{
    setenv("GAMPDEBUG", "inittrace=1", 1);
    setenv("GAMPMAXPROCS", "4", 1);
    starter = gettid();
    __atomic_store_n(&sys_fault, hold_up, __ATOMIC_SEQ_CST);
    CHECK_EQ(gamp_run(main_notes_thread, 5, NULL), 5);
}

/* The thread that looks aside is late to have a table of its own. */
static struct {
    uint32_t entered, left;
} tables;

FAULTS_FN static long hold_up_table(long number)
{
    if (number == SYS_close_range) {
        if (fetch_add_acqrel(&tables.entered, 1) == 0)
            usleep(30 * 1000);
        fetch_add_acqrel(&tables.left, 1);
    }
    return 0;
}

static int main_counts_tables(int argc, char **argv)
{
    (void)argv;
    CHECK_GE(load_acquire(&tables.entered), 1);
    CHECK_EQ(load_acquire(&tables.left), load_acquire(&tables.entered));
    return argc;
}

/* Until then a look would take a number in the program's. */
TEST(the_program_begins_when_looks_take_none_of_its_numbers)
{
    __atomic_store_n(&sys_fault, hold_up_table, __ATOMIC_SEQ_CST);
    CHECK_EQ(gamp_run(main_counts_tables, 5, NULL), 5);
}

/* --- spawns ----------------------------------------------------------------------------------- */

static struct {
    gamp_waitgroup wg;
    gamp_chan *gate;
} crowd;

static void stand(void)
{
    fetch_add_relaxed(&ran, 1);
    gamp_chan_recv(crowd.gate, (void *)NULL);
    gamp_waitgroup_done(&crowd.wg);
}

/* Up to n that stand at the gate; how many were accepted before one was refused. */
static int stand_up(int n, const gamp_go_options *o)
{
    for (int i = 0; i < n; i++) {
        int err;

        gamp_waitgroup_add(&crowd.wg, 1);
        errno = 4242;
        err = o ? gamp_go_with(o, stand) : gamp_go(stand);
        CHECK_EQ(errno, 4242);
        if (err) {
            CHECK_EQ(err, -ENOMEM);
            gamp_waitgroup_done(&crowd.wg);
            return i;
        }
    }
    return n;
}

static void let_go(int n)
{
    gamp_waitgroup_wait_until(&crowd.wg, gamp_now()); /* some may not have run yet */
    for (int i = 0; i < n; i++)
        gamp_chan_send(crowd.gate, (const void *)NULL);
    gamp_waitgroup_wait(&crowd.wg);
    CHECK_EQ(ran, n);
    ran = 0;
}

/* Once there is no memory at all, spawns are refused; those accepted before run all the same. */
static void spawn_until_refused(const gamp_go_options *o)
{
    int n;

    crowd.gate = gamp_chan_new(0, 0);
    for (int turn = 0; turn < 3; turn++) {
        arm(SYS_mmap, -ENOMEM, turn * 2);
        fault.every = true;
        n = stand_up(1000000, o);
        CHECK_LT(n, 1000000);
        CHECK_EQ(stand_up(1, o), 0);
        gamp_gosched();
        let_go(n);
        disarm();
        n = stand_up(2000, o);
        CHECK_EQ(n, 2000);
        let_go(n);
    }
    gamp_chan_unref(crowd.gate);
}

TEST_GO(spawns_without_memory)
{
    spawn_until_refused(NULL);
}

TEST_GO(spawns_with_options_without_memory)
{
    const gamp_go_options o = {.stack_size = 100000, .name = "one"};

    spawn_until_refused(&o);
}

static uint64_t promised(void)
{
    struct stack_stats s;

    stack_stats_read(&s);
    return s.promised;
}

static bool count_record(struct g *gp, void *n)
{
    (void)gp;
    ++*(int *)n;
    return true;
}

static int records(void)
{
    int n = 0;

    allgs_each(count_record, &n);
    return n;
}

/* A refused spawn gives back what it had, and one that ended does: the same again and again does
 * not add up. */
TEST_GO(refused_spawns_leak_nothing)
{
    const gamp_go_options fits = {.stack_size = 100000};
    const gamp_go_options huge = {.stack_size = (size_t)1 << 46};
    const gamp_go_options large = {.stack_size = (size_t)1 << 30};
    uint64_t before;
    int64_t alive;
    int made;

    crowd.gate = gamp_chan_new(0, 0);
    let_go(stand_up(100, NULL));     /* too few for a P to give promises back, late as they end */
    while (gamp_num_goroutine() > 1) /* main is woken before the last is gone */
        gamp_gosched();
    before = promised();
    alive = gamp_num_goroutine();
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(stand_up(100, &fits), 100);
        CHECK_EQ(promised(), before + 100);
        let_go(100);
        while (promised() != before)
            gamp_gosched();
    }
    made = records();
    arm(SYS_mmap, -ENOMEM, 0);
    fault.every = true;
    for (int i = 0; i < 1000; i++) {
        CHECK_EQ(gamp_go_with(&huge, count), -ENOMEM);
        CHECK_EQ(gamp_go_with(&large, count), -ENOMEM);
    }
    disarm();
    CHECK_EQ(promised(), before);
    CHECK_EQ(gamp_num_goroutine(), alive);
    CHECK_EQ(records(), made);
    gamp_chan_unref(crowd.gate);
}

/* A guard that cannot be made is counted, and the goroutine runs. */
TEST_GO(stacks_without_guards)
{
    struct stack_stats s;
    int n;

    crowd.gate = gamp_chan_new(0, 0);
    stack_stats_read(&s);
    CHECK_EQ(s.unguarded, 0);
    for (int kind = GUARD_LIGHT; kind <= GUARD_PROTECT; kind++) {
        vm_guard_force((enum guard_kind)kind);
        arm(kind == GUARD_LIGHT ? SYS_madvise : SYS_mprotect, -ENOMEM, 0);
        fault.every = true;
        n = stand_up(kind * 500, NULL); /* the stacks of the first kind, and as many again */
        while (load_relaxed(&ran) < n)
            gamp_gosched();
        disarm();
        CHECK_EQ(n, kind * 500);
        let_go(n);
        stack_stats_read(&s);
        CHECK_GE(s.unguarded, (uint64_t)kind * 400);
    }
    gamp_chan_unref(crowd.gate);
}

/* --- Ps --------------------------------------------------------------------------------------- */

TEST_GO(processors_without_memory)
{
    int before, now;

    gamp_gomaxprocs(2);
    for (int at = 0; at < 6; at++) {
        arm(SYS_mmap, -ENOMEM, at);
        fault.every = true;
        before = gamp_gomaxprocs(0);
        CHECK_EQ(gamp_gomaxprocs(1000), before);
        disarm();
        now = gamp_gomaxprocs(0);
        CHECK_GE(now, before);
        CHECK_LE(now, 1000);
        spawn_many();
    }
    CHECK_EQ(gamp_gomaxprocs(1000), now);
    CHECK_EQ(gamp_gomaxprocs(2), 1000);
    spawn_many();
}

/* --- threads ---------------------------------------------------------------------------------- */

static int blocked, unblock[2];

static void block_in_read(void)
{
    char c;

    fetch_add_relaxed(&blocked, 1);
    while (read(unblock[0], &c, 1) < 0)
        CHECK_EQ(errno, EINTR);
    fetch_add_relaxed(&ran, 1);
}

/* A thread that the runtime did not make: the runtime may have none left for main. */
static void *end_of_drought(void *arg)
{
    while (!faulted())
        usleep(500);
    usleep(2000);
    disarm();
    return arg;
}

/* While there are no threads, those who block in the kernel keep theirs and the others wait; when
 * there are again, all goes on. */
TEST_GO_WITHIN(no_threads_for_a_while, 40)
{
    int n = 0;
    gamp_waitgroup wg = {0};
    pthread_t t;

    gamp_gomaxprocs(2);
    CHECK_EQ(pipe(unblock), 0);
    for (int turn = 0; turn < 3; turn++) {
        ran = blocked = n = 0;
        arm(SYS_clone, -EAGAIN, turn);
        fault.every = true;
        CHECK_EQ(pthread_create(&t, NULL, end_of_drought, NULL), 0);
        /* The threads of the turn before are there still, and some to spare: so many that one must
         * be made. */
        do {
            for (int i = 0; i < 20; i++, n++)
                CHECK_EQ(gamp_waitgroup_go(&wg, block_in_read), 0);
            while (load_relaxed(&blocked) < n)
                gamp_sleep(GAMP_MILLISECOND);
        } while (!faulted());
        for (int i = 0; i < n; i++)
            CHECK_EQ(write(unblock[1], "x", 1), 1);
        gamp_waitgroup_wait(&wg);
        CHECK_EQ(ran, n);
        CHECK_EQ(pthread_join(t, NULL), 0);
    }
}

/* --- objects ---------------------------------------------------------------------------------- */

static void nothing(void *arg)
{
    (void)arg;
}

static int returns_nothing(gamp_context *c, void *arg)
{
    (void)c;
    (void)arg;
    return 0;
}

static int chans(void)
{
    gamp_chan *c = gamp_chan_new(8, 100), *s = gamp_chan_new(0, 1000);
    int err = c && s ? 0 : -ENOMEM;

    if (!err)
        CHECK_EQ(gamp_chan_cap(c), 100);
    gamp_chan_unref(c);
    gamp_chan_unref(s);
    return err;
}

static int timers(void)
{
    gamp_timer *t = gamp_timer_new(GAMP_HOUR), *f = gamp_after_func(GAMP_HOUR, nothing, NULL),
               *k = gamp_ticker_new(GAMP_HOUR);
    int err = t && f && k ? 0 : -ENOMEM;

    gamp_timer_free(t);
    gamp_timer_free(f);
    gamp_timer_free(k);
    return err;
}

static int contexts(void)
{
    gamp_context *a = gamp_context_with_cancel(gamp_context_background()),
                 *b = a ? gamp_context_with_timeout(a, GAMP_HOUR) : NULL,
                 *c = b ? gamp_context_with_value(b, "k", &ran) : NULL;
    gamp_group g;
    int err = c ? gamp_group_init(&g, c) : -ENOMEM;

    if (!err) {
        err = gamp_group_go(&g, returns_nothing, NULL);
        CHECK_EQ(gamp_group_wait(&g), 0);
    }
    gamp_context_unref(c);
    gamp_context_unref(b);
    gamp_context_unref(a);
    return err;
}

static int maps(void)
{
    gamp_map *m = gamp_map_new();
    int err = m ? 0 : -ENOMEM;
    char key[16];

    for (int i = 0; i < 200 && !err; i++) {
        void *v;

        snprintf(key, sizeof key, "key %d", i);
        err = gamp_map_store(m, (gamp_bytes){key, strlen(key)}, &ran);
        /* What failed is not there; what was there before is. */
        CHECK_EQ(gamp_map_load(m, (gamp_bytes){key, strlen(key)}, &v), err == 0);
        CHECK(i == 0 || gamp_map_load(m, GAMP_BYTES("key 0"), &v));
    }
    if (m)
        gamp_map_free(m);
    return err;
}

static int pools(void)
{
    static gamp_pool p;
    int x;

    gamp_pool_init(&p, NULL, NULL);
    gamp_pool_put(&p, &x);
    gamp_pool_put(&p, &x);
    gamp_pool_free(&p);
    return 0;
}

static int signals(void)
{
    gamp_chan *c = gamp_chan_of(int, 1);
    int err = c ? gamp_signal_notify(c, SIGUSR1) : -ENOMEM;

    if (!err) {
        int sig = 0;

        /* To the process: its thread may have it blocked while there is no handler. */
        CHECK_EQ(kill(getpid(), SIGUSR1), 0);
        CHECK_EQ(gamp_chan_recv_until(c, &sig, gamp_now() + GAMP_HOUR), 0);
        CHECK_EQ(sig, SIGUSR1);
    }
    if (c)
        CHECK_EQ(gamp_signal_stop(c), 0);
    gamp_chan_unref(c);
    return err;
}

static int sockets(void)
{
    char where[64];
    int lfd = gamp_listen("tcp", "127.0.0.1:0"), fd, err = lfd < 0 ? lfd : 0;

    if (err)
        return err;
    CHECK_GT(gamp_local_addr(lfd, where, sizeof where), 0);
    fd = gamp_dial("tcp", where, gamp_now() + 10 * GAMP_SECOND);
    err = fd < 0 ? fd : 0;
    gamp_close(fd);
    gamp_close(lfd);
    return err;
}

static int unixes(void)
{
    char path[64];
    int fd, saved = errno, err;

    snprintf(path, sizeof path, "/tmp/gamp-faults-%d", (int)getpid());
    fd = gamp_listen("unix", path);
    err = fd < 0 ? fd : 0;
    CHECK_EQ(access(path, F_OK) == 0, err == 0);
    errno = saved;
    gamp_close(fd);
    CHECK_EQ(errno, saved);
    CHECK(access(path, F_OK) < 0);
    errno = saved;
    return err;
}

static int resolving(void)
{
    gamp_addr a[8];
    int n = gamp_resolve("localhost", a, 8, gamp_now() + 10 * GAMP_SECOND);

    CHECK(n != 0);
    /* A bare system knows no localhost, or has nobody to ask. */
    return n == -ENOENT || n == -EAGAIN || n > 0 ? 0 : n;
}

static int processes(void)
{
    const char *const argv[] = {"true", NULL};
    gamp_process p;
    int err = gamp_exec(argv, NULL, &p);

    if (!err)
        CHECK_EQ(gamp_process_wait(&p, GAMP_NEVER), 0);
    return err;
}

static int waits(void)
{
    gamp_sem s = {0};
    int fd[2], err;

    CHECK_EQ(gamp_sem_acquire_until(&s, 1, gamp_now() + 10 * GAMP_MICROSECOND), -ETIMEDOUT);
    gamp_sleep(GAMP_MICROSECOND);
    CHECK_EQ(pipe(fd), 0);
    err = gamp_fd_register(fd[0]);
    if (!err)
        CHECK_EQ(gamp_fd_wait(fd[0], 1, gamp_now() + 10 * GAMP_MICROSECOND), -ETIMEDOUT);
    gamp_close(fd[0]);
    gamp_close(fd[1]);
    return err;
}

static const struct scenario {
    const char *name;
    int (*run)(void);
} scenarios[] = {
    {"chans", chans},         {"timers", timers},       {"contexts", contexts}, {"maps", maps},
    {"pools", pools},         {"signals", signals},     {"sockets", sockets},   {"unixes", unixes},
    {"resolving", resolving}, {"processes", processes}, {"waits", waits},
};

/* Each call of the number that this thread makes for the scenario fails once. */
static int fail_in_turn(const struct scenario *s, long number, long error)
{
    int err, seen = 0;

    for (int at = 0; at < 500; at++) {
        arm(number, error, at);
        errno = 4242;
        err = s->run();
        disarm();
        CHECK_MSG(errno == 4242, "%s: call %ld, number %d: errno %d", s->name, number, at, errno);
        if (!faulted())
            break;
        seen++;
        CHECK_MSG(err == 0 || err == error || err == -ENOMEM || err == -EAGAIN,
                  "%s: call %ld, number %d: %d", s->name, number, at, err);
        err = s->run();
        CHECK_MSG(err == 0, "%s: after call %ld, number %d: %d", s->name, number, at, err);
    }
    CHECK_EQ(err, 0);
    return seen;
}

TEST_GO_WITHIN(objects_without_memory, 60)
{
    int64_t alive = gamp_num_goroutine();

    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        int seen = fail_in_turn(&scenarios[i], FAULT_MALLOC, -ENOMEM);

        CHECK_MSG(seen > 0 || scenarios[i].run == pools || scenarios[i].run == waits,
                  "%s allocates nothing", scenarios[i].name);
    }
    for (int i = 0; i < 1000 && gamp_num_goroutine() > alive; i++)
        gamp_sleep(GAMP_MILLISECOND);
    CHECK_EQ(gamp_num_goroutine(), alive);
}

TEST_GO_WITHIN(objects_without_mappings, 60)
{
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        fail_in_turn(&scenarios[i], SYS_mmap, -ENOMEM);
}

TEST_GO_WITHIN(objects_without_threads, 60)
{
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        fail_in_turn(&scenarios[i], SYS_clone, -EAGAIN);
}

TEST_GO_WITHIN(objects_without_descriptors, 60)
{
    fail_in_turn(&scenarios[5], SYS_eventfd2, -EMFILE);
    fail_in_turn(&scenarios[5], SYS_epoll_ctl, -ENOSPC);
    fail_in_turn(&scenarios[10], SYS_epoll_ctl, -ENOMEM);
    fail_in_turn(&scenarios[7], SYS_epoll_ctl, -ENOMEM);
    fail_in_turn(&scenarios[7], SYS_listen, -ENOMEM);
    fail_in_turn(&scenarios[7], SYS_bind, -ENOMEM);
}

/* --- operations, which need nothing ----------------------------------------------------------- */

enum { TURNS = 300 };

static struct {
    gamp_chan *a, *b, *signal;
    gamp_mutex mutex;
    gamp_rwmutex rw;
    gamp_cond cond;
    gamp_sem sem;
    gamp_waitgroup turn;
    int turns; /* mutex */
} op;

static void answers(void)
{
    int v = 0, w = 0;

    for (int i = 0; i < TURNS; i++) {
        switch (i % 3) {
        case 0:
            CHECK(gamp_chan_recv(op.a, &v));
            break;
        case 1:
            CHECK_EQ(gamp_chan_recv_until(op.a, &v, gamp_now() + GAMP_HOUR), 0);
            break;
        default:
            CHECK_EQ(gamp_select(GAMP_RECV(op.b, &w), GAMP_AT(gamp_now() + GAMP_HOUR),
                                 GAMP_RECV(op.signal, NULL), GAMP_RECV(NULL, &w),
                                 GAMP_SEND(NULL, &w), GAMP_RECV(op.a, &v)),
                     5);
        }
        gamp_mutex_lock(&op.mutex);
        op.turns = v;
        gamp_cond_signal(&op.cond);
        gamp_mutex_unlock(&op.mutex);
        gamp_sem_release(&op.sem, 1);
        gamp_waitgroup_done(&op.turn);
        gamp_rwmutex_rlock(&op.rw);
        gamp_sleep(i % 50 ? 0 : GAMP_MICROSECOND);
        gamp_rwmutex_runlock(&op.rw);
    }
}

static void asks(void)
{
    for (int i = 0; i < TURNS; i++) {
        gamp_waitgroup_add(&op.turn, 1);
        if (i % 2)
            gamp_chan_send(op.a, &i);
        else
            CHECK_EQ(gamp_select(GAMP_SEND(op.a, &i), GAMP_RECV(op.signal, NULL)), 0);
        gamp_mutex_lock(&op.mutex);
        while (op.turns != i)
            gamp_cond_wait(&op.cond, &op.mutex);
        gamp_mutex_unlock(&op.mutex);
        CHECK_EQ(gamp_sem_acquire_until(&op.sem, 1, gamp_now() + GAMP_HOUR), 0);
        gamp_waitgroup_wait(&op.turn);
        CHECK_EQ(gamp_chan_try_recv(op.b, NULL), -EAGAIN);
        CHECK_EQ(gamp_chan_recv_until(op.b, NULL, gamp_now() + GAMP_MICROSECOND), -ETIMEDOUT);
        gamp_rwmutex_lock(&op.rw);
        gamp_rwmutex_unlock(&op.rw);
    }
}

/* No operation on what is there asks malloc for anything, however it waits. (The runtime may make
 * threads meanwhile, which do.) */
TEST_GO_WITHIN(operations_allocate_nothing, 60)
{
    gamp_waitgroup wg = {0};

    op.a = gamp_chan_of(int, 0);
    op.b = gamp_chan_of(int, 3);
    op.signal = gamp_chan_new(0, 0);
    for (int round = 0; round < 2; round++) {
        op.turns = -1;
        CHECK_EQ(gamp_waitgroup_go(&wg, answers), 0);
        arm(FAULT_MALLOC, -ENOMEM, 0);
        fault.goroutines = fault.every = true;
        asks();
        gamp_waitgroup_wait(&wg);
        disarm();
        CHECK(!faulted());
    }
    gamp_chan_unref(op.a);
    gamp_chan_unref(op.b);
    gamp_chan_unref(op.signal);
}

/* The same without a runtime, where threads do what goroutines would. */
TEST_WITHIN(objects_without_memory_before_the_run, 60)
{
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        if (scenarios[i].run != contexts) /* a group needs goroutines */
            fail_in_turn(&scenarios[i], FAULT_MALLOC, -ENOMEM);
}
