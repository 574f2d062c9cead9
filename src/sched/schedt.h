/* SPDX-License-Identifier: BSD-3-Clause */
/* schedt: what all Ms share. One instance, `sched`. */
#ifndef GAMP_SCHED_SCHEDT_H
#define GAMP_SCHED_SCHEDT_H

#include "lock/mutex.h"
#include "sched/globq.h"
#include "sched/m.h"
#include "sched/p.h"

enum sched_phase {
    PHASE_NONE, /* before gamp_run or gamp_start */
    PHASE_INIT, /* schedinit */
    PHASE_RUN,
    PHASE_STOPPING, /* no goroutine is scheduled any more */
    PHASE_STOPPED,
};

/* Goroutines that never ran and wait for a thread to be given back (sched/begin.h). */
struct held {
    struct gqueue q;
    int64_t begun; /* when the last one began, or the first had to wait */
    bool alarmed;  /* since then one more M came to be a stopped goroutine's */
};

struct schedt {
    struct mutex lock; /* LOCK_SCHED; guards all but what is said to be atomic */

    struct m *midle;   /* idle Ms, last in first out */
    int32_t nmidle;    /* written under lock, atomic for readers */
    int32_t nmidlelow; /* least nmidle since sysmon last retired Ms */
    int32_t nmidlelocked;
    int64_t mnext; /* next id; also Ms ever made */
    int32_t maxmcount;
    int32_t nmfreed;
    int32_t nmwanted; /* Ms asked of the template thread and not yet there */
    struct m *allm;   /* atomic head, linked by alllink, grows only */
    struct m *freem;  /* records of ended threads */

    struct p *pidle;
    bool pidlework;        /* one of them has goroutines in its queue: there was no M for it */
    int32_t npidle;        /* atomic for readers */
    int32_t nmspinning;    /* atomic */
    uint32_t needspinning; /* atomic */

    struct gqueue runq; /* runnable, in order */
    struct gqueue hogq; /* runnable, but used up its slice */
    uint32_t runqsize;  /* of both and held, atomic for readers */
    uint32_t runqshort; /* runq.n alone, atomic for readers */
    int64_t hogsince;   /* when the hog queue was last served or empty */

    struct gqueue gfree;      /* dead records */
    struct mutex gflock;      /* LOCK_LEAF; gfree */
    uint64_t goidgen;         /* atomic */
    int64_t ngoroutines;      /* atomic; alive, the program's */
    uint64_t created_foreign; /* atomic: created on threads without a P */

    int64_t lastpoll;  /* atomic; 0: somebody blocks in netpoll */
    int64_t polluntil; /* atomic; when that one wakes, 0: it does not */
    int64_t coarse;    /* atomic; a recent nanotime (coarse_set) */
    int64_t coarsefar; /* atomic; that and TIMERS_FAR */

    /* atomic: switches from goroutine to goroutine may be taken: running, no stop wanted, threads
     * are to be had */
    uint32_t direct;
    uint32_t gcwaiting; /* atomic: the world is to stop */
    int32_t stopwait;
    struct note stopnote;

    uint32_t sysmonwait; /* atomic: sysmon sleeps until somebody runs */
    struct note sysmonnote;
    uint32_t sysmonnaps; /* atomic: it naps for long, on napnote (1) or in the poller (2);
                          * who takes it to 0 wakes it */
    struct note napnote;
    struct note templatenote;
    uint32_t templatewake; /* atomic: the template thread was asked */

    uint32_t phase; /* atomic; enum sched_phase */
    bool library;   /* gamp_start: no deadlock report */
    int exitcode;
    uint32_t m0out;       /* atomic: m0 has left its scheduling loop */
    bool deadsuspect;     /* all asleep, but for a thread that is not ours */
    uint32_t sysmonworks; /* atomic; sysmon may have goroutines in hand that are in no queue yet */
    sigset_t sigmask;     /* of the thread that started the runtime; goroutines run with it */
    bool mainended;       /* main called gamp_goexit */
    bool membarrier;      /* the kernel has it; Ps can be taken without a hint */
    int32_t foreigners;   /* atomic: attached foreign threads */
    int32_t signalchans;  /* atomic: registered signal channels */

    bool procs_fixed;     /* GAMPMAXPROCS, the configuration or the program set the number of Ps */
    int32_t procs_before; /* gamp_gomaxprocs before the runtime ran */
    int32_t wantprocs;    /* atomic: the template thread is to change the number of Ps */
    size_t stack_size;    /* what gamp_go's goroutines get; 0: the default */
    int32_t panicking;    /* atomic: goroutines that run deferred calls of a panic */
    uint32_t dying;       /* atomic: one of them has begun its report */
    uint32_t forked;      /* atomic: this is the child of a fork */
    int32_t strays_now;   /* atomic: Ms in user code without a P */
    int32_t pinned_now;   /* Ms asleep in the preemption handler; atomic for readers */
    uint64_t handoffs, preemptions, strays; /* atomic counters */

    /* Who begins while threads run out (sched/begin.h). */
    struct held held[HELD_KINDS]; /* in runqsize, too */
    int32_t nmhogs;               /* Ms with m->hog; atomic for readers */
    int32_t nmcoming;             /* Ms whose threads are made and have not yet begun */
    bool nothreads;               /* the last thread could not be made */
    bool scarce;                  /* atomic for readers: threads run out */
    int64_t ranother;             /* atomic: meanwhile, when another than a hog last ran */
};

extern struct schedt sched;

enum { TIMERS_FAR = 50 * 1000 * 1000 };

static inline void coarse_set(int64_t now)
{
    store_relaxed(&sched.coarse, now);
    store_relaxed(&sched.coarsefar, now + TIMERS_FAR);
}
extern int32_t ncpu;

struct debugvars {
    int32_t schedtrace, scheddetail, inittrace, asyncpreemptoff, directswitch, sched_random;
    uint64_t seed;
    int32_t preemptsignal;
    int32_t traceback; /* enum in sched/fatal.h */
};
extern struct debugvars debug;

int64_t goroutines_alive(void); /* the program's; a sum over the Ps, exact while nothing changes */
uint64_t goroutines_created(void);

static inline enum sched_phase sched_phase(void)
{
    return (enum sched_phase)load_acquire(&sched.phase);
}

#endif
