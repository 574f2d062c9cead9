/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/stw.h"
#include "base/throw.h"
#include "event/event.h"
#include "mem/sysmem.h"
#include "os/linux/clock.h"
#include "os/linux/sys.h"
#include "sched/direct.h"
#include "sched/gstack.h"
#include "sched/globq.h"
#include "sched/mlife.h"
#include "sched/mstart.h"
#include "sched/park.h"
#include "sched/preempt.h"
#include "sched/proc.h"
#include "sched/schedt.h"
#include "sched/solo.h"
#include <errno.h>

enum { AGAIN = 100 * 1000 };

struct p *allp[MAXPROCS] = {&p0};
struct p p0 = {.status = Pdead, .timers = {.lock = MUTEX_INIT(LOCK_TIMERS), .minwhen = INT64_MAX}};
int32_t gomaxprocs;
static int32_t nallp;
static uint32_t stopping; /* one at a time */
static struct p *runnable;

void stw_stopped(struct p *pp)
{
    if (pp->yielded.head)
        globrunqput_yielded(pp);
    store_release(&pp->status, Pgcstop);
    if (--sched.stopwait == 0)
        notewakeup(&sched.stopnote);
}

/* Ms that have come to the program's end keep their Ps: what waited for them would never be over. A
 * goroutine stays here, as in any call after the end. */
static bool world_ends(void)
{
    struct g *gp = getg();

    if (load_acquire(&sched.phase) < PHASE_STOPPING)
        return false;
    if (is_parkable(gp))
        park_forever(gp);
    return true;
}

/* The world may be being stopped by another, who needs us out of the way: so no sleeping on a
 * lock. False: the program is at its end. */
static bool take_turn(void)
{
    struct g *gp = getg();

    while (xchg_acquire(&stopping, 1)) {
        if (is_parkable(gp))
            gosched_global();
        else
            clock_sleep(AGAIN);
        if (world_ends())
            return false;
    }
    return true;
}

void direct_update(void)
{
    store_relaxed(&sched.direct, debug.directswitch && load_relaxed(&sched.phase) == PHASE_RUN &&
                                     !load_relaxed(&sched.gcwaiting) && !sched.scarce);
}

bool stoptheworld(void)
{
    struct m *m;
    struct p *pp;
    bool wait;

    if (!take_turn())
        return false;
    m = getm();
    event_emit(EV_STW_BEGIN, 0, 0);
    lock(&sched.lock);
    sched.stopwait = load_relaxed(&gomaxprocs);
    noteclear(&sched.stopnote);
    store_relaxed(&sched.direct, 0);
    store_seqcst(&sched.gcwaiting, 1);
    preemptall();
    if (m->p) {
        store_release(&m->p->status, Pgcstop);
        sched.stopwait--;
    }
    while ((pp = pidleget()) != NULL) {
        store_release(&pp->status, Pgcstop);
        sched.stopwait--;
    }
    wait = sched.stopwait > 0;
    unlock(&sched.lock);
    if (load_relaxed(&sched.sysmonwait))
        sysmon_wake();
    /* Requests can be overwritten by a switch: repeat until all have stopped. sysmon takes the Ps
     * of those that sleep in the kernel. */
    while (wait && !notetsleep(&sched.stopnote, nanotime() + AGAIN)) {
        if (load_acquire(&sched.phase) >= PHASE_STOPPING) {
            /* The Ps that did stop are not missed any more. */
            store_release(&stopping, 0);
            return !world_ends();
        }
        preemptall();
    }
    return true;
}

