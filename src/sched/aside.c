/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/aside.h"
#include "lock/mutex.h"
#include "os/linux/clock.h"
#include "os/linux/cpus.h"
#include "os/linux/futex.h"
#include "os/linux/highfd.h"
#include "os/linux/sys.h"
#include "os/linux/thread.h"
#include "sched/m.h"
#include "sched/mstart.h"
#include "sched/netpoll.h"
#include "sched/schedt.h"
#include <fcntl.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

enum { UNSHARE = 1 << 1 /* CLOSE_RANGE_UNSHARE */ };
enum state { NO_THREAD, STARTING, READY /* with a table of its own */ };
enum turn { TURN_IDLE, TURN_ASKED };
enum what { THREAD_STATE, THREAD_SLEEPS, THREAD_COUNT, CPUS_AVAILABLE };

static struct {
    struct mutex lock; /* LOCK_LEAF */
    uint32_t state;    /* atomic */
    uint32_t turn;     /* atomic */
    enum what what;    /* these three: whose turn it is */
    int tid;
    int64_t answer;
} aside = {.lock = MUTEX_INIT(LOCK_LEAF)};

/* sysmon's table. */
static struct {
    bool possible;
    bool blind;          /* it has no copies of the poller's descriptors */
    struct m *m;         /* sysmon's, once it has one */
    int process;         /* a pidfd of this process */
    uint32_t generation; /* of the poller's descriptors */
} own;

/* Files that were looked into stay open, for the next look: to open one costs more than to read
 * it. By the thread whose table they are in alone. */
enum { CACHED = 64 };
struct cached {
    int tid, fd; /* tid 0: none */
};
struct table {
    struct cached file[2][CACHED];
};
static struct table asides, sysmons;

static int file_of(struct table *t, bool status, int tid)
{
    struct cached *c = &t->file[status][(uint32_t)tid % CACHED];

    if (c->tid == tid)
        return c->fd;
    if (c->tid)
        sys_close(c->fd);
    *c = (struct cached){tid, thread_file(tid, status ? "status" : "stat")};
    if (c->fd < 0)
        c->tid = 0;
    return c->fd;
}

/* A thread that has ended may have left its number to another. */
static void forget(struct table *t, bool status, int tid)
{
    struct cached *c = &t->file[status][(uint32_t)tid % CACHED];

    if (c->tid == tid)
        sys_close(c->fd);
    c->tid = 0;
}

static char state_of(struct table *t, int tid)
{
    char state = thread_state_in(file_of(t, false, tid));

    if (state)
        return state;
    forget(t, false, tid);
    return thread_state_in(file_of(t, false, tid));
}

static int64_t sleeps_of(struct table *t, int tid)
{
    int64_t v = thread_sleeps_in(file_of(t, true, tid));

    if (v >= 0)
        return v;
    forget(t, true, tid);
    return thread_sleeps_in(file_of(t, true, tid));
}

static int64_t look(enum what what, int tid)
{
    switch (what) {
    case THREAD_STATE:
        return thread_state(tid);
    case THREAD_SLEEPS:
        return thread_sleeps(tid);
    case THREAD_COUNT:
        return thread_count();
    case CPUS_AVAILABLE:
        return cpus_available();
    }
    return -1;
}

static int64_t look_cached(struct table *t, enum what what, int tid)
{
    if (what == THREAD_STATE)
        return state_of(t, tid);
    if (what == THREAD_SLEEPS)
        return sleeps_of(t, tid);
    return look(what, tid);
}

/* Until the thread has its table, or there is none: whether it has. */
static bool await_ready(void)
{
    while (load_acquire(&aside.state) == STARTING)
        futex_wait(&aside.state, STARTING, NEVER);
    return load_relaxed(&aside.state) == READY;
}

static void set_state(enum state state)
{
    store_release(&aside.state, state);
    futex_wake(&aside.state, INT32_MAX);
}

