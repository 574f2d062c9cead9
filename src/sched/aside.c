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
