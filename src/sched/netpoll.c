/* SPDX-License-Identifier: BSD-3-Clause */
/* netpoll: one epoll instance; every descriptor is registered once, for everything.
 *
 * An event's data is the descriptor's number and the sequence number of its registration, never a
 * pointer, so a late event of a closed descriptor finds a table entry and is dropped there.
 *
 * netpollbreak: an eventfd, level-triggered. breaking goes 0 -> 1 by the one who writes and back by
 * the blocking poll that drains it. Polls beside that one, which do not block or are sysmon's, see
 * it and leave it, or they would take the wake-up of the one that sleeps. While none blocks, sysmon
 * may sleep there, be broken, and drain it (break_beside).
 *
 * epoll_pwait2 gives nanoseconds. It is missing before Linux 5.11 and under some emulators and
 * sandboxes, which differ in what they answer, so it is used only after it has delivered an event
 * and kept a time-out here. The way without it is epoll_pwait, whose milliseconds are rounded up:
 * an early return would make the scheduler spin.
 *
 * A process that forks before it runs gamp (servers that share a listener do) leaves its child an
 * epoll instance that is one with its own; so until the runtime runs, whoever touches it looks
 * whether it is his, and makes one of his own if not.
 *
 * A program may close what is not its own (all numbers from 3 on, say). Whoever then finds the
 * instance or the eventfd gone makes new ones, registers in them what is still open, and wakes the
 * one who sleeps in the old instance, by the signal that preemption uses. */
#include "sched/netpoll.h"
#include "base/throw.h"
#include "lock/mutex.h"
#include "os/linux/clock.h"
#include "os/linux/futex.h"
#include "os/linux/highfd.h"
#include "os/linux/sigaction.h"
#include "os/linux/sys.h"
#include "sched/aside.h"
#include "sched/polldesc.h"
#include "sched/proc.h"
#include "sched/schedt.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#define NETPOLL_EVENTS 128
#define DATA_BREAK UINT64_MAX

static struct mutex init_lock = MUTEX_INIT(LOCK_LEAF);

/* What blocking polls sleep on. There is a poller even without descriptors for it (the limit may be
 * reached when the runtime starts): it then knows timers and breaks alone. */
enum state { STATE_NONE, STATE_FUTEX, STATE_EPOLL };

static uint32_t state; /* atomic; epfd and breakfd are settled before it is STATE_EPOLL */
static int epfd = -1, breakfd = -1;
static bool have_pwait2;
static int owner; /* the process that made it */
static uint32_t breaking;
static uint32_t generation;               /* atomic; of epfd and breakfd */
static int sleeper;                       /* atomic: the tid of the blocking poll */
static int32_t waiters cacheline_aligned; /* atomic */

static const int64_t beside_a_break = 1000 * 1000;

static bool recover(void);

static int wait_ms(struct epoll_event *ev, int n, int64_t delay)
{
    int ms = -1;

    if (delay == 0)
        ms = 0;
    else if (delay > 0)
        ms = delay < INT64_C(1000000000000) ? (int)((delay + 999999) / 1000000) : 1000000;
    return (int)sys_call(SYS_epoll_pwait, epfd, ev, n, ms, 0, 0);
}

static int wait_ns(struct epoll_event *ev, int n, int64_t delay)
{
    struct timespec ts = {.tv_sec = delay / 1000000000, .tv_nsec = delay % 1000000000};

#ifdef SYS_epoll_pwait2
    return (int)sys_call(SYS_epoll_pwait2, epfd, ev, n, delay < 0 ? NULL : &ts, 0, 0);
#else
    return (int)sys_call(441, epfd, ev, n, delay < 0 ? NULL : &ts, 0, 0);
#endif
}

static int break_drain(void)
{
    uint64_t count;

    return (int)sys_read(breakfd, &count, sizeof count);
}

static bool probe_pwait2(void)
{
    struct epoll_event ev = {0};
    uint64_t one = 1;
    bool works;

    if (sys_write(breakfd, &one, sizeof one) != sizeof one)
        return false;
    works = wait_ns(&ev, 1, 0) == 1 && ev.data.u64 == DATA_BREAK && (ev.events & EPOLLIN);
    break_drain();
    return works && wait_ns(&ev, 1, 1000) == 0;
}