void starttheworld(void)
{
    struct m *m = getm();
    struct p *list;

    lock(&sched.lock);
    if (m->p)
        store_release(&m->p->status, Prunning);
    store_seqcst(&sched.gcwaiting, 0);
    direct_update();
    for (int32_t i = load_relaxed(&gomaxprocs) - 1; i >= 0; i--) {
        struct p *pp = allp[i];

        if (pp == m->p)
            continue;
        if (runqempty(pp)) {
            pidleput(pp);
        } else {
            store_release(&pp->status, Pidle);
            pp->link = runnable;
            runnable = pp;
        }
    }
    list = runnable;
    runnable = NULL;
    unlock(&sched.lock);
    event_emit(EV_STW_END, 0, 0);
    store_release(&stopping, 0);
    while (list) {
        struct p *pp = list;

        list = pp->link;
        startm(pp, false);
    }
    wakep();
}

static struct p *p_new(int32_t id)
{
    static struct p *spare; /* persistent memory of one for which there were no stacks */
    struct p *pp = id == 0 ? &p0 : spare ? spare : persistentalloc(sizeof *pp);

    if (!pp)
        return NULL;
    pp->id = id;
    pp->status = Pgcstop;
    if (id != 0)
        timers_init(&pp->timers);
    if (stackcache_init(pp) < 0) {
        spare = id == 0 ? spare : pp;
        return NULL;
    }
    spare = id == 0 ? spare : NULL;
    return pp;
}

/* What a dying P has goes to the others. */
static void p_destroy(struct p *pp)
{
    struct gqueue q = {NULL, NULL, 0};
    struct g *gp;
    bool inherit;

    while ((gp = runqget(pp, &inherit)) != NULL)
        gqueue_push(&q, gp);
    gqueue_push_all(&q, &pp->yielded);
    globrunqputbatch(&q);
    timers_move(&p0.timers, &pp->timers);
    lock(&sched.gflock);
    gqueue_push_all(&sched.gfree, &pp->gfree);
    unlock(&sched.gflock);
    stackcache_flush(pp);
    store_release(&pp->status, Pdead);
}

int procresize(int32_t n)
{
    struct m *m = getm();
    int32_t old = load_relaxed(&gomaxprocs);

    for (int32_t i = old; i < n; i++) {
        if (i >= nallp) {
            struct p *pp = p_new(i);

            if (!pp) {
                n = i; /* as many as there is memory for */
                break;
            }
            allp[i] = pp;
            nallp = i + 1;
        }
        store_release(&allp[i]->status, Pgcstop);
    }
    if (n == 0)
        return -ENOMEM;
    if (m->p && m->p->id >= n) {
        m->p->m = NULL;
        m->p = NULL;
        p0.m = m;
        m->p = &p0;
    }
    for (int32_t i = n; i < old; i++)
        p_destroy(allp[i]);
    store_release(&gomaxprocs, n);
    if (n > 1)
        solo_over();
    event_emit(EV_PROCS, (uint64_t)n, 0);
    return 0;
}

int32_t gomaxprocs_set(int32_t n)
{
    int32_t old;

    n = MIN(n, MAXPROCS);
    old = load_relaxed(&gomaxprocs);
    if (n <= 0 || n == old)
        return old;
    if (!stoptheworld())
        return old;
    old = load_relaxed(&gomaxprocs);
    invariant(procresize(n) == 0); /* there are some already */
    starttheworld();
    return old;
}

int64_t goroutines_alive(void)
{
    int64_t n = (int64_t)load_relaxed(&sched.created_foreign);

    /* After gamp_run or gamp_stop has returned nothing of them will run again. */
    if (load_acquire(&sched.m0out) || load_acquire(&sched.phase) == PHASE_STOPPED)
        return 0;
    for (int32_t i = 0; i < load_acquire(&nallp); i++)
        n += (int64_t)(load_relaxed(&allp[i]->created) - load_relaxed(&allp[i]->ended));
    return MAX(n, 0);
}

uint64_t goroutines_created(void)
{
    uint64_t n = load_relaxed(&sched.created_foreign);

    for (int32_t i = 0; i < load_acquire(&nallp); i++)
        n += load_relaxed(&allp[i]->created);
    return n;
}
