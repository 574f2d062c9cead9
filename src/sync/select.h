/* SPDX-License-Identifier: BSD-3-Clause */
/* select: waiting for the first of several things. Go's selectgo.
 *
 * 1. Without a lock: which cases look ready? One of them, drawn, is tried under its own channel's
 * lock. 2. With all channels locked, in the order of their addresses: drawn and tried again, until
 * one was done or none is
 *    ready at one and the same moment. Then the default case runs, or
 * 3. a sudog goes into the queue of each channel, and the goroutine parks; the park's commit
 * unlocks the channels. 4. Whoever claims the wait (a partner, the clock, a descriptor) has done
 * its case; the other sudogs are taken back.
 *
 * The draw is uniform among the ready: each that is found replaces the choice with probability
 * 1/found. A waiter seen in a queue may have been claimed elsewhere; a try that fails takes such
 * waiters off, and the draw is repeated. Cases of one channel are adjacent in the order; they
 * queue in random order, so that it is random which the later partner meets first.
 *
 * Memory: the commit reads the order on the parked goroutine's stack. Before it leaves, the
 * goroutine takes the lock of each channel but the one whose partner woke it; the last that the
 * commit releases is among them, or is that one.
 *
 * Rejected: locking one channel after the other and queueing at once, with an own claim for what
 * is ready: partners could ready a goroutine that has not parked yet. */
#ifndef GAMP_SYNC_SELECT_H
#define GAMP_SYNC_SELECT_H

#include "sched/pollwait.h"
#include "sync/chan.h"
#include <gamp/select.h>

#define SELECT_MAX 65536u
#define SELECT_FEW 16u /* cases for which there is room on the stack */

/* What waits for one case; its address is what the waker leaves in run.param. */
struct selcase {
    union {
        struct sudog sg;    /* in its channel's queue */
        struct pollwait fd; /* in its descriptor's list */
    };
    uint32_t elem_size;
    bool fd_ready; /* at the last look */
};

/* A case with a channel. */
struct selchan {
    struct gamp_chan *c;
    uint32_t i; /* the case */
    bool send;
};

struct selector {
    const gamp_case *cases;
    struct selcase *waits; /* one for each case, used by those that wait */
    struct selchan *order; /* by the channels' addresses */
    uint32_t n;
    uint32_t nchans; /* in order */
    uint32_t nfds;
    int deflt;              /* index of the default case, or -1 */
    bool timed;             /* there are points in time */
    int64_t until;          /* the earliest */
    struct pollgate gate;   /* when descriptors are armed */
    struct gamp_chan *left; /* given up by all others meanwhile; for chan_free_all, once outside */
};

static inline bool is_chan(const gamp_case *k)
{
    return k->kind == GAMP_CASE_SEND || k->kind == GAMP_CASE_RECV;
}

static inline bool is_fd(const gamp_case *k)
{
    return k->kind == GAMP_CASE_READABLE || k->kind == GAMP_CASE_WRITABLE;
}

enum select_error {
    SELECT_OK,
    SELECT_BAD_KIND,
    SELECT_DEFAULTS, /* two of them */
    SELECT_SIZE,     /* of the case *bad, or it sends NULL */
};

/* waits and order have room for n. Reads the cases, which stay as they are until select_go is
 * through. */
enum select_error select_init(struct selector *s, const gamp_case *cases, uint32_t n,
                              struct selcase *waits, struct selchan *order, uint32_t *bad);
/* Inside the runtime. The index of the case that ran. *closed: it was to send on a closed channel.
 * */
int select_go(struct selector *s, bool *closed);

#endif
