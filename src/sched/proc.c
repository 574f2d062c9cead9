/* SPDX-License-Identifier: BSD-3-Clause */
/* proc: finding work.
 *
 * An M that looks for work while others idle is "spinning"; sched.nmspinning counts them. Whoever
 * makes work and sees an idle P wakes an M only while none spins. The two halves meet thus:
 *   maker:   put the goroutine (release);  full barrier;  read npidle, nmspinning
 *   spinner: npidle++; nmspinning--;  full barrier;  look at all queues once more
 * so a goroutine is seen by the leaving spinner, or its maker sees no spinner and wakes one. The
 * last spinner that finds work wakes the next before it runs it (resetspinning). Both counters are
 * changed seqcst for that. needspinning: a stop found no P to hand work to; the next M that would
 * sleep looks again instead.
 * The maker's barrier is an exchange (of runnext, of a lock) with a seqcst load behind it, or a
 * fence. */
#include "sched/proc.h"
#include "base/throw.h"
#include "event/event.h"
#include "os/linux/clock.h"
#include "sched/begin.h"
#include "sched/choice.h"
#include "sched/direct.h"
#include "sched/globq.h"
#include "sched/mlife.h"
#include "sched/mstart.h"
#include "sched/netpoll.h"
#include "sched/preempt.h"
#include "sched/schedt.h"
#include "sched/switch_g.h"
#include "sched/walk.h"

enum { STEAL_TRIES = 4 };

/* What findrunnable found, and how it is to run. */
struct found {
    struct g *gp;
    bool inherit;
};

static void becomespinning(struct m *m)
{
    m->spinning = true;
    fetch_add_seqcst(&sched.nmspinning, 1);
    store_relaxed(&sched.needspinning, 0);
}

void wakep(void)
{
    struct p *pp;

    if (load_seqcst(&sched.nmspinning) != 0 || load_relaxed(&sched.npidle) == 0 ||
        !cas_seqcst(&sched.nmspinning, 0, 1))
        return;
    lock(&sched.lock);
    pp = pidleget();
    if (!pp) {
        store_relaxed(&sched.needspinning, 1);
        invariant(fetch_add_seqcst(&sched.nmspinning, -1) > 0);
        unlock(&sched.lock);
        return;
    }
    unlock(&sched.lock);
    startm(pp, true);
}

void resetspinning(struct m *m)
{
    invariant(m->spinning);
    m->spinning = false;
    invariant(fetch_add_seqcst(&sched.nmspinning, -1) > 0);
    wakep();
}

void injectglist(struct gqueue *q)
{
    struct m *m = getm();
    struct p *pp = m->p;
    uint32_t idle;
    struct gqueue all = *q, glob = {NULL, NULL, 0};

    if (!q->head)
        return;
    *q = (struct gqueue){NULL, NULL, 0};
    for (struct g *gp = all.head; gp; gp = gp->schedlink) {
        event_emit(EV_GO_READY, gp->goid, 0);
        casgstatus(gp, Gwaiting, Grunnable);
    }
    if (!pp) {
        uint32_t n = all.n;

        /* Counted behind the put: a P that becomes idle looks at the queue in the same hold of
         * sched.lock, so it is counted here or has seen what was put. */
        globrunqputbatch(&all);
        idle = (uint32_t)load_seqcst(&sched.npidle);
        for (uint32_t i = 0; i < MIN(n, idle); i++)
            startm(NULL, false);
        return;
    }
    idle = (uint32_t)load_relaxed(&sched.npidle);
    for (uint32_t n = 0; n < idle && all.head; n++)
        gqueue_push(&glob, gqueue_pop(&all));
    if (glob.head) {
        uint32_t n = glob.n;

        globrunqputbatch(&glob);
        for (uint32_t i = 0; i < n; i++)
            startm(NULL, false);
    }
    runqputbatch(pp, &all, RUNQ_CAP);
    if (all.head)
        globrunqputbatch(&all);
    /* Put onto the local queue with every P idle a moment ago now busy: the usual spinning rule
     * holds. */
    fence_seqcst();
    if (load_relaxed(&sched.npidle) != 0)
        wakep();
}

