/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/preempt.h"
#include "base/throw.h"
#include "event/event.h"
#include "os/linux/clock.h"
#include "os/linux/rewind.h"
#include "os/linux/sigaction.h"
#include "os/linux/sys.h"
#include "os/linux/thread.h"
#include "sched/aside.h"
#include "sched/begin.h"
#include "sched/freeze.h"
#include "sched/globq.h"
#include "sched/mlife.h"
#include "sched/mstart.h"
#include "sched/netpoll.h"
#include "sched/schedt.h"
#include "sched/syscall.h"
#include <errno.h>
#include <signal.h>
#include <string.h>

enum { UNANSWERED = 16, BURN_LOOK = 15 * 1000, POLL_STALE = 20 * 1000 * 1000 };

static const int64_t hog_slice = 10 * 1000 * 1000;
static struct mutex slice_lock = MUTEX_INIT(LOCK_LEAF);

/* The program's own handlers of our signal, each with a handler of ours that calls it: when the
 * program puts back what it had found and saved, that is the one which goes with what was there
 * then. Written by whoever finds one in place of ours (check_lock), a slot at a time: a handler on
 * another thread may still read another. */
enum { CHAINS = 8 };
static struct sigaction_raw chained[CHAINS];
static struct mutex check_lock = MUTEX_INIT(LOCK_LEAF);

void preemptone(struct p *pp)
{
    struct m *m = load_acquire(&pp->m);

    if (!m)
        return;
    store_release(&pp->preempt, 1);
    store_relaxed(&m->guard, GUARD_ASK);
}

void preempt_signal(struct m *m)
{
    if (debug.asyncpreemptoff || load_relaxed(&m->inruntime))
        return;
    /* A request that is still pending is not repeated, but for one that the program's handler or
     * mask may have swallowed. */
    if (xchg_acqrel(&m->signal_pending, 1) != 0 &&
        fetch_add_relaxed(&m->unanswered, 1) % UNANSWERED != UNANSWERED - 1)
        return;
    preempt_check_handler();
    sigaction_send_marked(sys_getpid(), m->tid, debug.preemptsignal);
}

bool preempt_burning(const struct m *m, int64_t cpu, int64_t wall, int64_t *sleeps)
{
    int64_t before = *sleeps;

    if (wall < BURN_LOOK || cpu <= 0)
        return false;
    if (cpu > wall - wall / 4)
        return aside_thread_state(m->tid) == 'R';
    /* It had a part of the time: it slept, or had to wait for a CPU. The kernel counts the
     * sleeps. */
    *sleeps = aside_thread_sleeps(m->tid);
    return *sleeps >= 0 && *sleeps == before;
}

void preempt_slice(struct m *m, bool hog)
{
    if (hog ? load_relaxed(&m->slice) != 0 : load_relaxed(&m->slice) <= 0)
        return;
    lock(&slice_lock);
    if (!hog && m->slice > 0) {
        thread_slice(m->tid, m->slice);
        store_relaxed(&m->slice, 0);
    } else if (hog && m->slice == 0) {
        store_relaxed(&m->slice, thread_slice(m->tid, hog_slice));
    }
    unlock(&slice_lock);
}

void preemptall(void)
{
    int64_t now = nanotime();

    for (int32_t i = 0; i < load_relaxed(&gomaxprocs); i++) {
        struct p *pp = allp[i];
        struct m *m = load_acquire(&pp->m);
        int64_t cpu;

        if (!m || m == getm() || load_acquire(&pp->status) != Prunning)
            continue;
        preemptone(pp);
        if (load_acquire(&m->inruntime))
            continue;
        cpu = thread_cputime(m->cpuclock);
        if (m->stw.switches != load_relaxed(&m->switches))
            m->stw.sleeps = -1;
        else if (preempt_burning(m, cpu - m->stw.cpu, now - m->stw.at, &m->stw.sleeps))
            preempt_signal(m);
        m->stw.switches = load_relaxed(&m->switches);
        m->stw.cpu = cpu;
        m->stw.at = now;
    }
}

