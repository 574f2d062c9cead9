/* SPDX-License-Identifier: BSD-3-Clause */
/* park: see park.h. Two ways lead from a parking goroutine to the next one: through g0 and its
 * schedule(), which knows every source of work, and straight to a goroutine of the local queue,
 * which saves one switch. The direct way is taken while nothing else is due: no request to the P,
 * no timer, not the 61st turn. */
#include "sched/park.h"
#include "base/throw.h"
#include "event/event.h"
#include "os/linux/clock.h"
#include "os/linux/sys.h"
#include "sched/direct.h"
#include "sched/entry.h"
#include "sched/globq.h"
#include "sched/gstack.h"
#include "sched/mstart.h"
#include "sched/parkhere.h"
#include "sched/proc.h"
#include "sched/schedt.h"
#include "sched/solo.h"
#include "sched/switch_g.h"

enum { YIELDED_MAX = 64 };

struct g *direct_refill(struct p *pp)
{
    struct g *gp;

    if (!runq_is_shared() && load_relaxed(&sched.runqshort) == 0)
        return gqueue_pop(&pp->yielded);
    lock(&sched.lock);
    if (runq_is_shared())
        globrunqput_yielded(pp);
    gp = globrunqget_short(pp, 0);
    unlock(&sched.lock);
    return gp;
}

static always_inline void park_leave(struct g *gp, void (*commit)(struct m *, struct g *),
                                     bool direct)
{
    struct m *m = gp->run.m;
    int saved = park_save(m, gp->x);

    if (direct && is_solo()) {
        commit(m, gp);
        m = leave_solo(m, gp);
    } else {
        m->commit = commit;
        m = leave(m, gp, direct);
    }
    park_restore(m, gp->x, saved);
}

void cxa_clear(struct m *m)
{
    struct cxa_globals *cxa = m->cxa_globals;

    if (cxa) {
        cxa->caught = NULL;
        cxa->uncaught = 0;
    }
}

/* In a crowd no cache holds the stack of one that wakes. What it needs first, what calls go over
 * below that, and gx are on their way while others run. */
static void prefetch_stack(const struct g *gp)
{
    enum { LINE = 64, BELOW = 4, ABOVE = 5 };

    __builtin_prefetch(gp->x, 1);
    for (uintptr_t i = 0; i < BELOW + ABOVE; i++)
        __builtin_prefetch((const void *)(gp->run.sp + LINE * (i - BELOW)), 1);
}

static void wait_timeout(void *arg, uintptr_t ticket, int64_t now)
{
    struct g *gp = arg;

    (void)now;
    if (wait_claim(gp, (uint32_t)ticket)) {
        prefetch_stack(gp);
        gp->flags |= GFLAG_TIMEDOUT;
        goready(gp);
    }
}

void commit_park(struct m *m, struct g *gp)
{
    unlockf *f = m->unlockf;
    struct timer *t = m->parktimer;

    event_emit(EV_GO_BLOCK, gp->goid, gp->waitreason);
    casgstatus(gp, Grunning, Gwaiting);
    if (t) {
        m->parktimer = NULL;
        /* Without memory the wait ends at once, as if timed out: late is worse than
         * early. */
        if (timer_start(t) < 0)
            wait_timeout(gp, t->seq, 0);
    }
    if (f && !f(gp, m->unlocklock)) {
        casgstatus(gp, Gwaiting, Grunnable);
        runqput(m->p, gp, true);
    }
}

static void park_foreign_until(struct g *gp, unlockf *f, void *l, int64_t until, uint32_t ticket)
{
    struct m *m = gp->run.m;

    noteclear(&m->park);
    store_release(&gp->status, Gwaiting);
    if (f && !f(gp, l)) {
        store_release(&gp->status, Grunning);
        return;
    }
    if (!notetsleep(&m->park, until)) {
        if (wait_claim(gp, ticket))
            gp->flags |= GFLAG_TIMEDOUT;
        else
            notesleep(&m->park);
    }
    store_release(&gp->status, Grunning);
}