void wakenetpoller(int64_t when)
{
    /* After the end sysmon has the timers. */
    if (unlikely(load_acquire(&sched.phase) >= PHASE_STOPPING)) {
        sysmon_wake();
        return;
    }
    /* Seqcst pairs with findrunnable's, which publishes polluntil and then reads the timers again:
     * either it sees this timer or we see its polluntil. */
    if (load_seqcst(&sched.lastpoll) == 0) {
        int64_t until = load_seqcst(&sched.polluntil);

        if (until == 0 || until > when)
            netpollbreak();
    } else {
        wakep();
    }
}

/* --- sources of work ------------------------------------------------------------------------ */

/* How many due timers to run at a time. What the own queue cannot hold would go to the end of the
 * global one, behind all that waits there. And what is woken should run while the caches know it:
 * stacks lie a page multiple apart, so all of a crowd share few sets of them. */
static uint32_t timers_quota(const struct runq *q)
{
    enum { QUOTA = 64 };
    uint32_t room = runqroom(q);
    uint32_t used = RUNQ_CAP + 1 - room;

    return MIN(room, MAX(QUOTA - MIN(used, QUOTA), QUOTA / 2));
}

/* Runs due timers of pp for self; *until becomes the earlier of itself and the next one. Those that
 * are held back are no later for it than they would be at the queue's tail. */
static bool checktimers(struct p *self, struct p *pp, int64_t *until)
{
    int64_t when = load_acquire(&pp->timers.minwhen);
    bool ran = false;

    self->timersheld = false;
    if (when == NEVER)
        return false;
    {
        int64_t now = nanotime();

        coarse_set(now);
        if (when <= now)
            when = timers_run_some(&pp->timers, now, timers_quota(&self->runq), &ran);
        self->timersheld = self == pp && when <= now;
    }
    *until = MIN(*until, when);
    return ran;
}

/* Also runs the timers of others on its last try. *newwork: timers ran, so look at the own queue
 * again. */
static struct g *stealwork(struct p *pp, int64_t *until, bool *newwork)
{
    for (int i = 0; i < STEAL_TRIES; i++) {
        bool last = i == STEAL_TRIES - 1;
        struct walk w = walk_begin((uint32_t)load_relaxed(&gomaxprocs));

        for (uint32_t k; walk_next(&w, &k);) {
            struct p *p2 = allp[k];
            struct g *gp;

            if (load_relaxed(&sched.gcwaiting)) {
                *newwork = true;
                return NULL;
            }
            if (p2 == pp)
                continue;
            if (last && checktimers(pp, p2, until)) {
                *newwork = true;
                gp = runqget_ring(pp);
                if (gp)
                    return gp;
            }
            if (load_acquire(&p2->status) != Prunning && runqempty(p2))
                continue;
            gp = runqsteal(pp, p2, last);
            if (gp) {
                count_owned(&pp->steals);
                return gp;
            }
        }
    }
    return NULL;
}

static struct g *pollwork(struct gqueue *q)
{
    struct g *gp = gqueue_pop(q);

    injectglist(q);
    if (gp) {
        event_emit(EV_GO_READY, gp->goid, 0);
        casgstatus(gp, Gwaiting, Grunnable);
    }
    return gp;
}

static bool poll_useful(void)
{
    return netpollinited() && netpollwaiters() > 0;
}

/* One at a time polls without blocking; the others have better to do. */
static struct g *netpoll_now(void)
{
    static uint32_t busy;
    struct gqueue q;
    int64_t last;

    if (!poll_useful() || (last = load_relaxed(&sched.lastpoll)) == 0 || xchg_acquire(&busy, 1))
        return NULL;
    q = netpoll(0);
    store_release(&busy, 0);
    if (!q.head)
        return NULL;
    /* Not over the 0 of one who went to sleep there meanwhile: a second would follow him. */
    cas_relaxed(&sched.lastpoll, last, nanotime());
    return pollwork(&q);
}

static struct g *global_get(struct p *pp, uint32_t max, bool hogs)
{
    struct g *gp;

    if (load_relaxed(&sched.runqsize) == 0)
        return NULL;
    lock(&sched.lock);
    gp = hogs ? globrunqget(pp, max) : globrunqget_short(pp, max);
    unlock(&sched.lock);
    return gp;
}

/* GAMPDEBUG=sched=random: any of those in the own queue may be next. */
static void shuffle(struct p *pp)
{
    bool inherit;

    for (uint32_t n = sched_rand(runqsize(pp) + 1); n > 0; n--) {
        struct g *gp = runqget(pp, &inherit);

        if (!gp)
            return;
        runqput(pp, gp, false);
    }
}

