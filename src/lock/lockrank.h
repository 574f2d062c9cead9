/* SPDX-License-Identifier: BSD-3-Clause */
/* lockrank: the order in which the runtime's own locks may be taken: each rank only while holding
 * lower ones. Checked in debug builds. Equal ranks may nest only where the caller orders them
 * by address (LOCK_CHAN in select). */
#ifndef GAMP_LOCK_LOCKRANK_H
#define GAMP_LOCK_LOCKRANK_H

enum lockrank {
    LOCK_NONE,
    LOCK_STW,     /* stopping the world */
    LOCK_CONTEXT, /* context trees */
    LOCK_SYNC,    /* cond, sem and other objects of sync/ */
    LOCK_FD,      /* pollDesc */
    LOCK_SIGNAL,  /* signal tables */
    LOCK_CHAN,    /* channels */
    LOCK_GATE,    /* pollgate: between claiming a wait and readying it */
    LOCK_SEMA,    /* semaphore buckets */
    LOCK_TIMERS,  /* a P's timer heap */
    LOCK_SCHED,   /* schedt */
    LOCK_STACK,   /* stack slots */
    LOCK_MEM,     /* persistent memory and the like */
    LOCK_LEAF,    /* takes nothing else */
};

#endif
