/* SPDX-License-Identifier: BSD-3-Clause */
/* p: a processor: the right to run goroutines, and all that is cheap because only its holder touches it. */
#ifndef GAMP_SCHED_P_H
#define GAMP_SCHED_P_H

#include "sched/runq.h"
#include "sched/timer.h"

enum pstatus { Pidle, Prunning, Pgcstop, Pdead };

#define MAXPROCS 4096

struct stackcache {
    uintptr_t slot[32]; /* hot stacks of the default class, last in first out */
    int n;
};

struct p {
    /* Owner only, unless said. */
    int32_t id;
    uint32_t status;    /* atomic; under sched.lock when not Prunning */
    struct p *link;     /* sched.pidle */
    uint64_t schedtick; /* grows with each run that does not inherit its slice; read by sysmon */
    struct m *m;        /* back link; atomic for readers */
    uint32_t preempt;   /* atomic: leave as soon as possible */
    uint32_t directs;   /* direct switches since the scheduler last ran */

    struct gqueue gfree; /* dead records without a stack */
    uint64_t goidcache, goidcacheend;
    struct stackcache stacks;
    struct runq runq;
    struct timers timers;

    uint64_t created, switches, steals; /* counters; owner writes, anyone reads */
    void *pools;                        /* src/sync/pool.c */
} cacheline_aligned;

/* Grows only, and never moves: index by id < MAXPROCS; the first gomaxprocs are in use. */
extern struct p *allp[MAXPROCS];

#endif
