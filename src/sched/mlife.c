/* SPDX-License-Identifier: BSD-3-Clause */
/* mlife: see mlife.h.
 *
 * An M sleeps on its note in three places: idle, with a locked goroutine, or in the preemption
 * handler with a stopped one. m->parkedin says where, under sched.lock; whoever wakes it clears
 * that and sets nextp in the same hold, so there is one waker and no wake-up is lost: an M that
 * finds nextp set before it sleeps does not sleep.
 *
 * Threads are made by the template thread alone: pthread_create takes locks of libc that a
 * goroutine stopped by preemption may hold, and no P may wait for those. One idle M is kept in
 * reserve, so that a P is handed on without waiting for a new thread; a few while goroutines are
 * stopped (begin_spare).
 *
 * Where a P goes that its M gives up, or that somebody took from an idle list and finds no M for:
 *   the world is being stopped   to who stops it (stw_stopped), in each place that would make it
 *                                idle: it is waited for. One that travels in nextp is stopped by
 *                                the M that gets it (findrunnable).
 *   no M to be had               to the M of a goroutine stopped in the handler; else it is idle,
 *                                with nmwanted set: for the template thread's M, the next M that
 *                                would sleep, or a stray that comes back, whichever is first.
 *                                nmwanted stands again when the thread could not be made. With as
 *                                many Ms as may be, and none that could come to take it, the
 *                                program ends.
 *   the program is at its end    it stays where it is; nobody waits for one any more (stw.c).
 * A foreign thread never has a P: what it makes runnable goes to the global queue, then wakep. */
#include "sched/mlife.h"
#include "base/throw.h"
#include "event/event.h"
#include "os/linux/clock.h"
#include "os/linux/print.h"
#include "os/linux/sys.h"
#include "os/linux/thread.h"
#include "sched/begin.h"
#include "sched/deadlock.h"
#include "sched/direct.h"
#include "sched/globq.h"
#include "sched/proc.h"
#include "sched/mstart.h"
#include "sched/schedt.h"
#include "sched/stw.h"

/* Idle Ms beyond one for each P and a few end when none of them was needed for a second: half of
 * them each time, so that a load which comes and goes finds most of its threads again. */
enum { SPARE = 8, RETIRE_MIN = 16 };

static bool full(void)
{
    return sched.mnext - sched.nmfreed >= sched.maxmcount;
}

void mput(struct m *m)
{
    m->schedlink = sched.midle;
    sched.midle = m;
    store_relaxed(&sched.nmidle, sched.nmidle + 1);
    begin_update();
    checkdead();
}

struct m *mget(void)
{
    struct m *m = sched.midle;

    if (m) {
        sched.midle = m->schedlink;
        store_relaxed(&sched.nmidle, sched.nmidle - 1);
        sched.nmidlelow = MIN(sched.nmidlelow, sched.nmidle);
        begin_update();
    }
    if (sched.nmidle == 0 || (sched.nmidle < begin_spare() && !full()))
        template_wake();
    return m;
}

static int32_t spare_wanted(void)
{
    return load_relaxed(&gomaxprocs) + SPARE;
}

bool m_surplus(void)
{
    return load_relaxed(&sched.nmidle) > spare_wanted();
}

/* The longest idle one, for a gone thread's memory to be the coldest; never m0, which gamp_run
 * returns on. sched.lock held. */
static struct m *mget_last(void)
{
    struct m **at = &sched.midle, **last = NULL;
    struct m *m;

    for (; *at; at = &(*at)->schedlink)
        if (*at != &m0)
            last = at;
    if (!last)
        return NULL;
    m = *last;
    *last = m->schedlink;
    store_relaxed(&sched.nmidle, sched.nmidle - 1);
    begin_update();
    return m;
}

void m_retire(void)
{
    int32_t n;

    lock(&sched.lock);
    n = MIN(sched.nmidlelow, sched.nmidle) - spare_wanted();
    sched.nmidlelow = sched.nmidle;
    unlock(&sched.lock);
    for (n = n > RETIRE_MIN ? n / 2 : n; n > 0; n--) {
        struct m *m;

        lock(&sched.lock);
        m = m_surplus() && load_relaxed(&sched.phase) == PHASE_RUN ? mget_last() : NULL;
        if (!m) {
            unlock(&sched.lock);
            return;
        }
        m->dying = true;
        wake_m(m, NULL);
    }
}

void pidleput(struct p *pp)
{
    if (pp->yielded.head)
        globrunqput_yielded(pp);
    store_release(&pp->status, Pidle);
    sched.pidlework = sched.pidlework || !runqempty(pp);
    pp->link = sched.pidle;
    sched.pidle = pp;
    fetch_add_seqcst(&sched.npidle, 1);
}