void park_foreign(struct g *gp, unlockf *f, void *l)
{
    park_foreign_until(gp, f, l, NEVER, 0);
}

void gopark(unlockf *f, void *l, enum waitreason reason)
{
    struct g *gp = getg();
    struct m *m = gp->run.m;

    gp->waitreason = (uint8_t)reason;
    if (unlikely(!is_parkable(gp))) {
        park_foreign(gp, f, l);
        return;
    }
    gp->x->waitsince = load_relaxed(&sched.coarse);
    m->unlockf = f;
    m->unlocklock = l;
    park_leave(gp, commit_park, true);
}

bool commit_unlock(struct g *gp, void *l)
{
    (void)gp;
    unlock(l);
    return true;
}

void commit_unlock_park(struct m *m, struct g *gp)
{
    struct mutex *l = m->unlocklock;

    event_emit(EV_GO_BLOCK, gp->goid, gp->waitreason);
    casgstatus(gp, Grunning, Gwaiting);
    unlock(l);
}

void goparkunlock(struct mutex *l, enum waitreason reason)
{
    goparkunlock_here(l, reason);
}

void gopark_solo(struct mutex *l, enum waitreason reason)
{
    gopark_solo_here(l, reason);
}

bool gopark_until(unlockf *f, void *l, enum waitreason reason, int64_t until, uint32_t ticket)
{
    struct g *gp = getg();
    struct m *m = gp->run.m;
    struct timer t;

    gp->flags &= (uint8_t)~GFLAG_TIMEDOUT;
    if (until == NEVER) {
        gopark(f, l, reason);
        return true;
    }
    gp->waitreason = (uint8_t)reason;
    if (unlikely(!is_parkable(gp))) {
        park_foreign_until(gp, f, l, until, ticket);
        return !(gp->flags & GFLAG_TIMEDOUT);
    }
    gp->x->waitsince = load_relaxed(&sched.coarse);
    t = (struct timer){.when = until, .f = wait_timeout, .arg = gp, .seq = ticket};
    m->unlockf = f;
    m->unlocklock = l;
    m->parktimer = &t;
    park_leave(gp, commit_park, true);
    timer_stop(&t);
    return !(gp->flags & GFLAG_TIMEDOUT);
}

void sleep_until(int64_t until)
{
    struct g *gp = getg();
    uint32_t ticket = wait_begin(gp);

    gopark_until(NULL, NULL, WAIT_SLEEP, until, ticket);
}

/* One waits that no idle P will take: should the one that runs block, sysmon is to see it soon. */
static always_inline void sysmon_attend(void)
{
    if (unlikely(load_relaxed(&sched.sysmonnaps)))
        sysmon_rouse();
}

/* A goroutine became runnable on pp, whose goroutine goes on running. Another P should come and
 * take it unless the caller parks at once and runs it itself, which costs nothing: so where that
 * was the case the last few times, the wake-up is put off, and sysmon makes good for it should the
 * guess be wrong. */
static always_inline void ready_wake(struct p *pp)
{
    /* Seqcst, behind the put: see proc.c. */
    if (load_seqcst(&sched.npidle) == 0) {
        sysmon_attend();
        return;
    }
    if (load_relaxed(&sched.nmspinning) != 0)
        return;
    if (!pp->readied && pp->parks_next >= PARKS_NEXT_SURE) {
        store_relaxed(&pp->wakewanted, 1);
        pp->readied = true;
        return;
    }
    if (pp->readied)
        pp->parks_next = 0;
    pp->readied = true;
    wakep();
}

static always_inline void ready_here(struct p *pp, struct g *gp, bool next)
{
    if (next) {
        struct g *kicked = runqput_next(&pp->runq, gp);

        if (kicked)
            runqput(pp, kicked, false);
    } else {
        runqput(pp, gp, false);
        fence_seqcst(); /* runnext was exchanged */
    }
    ready_wake(pp);
}

void ready_on(struct p *pp, struct g *gp, bool next)
{
    ready_here(pp, gp, next);
}

