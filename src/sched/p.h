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
    uint64_t schedtick; /* runs that did not inherit their slice, when settled (direct.h); sysmon
                         * reads it */
    uint64_t inherited; /* runs that did, since then */
    struct m *m;        /* back link; atomic for readers */
    uint32_t preempt;   /* atomic: leave as soon as possible */
    uint64_t slicetick; /* schedtick when sliceuntil was set */
    int64_t sliceuntil; /* coarse time to see whether it is still the same slice */
    bool servesyielded; /* the last look began with them */
    bool timersheld;    /* due timers were left for when those have run that are queued */

    /* Whether to wake an idle P for a goroutine in runnext (park.c, ready_wake). */
    bool readied;        /* one was readied in this turn */
    uint8_t parks_next;  /* how often lately the waker parked at once and ran it itself */
    uint32_t wakewanted; /* atomic: a wake-up was put off; sysmon makes good for it */

    /* Goroutines that yielded while others waited behind the ring. With several Ps they are on
     * their way to the global queue's tail, many at a time. With one they wait here, for when the
     * ring and that queue are empty, and each other look at everything begins with one of them.
     * Empty while the P is idle or stopped. Anyone reads n. */
    struct gqueue yielded;

    uint32_t stackcredit; /* promised stacks of class 0, not yet given to a goroutine */
    struct gqueue gfree;  /* dead records without a stack */
    uint64_t goidcache, goidcacheend;
    struct stackcache stacks;

    uint64_t created, ended, steals; /* counters; owner writes, anyone reads */
    void *pools;                     /* src/sync/pool.c */
    struct runq runq;
    struct timers timers;
} cacheline_aligned;

extern struct p *allp[MAXPROCS];
extern struct p p0; /* allp[0]; its timers are usable before the runtime runs */

struct timers *timers_here(void); /* the set of the caller's P, or allp[0]'s */

#endif