/* One whose goroutines wait for an M, or NULL: there is none any more. */
static struct p *pidleget_work(void)
{
    for (struct p **at = &sched.pidle; *at; at = &(*at)->link) {
        struct p *pp = *at;

        if (!runqempty(pp)) {
            *at = pp->link;
            fetch_add_seqcst(&sched.npidle, -1);
            return pp;
        }
    }
    sched.pidlework = false;
    return NULL;
}

struct p *pidleget(void)
{
    struct p *pp = sched.pidlework ? pidleget_work() : NULL;

    if (pp)
        return pp;
    pp = sched.pidle;
    if (pp) {
        sched.pidle = pp->link;
        fetch_add_seqcst(&sched.npidle, -1);
    }
    return pp;
}

void acquirep(struct m *m, struct p *pp)
{
    invariant(!m->p && !pp->m);
    m->p = pp;
    store_relaxed(&pp->m, m);
    m->settled = m->switches;
    m->lookat = m->switches + TURNS;
    pp->inherited = 0;
    pp->readied = false;
    store_relaxed(&pp->preempt, 0);
    store_release(&pp->status, Prunning);
    event_emit(EV_PROC_START, (uint64_t)pp->id, (uint64_t)m->id);
    if (load_relaxed(&sched.sysmonwait))
        sysmon_wake();
}

struct p *releasep(struct m *m)
{
    struct p *pp = m->p;

    invariant(pp && pp->m == m);
    settle(m, pp);
    event_emit(EV_PROC_STOP, (uint64_t)pp->id, 0);
    m->p = NULL;
    store_relaxed(&pp->m, NULL);
    store_release(&pp->status, Pidle);
    return pp;
}

void unpin(struct m *m)
{
    if (m->pinned)
        store_relaxed(&sched.pinned_now, sched.pinned_now - 1);
    m->pinned = false;
}

void wake_m(struct m *m, struct p *pp)
{
    bool asleep = m->parkedin != PARKED_NOT;

    /* Counted out here and not when it wakes: until then it would look idle, and its goroutine
     * lost. */
    if (m->parkedin == PARKED_LOCKED)
        sched.nmidlelocked--;
    unpin(m);
    m->nextp = pp;
    m->parkedin = PARKED_NOT;
    unlock(&sched.lock);
    if (asleep)
        notewakeup(&m->park);
}

bool sleep_m(struct m *m, enum parkedin where)
{
    struct p *pp;

    /* The end wakes m0 where it sleeps, once: coming later it must not sleep at all. */
    if (m == &m0 && load_relaxed(&sched.phase) >= PHASE_STOPPING && !m->nextp) {
        unlock(&sched.lock);
        return false;
    }
    if (!m->nextp) {
        noteclear(&m->park);
        m->parkedin = (uint8_t)where;
        if (where == PARKED_LOCKED) {
            sched.nmidlelocked++;
            checkdead();
        }
        unlock(&sched.lock);
        notesleep(&m->park);
    } else {
        unlock(&sched.lock);
    }
    /* The waker wrote it before its notewakeup. */
    pp = m->nextp;
    m->nextp = NULL;
    if (!pp)
        return false;
    acquirep(m, pp);
    return true;
}

static struct m *pinned_m(void)
{
    struct g *gp = globrunqget_pinned(NULL);

    return gp ? gp->run.pinm : NULL;
}

void startm(struct p *pp, bool spinning)
{
    struct m *m;

    lock(&sched.lock);
    if (!pp)
        pp = pidleget();
    m = pp ? mget() : NULL;
    if (m) {
        m->spinning = spinning;
        wake_m(m, pp);
        return;
    }
    /* Before the new M can be there: what it finds, and whom it then wakes, must not be left to a
     * spinning M that there is not. */
    if (spinning)
        invariant(fetch_add_seqcst(&sched.nmspinning, -1) > 0);
    /* The M that sleeps with a stopped goroutine: the template thread may need a lock that just
     * this one holds. */
    m = pp ? pinned_m() : NULL;
    if (m) {
        wake_m(m, pp);
        return;
    }
    if (pp && sched.gcwaiting) {
        /* Who stops the world waits for it, and may be the template thread itself. */
        stw_stopped(pp);
    } else if (pp) {
        /* It waits among the idle ones for the M that the template thread makes, or one that is
         * about to sleep. */
        pidleput(pp);
        sched.nmwanted = 1;
        template_wake();
    }
    unlock(&sched.lock);
}