/* Goroutines that wake each other by runnext go on in one slice. When it is over, the next of them
 * waits behind those in the ring. Meanwhile it is in no queue, so others may have missed it. */
static void end_slice(struct p *pp)
{
    bool shared = pp->slicetick == pp->schedtick;
    struct g *gp;

    pp->slicetick = pp->schedtick;
    pp->sliceuntil = load_relaxed(&sched.coarse) + SLICE_SHARED;
    if (!shared || (gp = runqget_next(pp)) == NULL)
        return;
    runqput(pp, gp, false);
    fence_seqcst();
    if (load_relaxed(&sched.npidle) != 0)
        wakep();
}

/* The sources in Go's order, without giving up the P. */
static bool findwork(struct m *m, struct found *out, int64_t *until, bool *again)
{
    struct p *pp = m->p;
    bool newwork = false;

    checktimers(pp, pp, until);
    out->inherit = false;
    if (pp->yielded.head && runq_is_shared()) {
        lock(&sched.lock);
        globrunqput_yielded(pp);
        unlock(&sched.lock);
    }
    settle(m, pp);
    if (look_due(m)) {
        m->lookat = m->switches + 1 + TURNS;
        pp->servesyielded = !pp->servesyielded;
        if ((pp->servesyielded && (out->gp = gqueue_pop(&pp->yielded)) != NULL) ||
            (out->gp = global_get(pp, 1, true)) != NULL)
            return true;
    }
    if (unlikely(slice_over(pp)))
        end_slice(pp);
    if (unlikely(debug.sched_random))
        shuffle(pp);
    if ((out->gp = runqget(pp, &out->inherit)) != NULL)
        return true;
    out->inherit = false;
    if ((out->gp = global_get(pp, 0, false)) != NULL ||
        (out->gp = gqueue_pop(&pp->yielded)) != NULL || (out->gp = netpoll_now()) != NULL ||
        (out->gp = global_get(pp, 0, true)) != NULL)
        return true;
    if (m->spinning || 2 * load_relaxed(&sched.nmspinning) <
                           load_relaxed(&gomaxprocs) - load_relaxed(&sched.npidle)) {
        if (load_relaxed(&gomaxprocs) > 1) {
            if (!m->spinning)
                becomespinning(m);
            if ((out->gp = stealwork(pp, until, &newwork)) != NULL)
                return true;
            *again = newwork;
        }
    }
    return false;
}

/* After the P is given up, while nobody else may be spinning any more: whatever was made meanwhile.
 * Answers a P for it. */
static struct p *recheck(struct m *m)
{
    struct p *pp = NULL;
    int32_t n = load_relaxed(&gomaxprocs);

    lock(&sched.lock);
    if (sched.runqsize != 0 && (pp = pidleget()) != NULL) {
        unlock(&sched.lock);
        becomespinning(m);
        return pp;
    }
    unlock(&sched.lock);
    for (int32_t i = 0; i < n; i++) {
        if (runqempty(allp[i]))
            continue;
        lock(&sched.lock);
        pp = pidleget();
        if (!pp)
            store_relaxed(&sched.needspinning, 1);
        unlock(&sched.lock);
        if (pp)
            becomespinning(m);
        return pp;
    }
    return NULL;
}

static int64_t earliest_timer(void)
{
    int64_t until = NEVER;
    int32_t n = load_relaxed(&gomaxprocs);

    for (int32_t i = 0; i < n; i++) {
        int64_t when = load_seqcst(&allp[i]->timers.minwhen);

        until = MIN(until, when);
    }
    return until;
}

static bool ending(struct m *m)
{
    return m->dying || load_acquire(&sched.phase) >= PHASE_STOPPING;
}