/* Nothing would come before the goroutines that were stopped. sched.lock held. */
static bool only_hogs(struct p *pp)
{
    const struct g *gp = sched.hogq.head;
    int64_t now = nanotime();

    return gp && gp->x && gp->run.pinm && sched.runq.n == 0 && !runqwaits(pp) && !begin_due() &&
           load_relaxed(&pp->timers.minwhen) > now &&
           (netpollwaiters() == 0 || now - load_relaxed(&sched.lastpoll) < POLL_STALE);
}

/* Somebody else to hold the P while gp sleeps here: an idle M, or the M of a goroutine that was
 * stopped like this one and is next in line; that one at once where an idle M would only hand it
 * the P in turn. NULL: nobody, and gp goes on. sched.lock held. */
static struct m *successor(struct m *m, struct p *pp)
{
    struct m *next;
    struct g *gp;

    if (!only_hogs(pp)) {
        next = mget();
        if (next)
            return next;
        template_wake();
    }
    gp = globrunqget_pinned(m);
    return gp ? gp->run.pinm : NULL;
}

/* What sysmon wants to know of the run that begins: it need not come and see. */
static void note_resumed(struct m *m)
{
    m->resumed.cpu = thread_cputime(m->cpuclock);
    m->resumed.at = nanotime();
    m->resumed.sleeps = thread_sleeps_own();
    store_relaxed(&m->resumed.tick, m->switches + 1);
    store_release(&m->switches, m->switches + 1);
}

/* Sleeps in the handler until the scheduler hands a P, or the program ends. sched.lock held;
 * released. */
static void sleep_here(struct m *m, struct g *gp, struct m *next, struct p *pp)
{
    gp->run.pinm = m;
    gp->flags |= GFLAG_HOG;
    gp->waitreason = WAIT_PREEMPTED;
    casgstatus(gp, Grunning, Grunnable);
    globrunqputhog(gp);
    m->pinned = true;
    store_relaxed(&sched.pinned_now, sched.pinned_now + 1);
    if (next) {
        /* Without: a stray that was on its way to a call, or one in the way of a stop of the world,
         * which may be no hog: one that is will be stopped again. */
        begin_stopped(m, gp);
        wake_m(next, pp);
    } else {
        unlock(&sched.lock);
    }
    lock(&sched.lock);
    if (load_relaxed(&sched.phase) >= PHASE_STOPPING) {
        unpin(m);
        unlock(&sched.lock);
    } else {
        sleep_m(m, PARKED_HANDLER);
    }
    if (m->p) {
        gp->run.pinm = NULL;
        casgstatus(gp, Grunnable, Grunning);
        store_relaxed(&m->curg, gp);
        gp->waitreason = WAIT_NONE;
        preempt_slice(m, true);
        note_resumed(m);
        store_relaxed(&m->guard, gp->run.stackguard0);
        event_emit(EV_GO_START, gp->goid, (uint64_t)m->p->id);
    } else {
        /* The end: on as a stray, to its next call. It stays pinned: it may still be in a queue,
         * and an M that has not yet seen the end must not take it for one that can be switched
         * to. */
        store_release(&m->stolen, STOLEN_TAKEN);
        store_relaxed(&m->guard, GUARD_ASK);
    }
}

/* A stray that burns CPU: gets an idle P, or waits for its turn. */
static void stop_stray(struct m *m, struct g *gp)
{
    if (load_relaxed(&sched.phase) >= PHASE_STOPPING || stray_acquire(m))
        return;
    lock(&sched.lock);
    if (!sched.gcwaiting && sched.pidle) {
        /* It has become idle meanwhile, perhaps because there was no M for it. */
        struct p *pp = pidleget();

        unlock(&sched.lock);
        acquirep(m, pp);
        return;
    }
    event_emit(EV_GO_SCHED, gp->goid, 2);
    fetch_add_relaxed(&sched.preemptions, 1);
    sleep_here(m, gp, NULL, NULL);
}