static int64_t ask(enum what what, int tid)
{
    int64_t answer;

    if (own.m && thism() == own.m && !load_relaxed(&sched.forked))
        return look_cached(&sysmons, what, tid);
    if (load_relaxed(&sched.forked) || !await_ready())
        return look(what, tid);
    lock(&aside.lock);
    aside.what = what;
    aside.tid = tid;
    store_release(&aside.turn, TURN_ASKED);
    futex_wake(&aside.turn, 1);
    while (load_acquire(&aside.turn) == TURN_ASKED)
        futex_wait(&aside.turn, TURN_ASKED, NEVER);
    answer = aside.answer;
    unlock(&aside.lock);
    return answer;
}

/* Not even for a moment are there copies of the program's: they would keep its files open. */
static bool own_table(void)
{
    return sys_call(SYS_close_range, 0u, ~0u, UNSHARE) == 0;
}

static void thread(void *arg)
{
    static struct m m;

    (void)arg;
    m_attach(&m, false);
    thread_sigmask_all();
    if (!own_table()) {
        set_state(NO_THREAD);
        return;
    }
    set_state(READY);
    for (;;) {
        while (load_acquire(&aside.turn) == TURN_IDLE)
            futex_wait(&aside.turn, TURN_IDLE, NEVER);
        aside.answer = look_cached(&asides, aside.what, aside.tid);
        store_release(&aside.turn, TURN_IDLE);
        futex_wake(&aside.turn, 1);
    }
}

/* The program's descriptor fd under the same number here. */
static bool fetch(int fd)
{
    int copy = (int)sys_call(SYS_pidfd_getfd, own.process, fd, 0);
    bool ok = copy >= 0;

    if (ok && copy != fd) {
        ok = sys_call(SYS_dup3, copy, fd, O_CLOEXEC) >= 0;
        sys_close(copy);
    }
    return ok;
}

/* Tried by who starts the runtime, before there is a thread that could be left with nothing. */
static bool can_fetch(void)
{
    int fds[2], copy, process = highfd((int)sys_call(SYS_pidfd_open, sys_getpid(), 0));

    if (process < 0)
        return false;
    copy = netpoll_descriptors(fds) ? (int)sys_call(SYS_pidfd_getfd, process, fds[0], 0) : -1;
    copy = highfd(copy);
    if (copy >= 0)
        sys_close(copy);
    sys_close(process);
    return copy >= 0;
}

/* The program's limit of descriptors may have fallen below their numbers: tried again later. */
static void fetch_all(uint32_t generation, const int fds[2])
{
    bool ok = fetch(fds[0]) && fetch(fds[1]);

    own.blind = !ok;
    own.generation = ok ? generation : 0;
}

void aside_own(void)
{
    int fds[2];
    uint32_t generation = netpoll_descriptors(fds);

    await_ready();
    if (!own.possible || !generation || !own_table())
        return;
    own.process = (int)sys_call(SYS_pidfd_open, sys_getpid(), 0);
    if (!fetch(2))
        sys_call(SYS_dup3, own.process, 2, O_CLOEXEC); /* keeps the number */
    fetch_all(generation, fds);
    own.m = thism();
}

void aside_refresh(void)
{
    int fds[2];
    uint32_t generation = netpoll_descriptors(fds);

    if (!own.m || generation == own.generation || !generation)
        return;
    /* Files that were looked into may have the numbers. */
    for (int i = 0; i < 2 * CACHED; i++) {
        struct cached *c = &sysmons.file[i / CACHED][i % CACHED];

        if (c->tid)
            sys_close(c->fd);
        c->tid = 0;
    }
    fetch_all(generation, fds);
}

bool aside_blind(void)
{
    return own.blind && thism() == own.m;
}

void aside_stderr(void)
{
    if (own.m && thism() == own.m)
        fetch(2);
}

void aside_start(void)
{
    own.possible = can_fetch();
    store_relaxed(&aside.state, STARTING);
    if (thread_create(thread, NULL, 0) < 0)
        set_state(NO_THREAD);
}

int aside_threads(void)
{
    return load_acquire(&aside.state) != NO_THREAD;
}

char aside_thread_state(int tid)
{
    return (char)ask(THREAD_STATE, tid);
}

int64_t aside_thread_sleeps(int tid)
{
    return ask(THREAD_SLEEPS, tid);
}

int aside_thread_count(void)
{
    return (int)ask(THREAD_COUNT, 0);
}

int aside_cpus_available(void)
{
    return (int)ask(CPUS_AVAILABLE, 0);
}