void handoffp(struct p *pp)
{
    int64_t when;

    if (others_wait(pp)) {
        startm(pp, false);
        return;
    }
    if (load_seqcst(&sched.nmspinning) + load_relaxed(&sched.npidle) == 0 &&
        cas_seqcst(&sched.nmspinning, 0, 1)) {
        store_relaxed(&sched.needspinning, 0);
        startm(pp, true);
        return;
    }
    lock(&sched.lock);
    if (sched.gcwaiting) {
        stw_stopped(pp);
        unlock(&sched.lock);
        return;
    }
    if (sched.runqsize != 0 || (load_relaxed(&sched.npidle) == load_relaxed(&gomaxprocs) - 1 &&
                                load_relaxed(&sched.lastpoll) != 0)) {
        /* The last P that runs, and nobody in the poller: somebody must be. */
        unlock(&sched.lock);
        startm(pp, false);
        return;
    }
    when = load_relaxed(&pp->timers.minwhen);
    pidleput(pp);
    unlock(&sched.lock);
    if (when != NEVER)
        wakenetpoller(when);
}

void stopm(struct m *m)
{
    invariant(!m->p && m->locks == 0);
    lock(&sched.lock);
    if (load_relaxed(&sched.phase) >= PHASE_STOPPING && m == &m0) {
        unlock(&sched.lock);
        return;
    }
    if (!m->nextp && !sched.gcwaiting && (sched.nmwanted || sched.pidlework)) {
        struct p *pp = sched.pidlework ? pidleget_work() : NULL;

        if (!pp && sched.nmwanted)
            pp = pidleget();
        if (pp) {
            sched.nmwanted = 0;
            unlock(&sched.lock);
            acquirep(m, pp);
            return;
        }
    }
    if (!m->nextp)
        mput(m);
    sleep_m(m, PARKED_IDLE);
}

void gcstopm(struct m *m)
{
    if (m->spinning) {
        m->spinning = false;
        invariant(fetch_add_seqcst(&sched.nmspinning, -1) > 0);
    }
    lock(&sched.lock);
    if (sched.gcwaiting)
        stw_stopped(releasep(m));
    unlock(&sched.lock);
    if (!m->p)
        stopm(m);
}

void stoplockedm(struct m *m)
{
    if (m->p)
        handoffp(releasep(m));
    lock(&sched.lock);
    sleep_m(m, PARKED_LOCKED);
}

void startboundm(struct m *m, struct g *gp)
{
    struct m *mp = gp->run.pinm ? gp->run.pinm : gp->run.lockedm;
    struct p *pp;

    invariant(mp != m);
    if (m->spinning)
        resetspinning(m);
    pp = releasep(m);
    lock(&sched.lock);
    wake_m(mp, pp);
    stopm(m);
}

/* --- the thread of an M ------------------------------------------------------------------- */

/* Its thread has ended, or never was; until now it counted as one that may run goroutines.
 * sched.lock held. */
static void m_gone(struct m *m)
{
    m->dead = true;
    sched.nmfreed++;
    m->schedlink = sched.freem;
    sched.freem = m;
    begin_update();
    checkdead();
}

static void mexit(struct m *m)
{
    if (m->p)
        handoffp(releasep(m));
    event_emit(EV_M_STOP, (uint64_t)m->id, 0);
    if (m == &m0) {
        /* The process's first thread cannot end without looks of a zombie: it waits for the end. */
        lock(&sched.lock);
        sleep_m(m, PARKED_LOCKED);
        return;
    }
    unminit(m);
    setg(NULL);
    setthism(NULL);
    lock(&sched.lock);
    m_gone(m);
    unlock(&sched.lock);
}

void mstart1(struct m *m)
{
    struct p *pp;

    event_emit(EV_M_START, (uint64_t)m->id, 0);
    store_relaxed(&m->inruntime, 1);
    if (m != &m0) {
        lock(&sched.lock);
        sched.nmcoming--;
        begin_update();
        pp = pidleget();
        if (pp)
            sched.nmwanted = 0; /* who finds work wakes the next */
        unlock(&sched.lock);
        if (pp) {
            acquirep(m, pp);
            m->spinning = true;
            fetch_add_seqcst(&sched.nmspinning, 1);
        }
    }
    schedule(m);
    if (m == &m0 && !m->dying)
        return;
    if (!m->dying)
        for (;;) /* the program is at its end; the thread is the process's to take down */
            clock_sleep(1000000000000);
    mexit(m);
}

static void mstart(void *arg)
{
    struct m *m = arg;

    m_attach(m, false);
    minit(m);
    m0_bounds(m);
    thread_sigmask(SIG_SETMASK, &sched.sigmask, NULL);
    mstart1(m);
}