static void stop_owner(struct m *m, struct g *gp)
{
    struct p *pp = m->p;
    struct m *next = NULL;

    if (!load_acquire(&pp->preempt) && !load_acquire(&sched.gcwaiting))
        return;
    store_relaxed(&pp->preempt, 0);
    m->switches++; /* see entry_slow */
    store_relaxed(&m->guard, gp->run.stackguard0);
    lock(&sched.lock);
    if (sched.gcwaiting) {
        releasep(m);
        stw_stopped(pp);
    } else {
        if (!others_wait(pp) || !(next = successor(m, pp))) {
            unlock(&sched.lock);
            return;
        }
        releasep(m);
    }
    event_emit(EV_GO_SCHED, gp->goid, 2);
    fetch_add_relaxed(&sched.preemptions, 1);
    sleep_here(m, gp, next, pp);
}

/* Stops the goroutine here, if here is user code. */
static void stop(struct m *m, struct g *gp)
{
    if (load_relaxed(&m->inruntime) || gp->kind > GSYSTEM || m->curg != gp || m->locks)
        return;
    store_relaxed(&m->inruntime, 1);
    compiler_barrier();
    if (stray_entering(m))
        stop_stray(m, gp);
    else if (load_relaxed(&sched.phase) == PHASE_RUN)
        stop_owner(m, gp);
    compiler_barrier();
    store_release(&m->inruntime, 0);
}

static void handle(const struct sigaction_raw *chain, int sig, siginfo_t *info, void *context)
{
    struct g *gp = getg();
    bool marked = sigaction_is_mark(info), again;

    freeze_check(context);
    /* First, for a signal of the program's that came together with ours: it should not wait for the
     * goroutine's turn. */
    if (!marked)
        sigaction_chain(chain, sig, info, context);
    /* A call that was cut short as it began is made again at once, and the request stands: asleep
     * in there the goroutine is in nobody's way. Also where nothing is asked any more: two signals
     * may have come for one request. */
    again = marked && rewind_syscall(context, sig);
    if (gp && gp->kind != GFOREIGN && !load_relaxed(&sched.forked)) {
        struct m *m = gp->run.m;

        if (xchg_acqrel(&m->signal_pending, 0) && !again) {
            store_release(&m->context, context);
            stop(m, gp);
            store_release(&m->context, NULL);
            freeze_check(context);
        }
    }
}

void preempt_init(void)
{
    preempt_check_handler();
}

#define HANDLER(n)                                                                                 \
    static void handler##n(int sig, siginfo_t *info, void *context)                                \
    {                                                                                              \
        handle(&chained[n], sig, info, context);                                                   \
    }
HANDLER(0)
HANDLER(1)
HANDLER(2)
HANDLER(3)
HANDLER(4)
HANDLER(5)
HANDLER(6)
HANDLER(7)

static sighandler *const handlers[CHAINS] = {handler0, handler1, handler2, handler3,
                                             handler4, handler5, handler6, handler7};

static bool is_own(const struct sigaction_raw *sa)
{
    for (int i = 0; i < CHAINS; i++)
        if (sigaction_is(sa, handlers[i]))
            return true;
    return false;
}

/* One that is known keeps its slot; after that many they take turns. check_lock held. */
static int slot_for(const struct sigaction_raw *sa)
{
    static int used;

    for (int i = 0; i < MIN(used, (int)CHAINS); i++)
        if (memcmp(&chained[i], sa, sizeof *sa) == 0)
            return i;
    used = used < 2 * CHAINS - 1 ? used + 1 : CHAINS;
    return (used - 1) % CHAINS;
}

void preempt_check_handler(void)
{
    struct sigaction_raw now;

    if (sigaction_read(debug.preemptsignal, &now) < 0 || is_own(&now))
        return;
    lock(&check_lock);
    now = (struct sigaction_raw){0};
    if (sigaction_read(debug.preemptsignal, &now) == 0 && !is_own(&now)) {
        int slot = slot_for(&now);

        chained[slot] = now;
        sigaction_install(debug.preemptsignal, handlers[slot], NULL);
    }
    unlock(&check_lock);
}

void preempt_release_all(void)
{
    for (struct m *m = load_acquire(&sched.allm);; m = m->alllink) {
        if (m) {
            store_relaxed(&m->guard, GUARD_ASK);
            lock(&sched.lock);
            if (m->parkedin == PARKED_HANDLER)
                wake_m(m, NULL);
            else
                unlock(&sched.lock);
        }
        if (!m || m->alllink == m)
            break;
    }
}
