/* SPDX-License-Identifier: BSD-3-Clause */
/* polldesc: what the runtime knows of one descriptor number.
 *
 * One record per number, in a table that only grows; records are never freed, so late events,
 * timers and wakers may look at one at any time. mu says whose record it is now:
 *
 *    63        32 31        8 7       0
 *   +------------+-----------+---------+
 *   |    seq     |   refs    |  flags  |    refs: operations under way, queued ones included
 *   +------------+-----------+---------+
 *
 *   unknown -> OPEN                  polldesc_open; by the first operation too (soft)
 *   OPEN    -> OPEN|CLOSING          polldesc_close: none begins any more, those that wait are
 *                                    woken
 *   OPEN|CLOSING, refs 0 -> unknown  after close(2); or -> OPEN by the number's next owner, who may
 *                                    be there first
 *   OPEN    -> OPEN, another seq     the program closed the number behind our back and it has come
 *                                    again: operations of before fail with -EBADF, and hold their
 *                                    locks till then
 *
 * seq is the registration: events, and operations that slept, are matched by it. Never 0.
 *
 * RLOCK and WLOCK let one reader and one writer in; the others of the kind queue, first in first
 * out (RQ, WQ: the queue is not empty), see sched/fdlock.h.
 *
 * rg (and wg), for the holder of RLOCK (WLOCK), as in Go:
 *   PD_NIL    nothing known
 *   PD_READY  an edge came; the next wait consumes it
 *   PD_WAIT   the holder is about to park
 *   g         it is parked
 *   holder:   NIL -> WAIT -> g (the park's commit);  any -> NIL before a try, and after a park
 *   poller:   any -> READY, readying g;   close, deadline: WAIT or g -> NIL, readying g
 * Dekker pairs, sequentially consistent: the holder writes rg, then reads mu and the deadline;
 * closing and setting a deadline write those, then read rg.
 *
 * Deadlines are points in rd and wd (NEVER: none). Whoever begins an operation, or is woken, looks
 * at the clock. One timer per record wakes the parked; it is armed when somebody parks, and stays
 * where it is when a deadline moves later: it then arms itself again. twhen is its point, NEVER:
 * it will not come.
 *
 * Rejected: the record's lock for all of this; the uncontended operation would pay four locked
 * instructions where two do. A record per registration, found by pointer: the program's handle is
 * the number, so a table lookup is needed anyway. */
#ifndef GAMP_SCHED_POLLDESC_H
#define GAMP_SCHED_POLLDESC_H

#include "base/list.h"
#include "lock/mutex.h"
#include "sched/g.h"
#include "sched/timer.h"

enum pollmode { PD_READ = 1, PD_WRITE = 2 };

/* What a descriptor is like, with the modes in which a short count means drained, or full. */
enum polltraits {
    PD_SOCKET = 4,
    PD_TCP = PD_SOCKET | PD_READ | PD_WRITE,
    PD_TRAITS_UNKNOWN = 128, /* to be found out */
};

enum pollkind {
    PD_SOFT,     /* registered, but perhaps not O_NONBLOCK: asked by poll(2) before each call */
    PD_NONBLOCK, /* registered and O_NONBLOCK */
    PD_FILE,     /* cannot be polled: its calls block (regular files) */
};

#define PD_NIL ((uintptr_t)0)
#define PD_READY ((uintptr_t)1)
#define PD_WAIT ((uintptr_t)2)

#define PDF_OPEN UINT64_C(1)
#define PDF_CLOSING UINT64_C(2)
#define PDF_RLOCK UINT64_C(4)
#define PDF_WLOCK UINT64_C(8)
#define PDF_RQ UINT64_C(16)
#define PDF_WQ UINT64_C(32)
#define PD_REF UINT64_C(256)
#define PD_REFS UINT64_C(0xffffff00)
#define PD_SEQ(mu) ((uint32_t)((mu) >> 32))

struct polldesc {
    uint64_t mu;        /* atomic */
    uintptr_t rg, wg;   /* atomic */
    int64_t rd, wd;     /* atomic; written under lock */
    int64_t twhen;      /* atomic; written under lock */
    uint32_t drained;   /* seq whose last read was short; RLOCK's holder */
    uint32_t full;      /* seq whose last write was short; WLOCK's holder */
    uint8_t kind;       /* atomic; enum pollkind; written under lock */
    uint8_t traits;     /* atomic; enum polltraits; written under lock */
    uint8_t odd;        /* atomic; HUP, RDHUP, ERR or PRI was seen: a short count proves nothing */
    uint32_t nwaits;    /* atomic; length of waits; written under lock */
    struct mutex lock;  /* LOCK_FD; guards what follows */
    int fd;             /* the number; written once */
    struct list waits;  /* struct pollwait */
    struct list rq, wq; /* struct fdqueued */
    struct g *closer;   /* waits for the last operation to leave */
    struct timer timer;
} cacheline_aligned;

/* The record; NULL: none was made yet, or the number is out of range. */
struct polldesc *polldesc_lookup(int fd);
/* The same, made if need be. NULL: out of memory, or out of range. */
struct polldesc *polldesc_get(int fd);

/* Registers the number. PD_NONBLOCK: it is O_NONBLOCK already. PD_SOFT: becomes PD_SOFT or PD_FILE
 * as the descriptor allows, and stays what it is when the very same is registered. PD_FILE: known
 * not
 * to be pollable. fresh: the kernel has just made the descriptor, so what the record holds is of
 * a forgotten one.
 * 0; -EPERM: PD_NONBLOCK was asked and it cannot be polled; -EBADF, -ENOMEM, -ENOSPC, -EMFILE. */
int polldesc_open(int fd, enum pollkind kind, unsigned traits, bool fresh);

/* Closes the number by close(2), registered or not, and answers what that does. Those who wait on
 * it are woken with -EBADF. Waits until non-blocking operations have left; a blocking one that is
 * under way closes it when it comes back, and the answer is 0 at once. */
int polldesc_close(int fd);
/* For fdlock: the last but one reference to a closing record went, or the last one. */
void polldesc_left(struct polldesc *pd, uint64_t mu);

/* News from the poller. Appends what became runnable. */
void polldesc_event(int fd, uint32_t seq, uint32_t events, struct gqueue *ready);

/* Takes the parked one out of rg or wg; ready: by an edge, else by a close or a deadline. The
 * caller readies it and counts it off (netpollwaiters_add). */
struct g *polldesc_unblock(uintptr_t *word, bool ready);

/* Readies all of q, which polldesc_unblock and the like have filled; no lock held. */
void polldesc_ready_all(struct gqueue *q);

/* The runtime has ended and gp is a thread's: goroutines that stopped for good may hold
 * descriptors' locks and references, so those no longer count. */
bool polldesc_ended(const struct g *gp);
/* At the end of the runtime: threads that wait for goroutines (in a descriptor's queue, for the
 * last operation before a close) go on without. */
void polldesc_end_runtime(void);

/* Everything that is open, into another epoll instance. */
void polldesc_reopen_all(int epfd);
/* In a fork's child: its parent's other threads, who may hold any lock here, are gone, and the
 * poller is the parent's. Nothing is registered any more; the descriptors are there. */
void polldesc_after_fork(void);

static inline uintptr_t *polldesc_word(struct polldesc *pd, unsigned mode)
{
    return mode == PD_READ ? &pd->rg : &pd->wg;
}

static inline int64_t *polldesc_deadline(struct polldesc *pd, unsigned mode)
{
    return mode == PD_READ ? &pd->rd : &pd->wd;
}

#endif