static always_inline void ready(struct g *gp, bool next)
{
    struct m *m = thism();
    struct p *pp = m->p;

    if (unlikely(!is_parkable(gp))) {
        notewakeup(&gp->run.m->park);
        return;
    }
    event_emit(EV_GO_READY, gp->goid, 0);
    casgstatus(gp, Gwaiting, Grunnable);
    if (pp && is_solo()) {
        if (next && !load_relaxed(&pp->runq.runnext))
            store_release(&pp->runq.runnext, gp);
        else
            runqput(pp, gp, next);
        sysmon_attend();
        return;
    }
    if (likely(pp != NULL)) {
        ready_here(pp, gp, next);
        return;
    }
    lock(&sched.lock);
    globrunqput(gp);
    unlock(&sched.lock);
    wakep();
    sysmon_attend();
}

void goready(struct g *gp)
{
    ready(gp, true);
}

void goready_tail(struct g *gp)
{
    ready(gp, false);
}

static void commit_local(struct m *m, struct g *gp)
{
    casgstatus(gp, Grunning, Grunnable);
    if (unlikely(!runqput_fast(&m->p->runq, gp)))
        runqput(m->p, gp, false);
}

static void yielded_put(struct p *pp, struct g *gp)
{
    gqueue_push(&pp->yielded, gp);
    if (pp->yielded.n >= YIELDED_MAX && runq_is_shared()) {
        lock(&sched.lock);
        globrunqput_yielded(pp);
        unlock(&sched.lock);
    }
}

static void commit_yielded(struct m *m, struct g *gp)
{
    casgstatus(gp, Grunning, Grunnable);
    yielded_put(m->p, gp);
}

static void commit_global(struct m *m, struct g *gp)
{
    (void)m;
    casgstatus(gp, Grunning, Grunnable);
    lock(&sched.lock);
    globrunqput(gp);
    unlock(&sched.lock);
}

static void commit_hog(struct m *m, struct g *gp)
{
    (void)m;
    gp->flags |= GFLAG_HOG;
    casgstatus(gp, Grunning, Grunnable);
    lock(&sched.lock);
    globrunqputhog(gp);
    unlock(&sched.lock);
}

void goready_handoff(struct g *gp)
{
    struct g *self = getg();

    ready(gp, true);
    if (is_parkable(self) && self->run.m->p)
        goyield();
}

void goyield(void)
{
    struct g *gp = getg();

    if (!is_parkable(gp)) {
        sys_call(SYS_sched_yield);
        return;
    }
    event_emit(EV_GO_SCHED, gp->goid, 0);
    park_leave(gp, commit_local, true);
}

void gosched(void)
{
    struct g *gp = getg();
    struct m *m = gp->run.m;
    struct p *pp = m->p;

    if (unlikely(!is_parkable(gp))) {
        sys_call(SYS_sched_yield);
        return;
    }
    event_emit(EV_GO_SCHED, gp->goid, 0);
    /* Relaxed: a hint; a goroutine that comes to the global queue right now waits for the next
     * turn. */
    if (likely(load_relaxed(&sched.runqsize) == 0 && !pp->yielded.head)) {
        if (runqempty_own(&pp->runq) && !look_due(m) && !load_relaxed(&pp->preempt)) {
            m->lookat--;
            return;
        }
        park_leave(gp, commit_local, true);
    } else if (load_relaxed(&sched.npidle) == 0) {
        park_leave(gp, commit_yielded, true);
    } else {
        park_leave(gp, commit_global, false);
    }
}

/* Nothing is due but the next of those that wait. Not asked here, of a solo P that has just
 * entered: whether it is to leave, which the entry asks, and whether another P should be woken. */
static always_inline bool yields_on(const struct m *m, const struct p *pp)
{
    return !load_relaxed(&pp->runq.runnext) && !look_due(m) && timers_far(pp) && !m->lockedg &&
           !m->cxa_globals && !load_relaxed(&event_sink) && load_relaxed(&sched.runqsize) == 0;
}

/* The other goroutine has a stack, and may run on this thread. */
static always_inline bool runs_here(const struct g *gp)
{
    return gp->x && !gp->run.lockedm && !gp->run.pinm;
}