static int break_write_once(void)
{
    uint64_t one = 1;
    int n;

    do
        n = (int)sys_write(breakfd, &one, sizeof one);
    while (n == -EINTR);
    /* -EAGAIN: the counter is full, so the descriptor is readable as it should be. */
    return n == -EAGAIN ? 0 : n;
}

static void break_write(void)
{
    int n = break_write_once();

    if (n < 0 && !recover())
        throw("netpollbreak: write to the eventfd failed with %d", -n);
}

/* Who sleeps on the futex comes back, and to the epoll instance. */
static void leave_futex(void)
{
    bool was = load_relaxed(&state) == STATE_FUTEX;

    store_release(&state, STATE_EPOLL);
    if (!was)
        return;
    store_release(&breaking, 1);
    break_write_once();
    futex_wake(&breaking, INT32_MAX);
}

static int init_locked(void)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = DATA_BREAK};
    int err;

    epfd = highfd((int)sys_call(SYS_epoll_create1, EPOLL_CLOEXEC));
    if (epfd < 0)
        return epfd;
    breakfd = highfd((int)sys_call(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (breakfd < 0) {
        err = breakfd;
        goto no_eventfd;
    }
    err = (int)sys_call(SYS_epoll_ctl, epfd, EPOLL_CTL_ADD, breakfd, &ev);
    if (err < 0)
        goto no_add;
    have_pwait2 = probe_pwait2();
    owner = sys_getpid();
    fetch_add_release(&generation, 1);
    leave_futex();
    return 0;

no_add:
    sys_close(breakfd);
no_eventfd:
    sys_close(epfd);
    epfd = breakfd = -1;
    return err;
}

static void forget(void)
{
    store_relaxed(&breaking, 0);
    if (load_relaxed(&state) != STATE_EPOLL)
        return;
    sys_close(epfd);
    sys_close(breakfd);
    epfd = breakfd = -1;
    store_release(&state, STATE_NONE);
}

/* The parent's of before a fork: its registrations are copied, the instance is let alone. */
static int inherit_locked(void)
{
    int err;

    forget();
    err = init_locked();
    if (!err)
        polldesc_reopen_all(epfd);
    return err;
}

/* Whether the two are what they were: the instance knows the eventfd by its number. */
static bool lost(void)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = DATA_BREAK};

    return sys_call(SYS_epoll_ctl, epfd, EPOLL_CTL_MOD, breakfd, &ev) < 0;
}

/* What is left of them is not closed: its number may be the program's by now. */
static bool recover_locked(void)
{
    if (load_relaxed(&state) != STATE_EPOLL || owner != sys_getpid() || !lost())
        return false;
    epfd = breakfd = -1;
    if (init_locked() < 0) {
        store_release(&state, STATE_FUTEX);
        return true;
    }
    polldesc_reopen_all(epfd);
    store_release(&breaking, 1);
    break_write_once();
    return true;
}

/* After a call failed: true if the instance was lost, and there is another one. */
static bool recover(void)
{
    bool lost_it, other;
    int tid;

    lock(&init_lock);
    lost_it = recover_locked();
    /* Somebody else may have been quicker. */
    other = load_relaxed(&state) != STATE_EPOLL || !lost();
    unlock(&init_lock);
    tid = load_acquire(&sleeper);
    if (lost_it && tid)
        sigaction_send_marked(sys_getpid(), tid, debug.preemptsignal);
    return other;
}

void netpoll_after_fork(void)
{
    mutex_init(&init_lock, LOCK_LEAF);
    forget();
}

int netpollinit(void)
{
    int err = 0;

    lock(&init_lock);
    if (load_relaxed(&state) != STATE_EPOLL)
        err = init_locked();
    else if (owner != sys_getpid())
        err = inherit_locked();
    if (load_relaxed(&state) == STATE_NONE)
        store_release(&state, STATE_FUTEX);
    unlock(&init_lock);
    return err;
}

static bool have_epoll(void)
{
    return likely(load_acquire(&state) == STATE_EPOLL);
}

uint32_t netpoll_descriptors(int fds[2])
{
    uint32_t g = load_acquire(&generation);

    fds[0] = load_relaxed(&epfd);
    fds[1] = load_relaxed(&breakfd);
    return have_epoll() ? g : 0;
}

bool netpollinited(void)
{
    return load_acquire(&state) != STATE_NONE;
}

static int control(int ep, int op, int fd, uint32_t seq)
{
    struct epoll_event ev = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET,
        .data.u64 = (uint64_t)(uint32_t)fd << 32 | seq,
    };

    return (int)sys_call(SYS_epoll_ctl, ep, op, fd, &ev);
}

