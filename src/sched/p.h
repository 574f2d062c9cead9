/* SPDX-License-Identifier: BSD-3-Clause */
/* p: a processor: the right to run goroutines, and all that is cheap because only its holder
 * touches it. */
#ifndef GAMP_SCHED_P_H
#define GAMP_SCHED_P_H

#include "mem/stack.h"
#include "sched/runq.h"
#include "sched/timer.h"

enum pstatus { Pidle, Prunning, Pgcstop, Pdead };

#define MAXPROCS 1024

struct stackcache {
    uintptr_t slot[32]; /* hot stacks of the default class, last in first out */
    int n;
};

struct p {
    /* Owner only, unless said. */
    int32_t id;
    uint32_t status;    /* atomic; under sched.lock when not Prunning */
    struct p *link;     /* sched.pidle, or procresize's list */
    uint64_t schedtick; /* grows with each run that does not inherit its slice; read by sysmon */
    struct m *m;        /* back link; atomic for readers */
    uint32_t preempt;   /* atomic: leave as soon as possible */
    uint32_t turns;     /* runs since the global queue was last looked at */
    uint64_t slicetick; /* schedtick when sliceuntil was set */
    int64_t sliceuntil; /* coarse time to see whether it is still the same slice */
    bool timersheld;    /* due timers were left for when those have run that are queued */

    /* Whether to wake an idle P for a goroutine in runnext (park.c, ready_wake). */
    bool readied;        /* one was readied in this turn */
    uint8_t parks_next;  /* how often lately the waker parked at once and ran it itself */
    uint32_t wakewanted; /* atomic: a wake-up was put off; sysmon makes good for it */

    /* Goroutines that yielded while the global queue held others: on their way to its tail, many at
     * a time. Empty while the P is idle or stopped. */
    struct gqueue yielded;

    uint32_t stackcredit; /* promised stacks of class 0, not yet given to a goroutine */
    struct gqueue gfree;  /* dead records without a stack */
    uint64_t goidcache, goidcacheend;
    struct stackcache stacks;

    uint64_t created, ended, switches, steals; /* counters; owner writes, anyone reads */
    void *pools;                               /* src/sync/pool.c */
    struct runq runq;
    struct timers timers;
} cacheline_aligned;

extern struct p *allp[MAXPROCS];
extern struct p p0; /* allp[0]; its timers are usable before the runtime runs */

struct timers *timers_here(void); /* the set of the caller's P, or allp[0]'s */

#endif