/* Many goroutines do not fit into the first-level cache: the next one's stack and the record after
 * it are on their way while this one runs. Records are never unmapped, so stale ones do no harm. */
static always_inline void prefetch_after(const struct g *next, const struct g *after)
{
    __builtin_prefetch(after);
    __builtin_prefetch((const char *)after + 64);
    __builtin_prefetch((const void *)next->run.sp);
    __builtin_prefetch((const void *)(next->run.sp + 64));
    __builtin_prefetch((const void *)(next->run.sp + 128));
}

/* The two ways of a yielding goroutine and the one after it: gp to the ring's tail, or behind those
 * that have yielded; its successor from the ring's head, or from theirs. NULL: the scheduler must
 * look. */
static always_inline struct g *next_ring(struct p *pp, struct g *gp)
{
    struct runq *q = &pp->runq;
    uint32_t h = q->head, t = q->tail;
    struct g *next = load_relaxed(&q->ring[h % RUNQ_CAP]);

    if (unlikely(h == t) || unlikely(!runs_here(next)))
        return NULL;
    if (t - h == 1) {
        /* Its tail is its head. Nobody else looks: one P. */
        store_release(&q->ring[h % RUNQ_CAP], gp);
        return next;
    }
    store_relaxed(&q->ring[t % RUNQ_CAP], gp);
    store_release(&q->tail, t + 1);
    store_release(&q->head, h + 1);
    prefetch_after(load_relaxed(&q->ring[(h + 1) % RUNQ_CAP]),
                   load_relaxed(&q->ring[(h + 2) % RUNQ_CAP]));
    return next;
}

static always_inline struct g *next_yielded(struct p *pp, struct g *gp)
{
    struct g *next = pp->yielded.head, *then;

    if (unlikely(!runqempty_own(&pp->runq)) || unlikely(!runs_here(next)))
        return NULL;
    gqueue_rotate(&pp->yielded, gp);
    then = pp->yielded.head;
    prefetch_after(then, then->schedlink);
    return next;
}

/* What gosched does when it is most of what a program does, in one piece; false: not so. */
static always_inline bool yield_fast(struct m *m)
{
    struct p *pp = m->p;
    struct g *gp = m->curg, *next;
    int saved;

    if (unlikely(!is_solo()) || unlikely(!yields_on(m, pp)))
        return false;
    next = likely(!pp->yielded.head) ? next_ring(pp, gp) : next_yielded(pp, gp);
    if (unlikely(!next))
        return false;
    casgstatus(gp, Grunning, Grunnable);
    saved = *m->errnop;
    casgstatus(next, Grunnable, Grunning);
    if (next->run.m != m)
        next->run.m = m;
    store_relaxed(&m->curg, next);
    store_relaxed(&m->guard, next->run.stackguard0);
    m->switches++;
    setg(next);
    m = gswitch(gp, next, false);
    restore_errno(m, saved);
    gamp_leave_m(m);
    return true;
}

void yield(void)
{
    if (likely(yield_fast(gamp_enter_m())))
        return;
    gosched();
    gamp_leave();
}

void gosched_global(void)
{
    struct g *gp = getg();

    event_emit(EV_GO_SCHED, gp->goid, 0);
    park_leave(gp, commit_global, false);
}

void gopreempt(struct g *gp)
{
    event_emit(EV_GO_SCHED, gp->goid, 1);
    fetch_add_relaxed(&sched.preemptions, 1);
    gp->waitreason = WAIT_PREEMPTED;
    park_leave(gp, commit_hog, false);
}

static void commit_stray(struct m *m, struct g *gp)
{
    (void)m;
    casgstatus(gp, Grunning, Grunnable);
    lock(&sched.lock);
    globrunqput(gp);
    unlock(&sched.lock);
    wakep();
    sysmon_attend();
}

void park_stray(struct g *gp)
{
    park_leave(gp, commit_stray, false);
}

static void commit_none(struct m *m, struct g *gp)
{
    (void)m;
    (void)gp;
}

void park_forever(struct g *gp)
{
    for (;;)
        park_leave(gp, commit_none, false);
}