static int control_own(int op, int fd, uint32_t seq)
{
    int err = 0;

    if (unlikely(!have_epoll() || sched_phase() < PHASE_RUN)) {
        /* The number may be free, and would then become that of the instance itself. */
        err = (int)sys_call(SYS_fcntl, fd, F_GETFD);
        if (err >= 0)
            err = netpollinit();
    }
    if (err < 0)
        return err;
    err = control(epfd, op, fd, seq);
    if (unlikely(err == -EBADF || err == -EINVAL || err == -ENOENT) && recover())
        err = control(epfd, op, fd, seq);
    return err;
}

int netpollopen(int fd, uint32_t seq)
{
    return control_own(EPOLL_CTL_ADD, fd, seq);
}

int netpollopen_in(int ep, int fd, uint32_t seq)
{
    return control(ep, EPOLL_CTL_ADD, fd, seq);
}

int netpollreopen(int fd, uint32_t seq)
{
    return control_own(EPOLL_CTL_MOD, fd, seq);
}

int netpollclose(int fd)
{
    return control_own(EPOLL_CTL_DEL, fd, 0);
}

int32_t netpollwaiters(void)
{
    return load_seqcst(&waiters);
}

void netpollwaiters_add(int32_t n)
{
    fetch_add_seqcst(&waiters, n);
}

void netpoll_wanted(void)
{
    /* Seqcst, after the waiter was counted: an M on its way to sleep stops spinning, then looks at
     * the count; either it sees it or wakep sees that none spins. */
    if (sched_phase() == PHASE_RUN && load_seqcst(&sched.lastpoll) != 0)
        wakep();
}

void netpollbreak(void)
{
    if (!netpollinited() || aside_blind() || !cas_seqcst(&breaking, 0, 1))
        return;
    if (have_epoll())
        break_write();
    else
        futex_wake(&breaking, INT32_MAX);
}

/* sysmon, who would sleep here for delay beside others, finds a break. If nobody blocks it is his,
 * or came too late for the one it was for, and would end each of sysmon's polls at once: so it is
 * drained. One who blocked meanwhile may have had his break taken away; then he is broken again.
 * (Who breaks him has seen lastpoll 0 before he found breaking set; all seqcst.) */
static void break_beside(int64_t delay)
{
    if (load_seqcst(&sched.lastpoll) == 0) {
        clock_sleep(MIN(delay, beside_a_break));
        return;
    }
    if (have_epoll())
        break_drain();
    store_seqcst(&breaking, 0);
    if (load_seqcst(&sched.lastpoll) == 0)
        netpollbreak();
}

static void futex_sleep(int64_t delay, bool drain)
{
    if (delay == 0)
        return;
    futex_wait(&breaking, 0, delay < 0 ? NEVER : time_add(nanotime(), delay));
    if (drain)
        store_release(&breaking, 0);
    else if (load_relaxed(&breaking))
        break_beside(delay);
}

static struct gqueue poll(int64_t delay, bool drain)
{
    struct epoll_event ev[NETPOLL_EVENTS];
    struct gqueue ready = {0};
    int n, i;

    if (unlikely(!have_epoll())) {
        futex_sleep(delay, drain);
        return ready;
    }
    if (drain)
        store_release(&sleeper, getm()->tid);
    do {
        n = have_pwait2 ? wait_ns(ev, NETPOLL_EVENTS, delay) : wait_ms(ev, NETPOLL_EVENTS, delay);
        if (n < 0 && n != -EINTR && !recover())
            throw("netpoll: epoll_wait failed with %d", -n);
        /* A timed wait goes back to its caller, who reckons anew what is left. */
    } while (n < 0 && delay < 0 && have_epoll());
    if (drain)
        store_relaxed(&sleeper, 0);

    for (i = 0; i < n; i++) {
        uint64_t data = ev[i].data.u64;

        if (data != DATA_BREAK) {
            polldesc_event((int)(data >> 32), (uint32_t)data, ev[i].events, &ready);
        } else if (drain) {
            break_drain();
            store_release(&breaking, 0);
        } else if (delay != 0) {
            break_beside(delay);
        }
    }
    return ready;
}

struct gqueue netpoll(int64_t delay)
{
    return poll(delay, delay != 0);
}

struct gqueue netpoll_beside(int64_t delay)
{
    return poll(delay, false);
}
