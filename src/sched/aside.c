/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/aside.h"
#include "lock/mutex.h"
#include "os/linux/clock.h"
#include "os/linux/cpus.h"
#include "os/linux/futex.h"
#include "os/linux/sys.h"
#include "os/linux/thread.h"
#include "sched/m.h"
#include "sched/mstart.h"
#include "sched/schedt.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

enum { OWN_FILES = 0x400 /* CLONE_FILES; <sched.h> has another name of ours */ };
enum turn { TURN_IDLE, TURN_ASKED };
enum what { THREAD_STATE, THREAD_SLEEPS, THREAD_COUNT, CPUS_AVAILABLE };

static struct {
    struct mutex lock; /* LOCK_LEAF */
    uint32_t alive;    /* atomic: the thread is there */
    uint32_t ready;    /* atomic: with a table of its own */
    uint32_t turn;     /* atomic */
    enum what what;    /* these three: whose turn it is */
    int tid;
    int64_t answer;
} aside = {.lock = MUTEX_INIT(LOCK_LEAF)};

/* Files that were looked into stay open, for the next look: to open one costs more than to read
 * it. By the thread alone. */
enum { CACHED = 64 };
static struct cached {
    int tid, fd; /* tid 0: none */
} cached[2][CACHED];

static int file_of(bool status, int tid)
{
    struct cached *c = &cached[status][(uint32_t)tid % CACHED];

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
static void forget(bool status, int tid)
{
    struct cached *c = &cached[status][(uint32_t)tid % CACHED];

    if (c->tid == tid)
        sys_close(c->fd);
    c->tid = 0;
}

static char state_of(int tid)
{
    char state = thread_state_in(file_of(false, tid));

    if (state)
        return state;
    forget(false, tid);
    return thread_state_in(file_of(false, tid));
}

static int64_t sleeps_of(int tid)
{
    int64_t v = thread_sleeps_in(file_of(true, tid));

    if (v >= 0)
        return v;
    forget(true, tid);
    return thread_sleeps_in(file_of(true, tid));
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

static int64_t ask(enum what what, int tid)
{
    int64_t answer;

    if (!load_acquire(&aside.ready) || load_relaxed(&sched.forked))
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

/* The copies of the program's descriptors go at once: they would keep its files open. */
static bool own_table(void)
{
    if (sys_call(SYS_close_range, ~0u, ~0u, 0) < 0 || sys_call(SYS_unshare, OWN_FILES) < 0)
        return false;
    return sys_call(SYS_close_range, 0u, ~0u, 0) == 0;
}

static void thread(void *arg)
{
    static struct m m;

    (void)arg;
    m_attach(&m, false);
    thread_sigmask_all();
    if (!own_table()) {
        store_release(&aside.alive, 0);
        return;
    }
    store_release(&aside.ready, 1);
    for (;;) {
        while (load_acquire(&aside.turn) == TURN_IDLE)
            futex_wait(&aside.turn, TURN_IDLE, NEVER);
        if (aside.what == THREAD_STATE)
            aside.answer = state_of(aside.tid);
        else if (aside.what == THREAD_SLEEPS)
            aside.answer = sleeps_of(aside.tid);
        else
            aside.answer = look(aside.what, aside.tid);
        store_release(&aside.turn, TURN_IDLE);
        futex_wake(&aside.turn, 1);
    }
}

void aside_start(void)
{
    store_relaxed(&aside.alive, 1);
    if (thread_create(thread, NULL, 0) < 0)
        store_relaxed(&aside.alive, 0);
}

int aside_threads(void)
{
    return (int)load_acquire(&aside.alive);
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