/* Sleeps in the poller, as the only one who does, until a descriptor or a timer is due. */
static bool netpoll_block(struct m *m, struct found *out, bool wasspinning)
{
    struct gqueue q;
    struct p *pp;
    int64_t until, published, now = 0, delay = -1;

    if (!netpollinited() || (netpollwaiters() == 0 && earliest_timer() == NEVER))
        return false;
    if (xchg_seqcst(&sched.lastpoll, 0) == 0) {
        /* Somebody sleeps there; the timers are his, so let him know of those that are earlier. */
        until = earliest_timer();
        if (until != NEVER) {
            int64_t his = load_seqcst(&sched.polluntil);

            if (his == 0 || his > until)
                netpollbreak();
        }
        return false;
    }
    /* What is published is what it sleeps until, even when that timer has gone meanwhile: one armed
     * for later than what is published wakes nobody. The last look comes after the last publishing:
     * a timer armed before it is seen, one armed after it sees polluntil. */
    until = NEVER;
    do {
        published = until;
        store_seqcst(&sched.polluntil, published == NEVER ? 0 : published);
        until = MIN(published, earliest_timer());
    } while (until != published);
    if (until != NEVER) {
        now = nanotime();
        delay = until > now ? until - now : 0;
    }
    /* The end breaks the one who sleeps here; who comes after that break has missed it. */
    if (ending(m))
        delay = 0;
    q = netpoll(delay);
    now = nanotime();
    store_relaxed(&sched.polluntil, 0);
    coarse_set(now);
    store_seqcst(&sched.lastpoll, now);
    lock(&sched.lock);
    pp = pidleget();
    unlock(&sched.lock);
    if (!pp) {
        injectglist(&q);
        return true;
    }
    acquirep(m, pp);
    if (q.head) {
        out->gp = pollwork(&q);
        out->inherit = false;
        return true;
    }
    if (wasspinning)
        becomespinning(m);
    return true;
}

/* false: the M is to end. */
static bool findrunnable(struct m *m, struct found *out)
{
    if (unlikely(load_relaxed(&m->slice) > 0))
        preempt_slice(m, false); /* the goroutine that computed has left */
    for (;;) {
        int64_t until = NEVER;
        bool again = false, wasspinning;
        struct p *pp;

        if (ending(m))
            return false;
        if (!m->p) {
            stopm(m);
            continue;
        }
        if (load_acquire(&sched.gcwaiting)) {
            gcstopm(m);
            continue;
        }
        if (findwork(m, out, &until, &again))
            return true;
        if (again)
            continue;
        lock(&sched.lock);
        if (sched.gcwaiting) {
            unlock(&sched.lock);
            continue;
        }
        if (sched.runqsize != 0) {
            out->gp = globrunqget_any(m->p);
            unlock(&sched.lock);
            return true;
        }
        if (!m->spinning && load_relaxed(&sched.needspinning)) {
            unlock(&sched.lock);
            becomespinning(m);
            continue;
        }
        pp = releasep(m);
        pidleput(pp);
        unlock(&sched.lock);
        wasspinning = m->spinning;
        if (m->spinning) {
            m->spinning = false;
            invariant(fetch_add_seqcst(&sched.nmspinning, -1) > 0);
            pp = recheck(m);
            if (pp) {
                acquirep(m, pp);
                continue;
            }
        }
        out->gp = NULL;
        if (netpoll_block(m, out, wasspinning)) {
            if (out->gp)
                return true;
            continue;
        }
        stopm(m);
    }
}

static void execute(struct m *m, struct found *f)
{
    f->gp->flags &= (uint8_t)~GFLAG_HOG;
    run_prepare(m, f->gp, f->inherit);
    gswitch(m->g0, f->gp, false);
}

static bool next_found(struct m *m, struct found *f)
{
    if (ending(m))
        return false;
    if (m->p && m->handed) {
        f->gp = m->handed;
        f->inherit = m->handed_inherit;
        m->handed = NULL;
        return true;
    }
    return findrunnable(m, f);
}

void schedule(struct m *m)
{
    struct found f = {NULL, false};

    for (;;) {
        if (m->lockedg && !ending(m)) {
            stoplockedm(m);
            if (ending(m))
                return;
            f = (struct found){m->lockedg, false};
            execute(m, &f);
            continue;
        }
        if (unlikely(m->hog))
            begin_left_hog(m);
        if (!next_found(m, &f))
            return;
        if (unlikely(load_relaxed(&sched.scarce)) && begin_hold(f.gp))
            continue;
        /* Whom it was meant for has left; a request that stays would keep every later run from the
         * direct way. */
        if (m->p)
            store_relaxed(&m->p->preempt, 0);
        if (m->spinning)
            resetspinning(m);
        if (f.gp->x && (f.gp->run.lockedm || f.gp->run.pinm)) {
            startboundm(m, f.gp);
            continue;
        }
        execute(m, &f);
    }
}