/* --- template thread ---------------------------------------------------------------------- */

static int newm(void)
{
    struct m *m = m_alloc();
    int err;

    if (!m) {
        lock(&sched.lock);
        sched.nothreads = true;
        begin_update();
        unlock(&sched.lock);
        return -1;
    }
    lock(&sched.lock);
    mcommoninit(m);
    sched.nmcoming++;
    unlock(&sched.lock);
    err = thread_create(mstart, m, 0);
    lock(&sched.lock);
    sched.nothreads = err != 0;
    if (err) {
        sched.nmcoming--;
        m_gone(m);
    }
    begin_update();
    unlock(&sched.lock);
    return err;
}

/* No M that could take an idle P is left: none idle or on its way, to its first look or between a
 * goroutine and the idle list, and none asleep in the handler. A P on its way counts for an M that
 * holds one, so it looks worse for a moment: who asks does it twice. sched.lock held. */
static bool exhausted(void)
{
    int64_t taken = load_relaxed(&gomaxprocs) - load_relaxed(&sched.npidle) +
                    load_relaxed(&sched.strays_now) + sched.nmidlelocked;

    return sched.pidle && sched.nmidle == 0 && sched.nmcoming == 0 && sched.pinned_now == 0 &&
           sched.mnext - sched.nmfreed <= taken;
}

enum need { NEED_NONE, NEED_M, NEED_MORE_THAN_MAY_BE, NEED_EXHAUSTED };

/* Is one more M needed (an idle P waits for one: *wanted) or are too few in reserve? */
static enum need template_need(bool *wanted)
{
    enum need need = NEED_NONE;

    lock(&sched.lock);
    *wanted = sched.nmwanted;
    if (!full()) {
        if (*wanted || sched.nmidle + sched.nmcoming < begin_spare() ||
            (sched.nothreads && begin_waits()))
            need = NEED_M;
    } else if (*wanted) {
        need = exhausted() ? NEED_EXHAUSTED : NEED_MORE_THAN_MAY_BE;
    }
    sched.nmwanted = 0;
    unlock(&sched.lock);
    return need;
}

/* An idle P waits for an M, and no thread is to be had: it goes on waiting. An M that went to sleep
 * while the thread was being made did not see that one was wanted. */
static void template_failed(void)
{
    struct m *m;
    bool idle;

    lock(&sched.lock);
    idle = sched.nmidle > 0;
    m = !idle && sched.pidle ? pinned_m() : NULL;
    if (m) {
        wake_m(m, pidleget());
        return;
    }
    if (!idle && sched.pidle)
        sched.nmwanted = 1;
    unlock(&sched.lock);
    if (idle)
        startm(NULL, false);
}

/* When to look again, unless asked before. */
static int64_t template_work(void)
{
    enum { RETRY = 10 * 1000 * 1000 };
    static bool suspect;
    bool wanted;
    enum need need;

    while ((need = template_need(&wanted)) == NEED_M)
        if (newm() < 0)
            break;
    if (need == NEED_NONE) {
        suspect = false;
        return NEVER;
    }
    if (need == NEED_EXHAUSTED && suspect) {
        print_fd(2, "runtime: program exceeds %d-thread limit\n", sched.maxmcount);
        throw("thread exhaustion");
    }
    suspect = need == NEED_EXHAUSTED;
    if (wanted)
        template_failed();
    return nanotime() + RETRY;
}

/* Who takes templatewake from 0 to 1 wakes, once: when the time is up and somebody is about to, his
 * wake-up must not meet the next one's. */
static void template_sleep(int64_t until)
{
    if (!notetsleep(&sched.templatenote, until)) {
        if (load_acquire(&sched.templatewake) == 0)
            return;
        notesleep(&sched.templatenote);
    }
    noteclear(&sched.templatenote);
    store_seqcst(&sched.templatewake, 0);
}

static void template_loop(void *arg)
{
    static struct m tm;
    int64_t until = NEVER;
    int32_t procs;

    (void)arg;
    m_attach(&tm, false);
    thread_sigmask_all();
    for (;;) {
        template_sleep(until);
        until = NEVER;
        procs = xchg_acqrel(&sched.wantprocs, 0);
        if (procs > 0 && load_acquire(&sched.phase) == PHASE_RUN)
            gomaxprocs_set(procs);
        if (load_acquire(&sched.phase) == PHASE_RUN)
            until = template_work();
    }
}

int template_start(void)
{
    return thread_create(template_loop, NULL, 0);
}

void template_wake(void)
{
    if (xchg_seqcst(&sched.templatewake, 1) == 0)
        notewakeup(&sched.templatenote);
}
