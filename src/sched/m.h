/* SPDX-License-Identifier: BSD-3-Clause */
/* m: an OS thread. Ms that the runtime made are in sched.allm for ever (their records are reused);
 * a foreign thread has one too, without a P, for its locks and its note. */
#ifndef GAMP_SCHED_M_H
#define GAMP_SCHED_M_H

#include "lock/lockrank_up.h"
#include "lock/note.h"
#include "sched/g.h"
#include <signal.h>
#include <time.h>

struct p;

/* m->stolen: who has the P of an M that is in user code.
 *   OWNED -> ASKING -> TAKEN   sysmon;  ASKING -> OWNED  sysmon withdraws, or the owner at its
 *                                                        entry
 *   TAKEN -> OWNED             the owner, when it has a P again
 * Every edge is a CAS but the last. The Dekker pair is in sched/entry.h. */
enum { STOLEN_OWNED, STOLEN_ASKING, STOLEN_TAKEN };

/* Where an M sleeps on its note. */
enum parkedin { PARKED_NOT, PARKED_IDLE, PARKED_LOCKED, PARKED_HANDLER };

struct m {
    /* What an entry and a leave touch. Owner writes; guard: sysmon and preemptors too (atomic). */
    uintptr_t guard;    /* stackguard0 of the running g, or GUARD_ASK */
    uint32_t inruntime; /* 1 between gamp_enter and gamp_leave */
    uint32_t stolen;    /* atomic */
    int32_t locks;      /* runtime locks and preemption offs; owner only */
    bool hint;          /* between gamp_blocking_enter and _exit */
    struct g *curg;     /* atomic for readers */
    struct p *p;        /* NULL while idle or stray */
    struct g *g0;
    int *errnop;

    /* What the next context on this M does for the one that it switched from (sched/park.c). Owner
     * only. */
    struct g *commitg;
    void (*commit)(struct m *, struct g *);
    bool (*unlockf)(struct g *, void *);
    void *unlocklock;
    struct timer *parktimer;
    struct g *handed; /* taken off a queue by a direct switch that could not run it */
    bool handed_inherit;

    uint64_t rand;
    struct p *nextp;  /* handed with park */
    struct p *oldp;   /* had before it became a stray */
    bool spinning;    /* looks for work; counted in sched.nmspinning */
    uint8_t parkedin; /* enum parkedin; sched.lock */
    bool dying;       /* its thread is to end */
    bool pinned;      /* counted in sched.pinned_now; sched.lock */
    bool dead;        /* its thread has ended; the record is on sched.freem */
    bool foreign;
    uintptr_t hog; /* the function of its goroutine that was stopped in the handler, until that has
                    * left it, or 0; counted in sched.nmhogs */
    struct note park;
    struct g *lockedg;
    struct m *schedlink; /* sched.midle */
    struct m *alllink;   /* sched.allm; written once */
    int64_t id;
    int tid;
    clockid_t cpuclock;
    void *altstack;
    void *cxa_globals; /* __cxa_get_globals() of the thread, or NULL */
    sigset_t sigmask;  /* what goroutines run with */
    struct lockrank_held ranks;

    int64_t slice;           /* atomic; written under preempt.c's lock: the kernel's slice of the
                              * thread before it was lengthened, 0: it was not, -1: it cannot be */
    uint32_t signal_pending; /* atomic: a preemption signal is on its way */
    const void *context;     /* atomic: where the handler that sleeps interrupted it; for reports */
    uint32_t frozen;         /* atomic: stands in the handler for good (sched/freeze.c) */
    uint32_t unanswered;     /* atomic: signals not sent because one was pending */
    struct {
        uint64_t switches;
        int64_t cpu, at, sleeps;
    } stw; /* notes of who stops the world */

    struct {
        uint64_t tick; /* its switches count that run, 0: none; written before m->switches */
        int64_t cpu, at, sleeps;
    } resumed; /* the run that went on where preemption had stopped it: its begin */

    struct {
        uint64_t tick;  /* schedtick seen */
        int64_t since;  /* when */
        int64_t cpu;    /* its CPU clock at the last look, -1: not looked */
        int64_t cpu0;   /* its CPU clock at the first look of this run */
        int64_t before; /* CPU time of the runs before that one, which only preemption ended */
        int64_t busy;   /* its CPU clock at the last look of all */
        int64_t looked; /* when cpu was read */
        int jitter;     /* of its slice, in 1024ths; so that it keeps time with nothing */
        int64_t sleeps; /* as the kernel counts them, -1: not looked */
    } mon;              /* sysmon's notes */
    uint64_t switches;  /* runs of goroutines; owner writes */
    uint64_t settled;   /* of those, the ones that are in a P's schedtick */
    /* what switches are when the scheduler looks at everything: every 61st run */
    uint64_t lookat;
    struct g g0_storage; /* g0 of a made thread, or the g of a foreign one */
    struct gx gx_storage;
};

#define GUARD_ASK (UINTPTR_MAX - 4096)

extern struct m m0;

/* Fills in what every M has; adds it to sched.allm. sched.lock held. */
void mcommoninit(struct m *mp);
/* A zeroed record from persistent memory or of an ended thread; NULL when out of memory. */
struct m *m_alloc(void);
/* The calling thread's part: id, clock, alternate stack, C++ state. */
void minit(struct m *mp);
void unminit(struct m *mp);
/* Makes a foreign thread, or one of the runtime's without goroutines, an M with its own g; sets
 * getg(). */
struct g *m_attach(struct m *mp, bool foreign);

static inline struct m *getm(void)
{
    return getg()->run.m;
}

#endif
