/* SPDX-License-Identifier: BSD-3-Clause */
/* polldesc: what goroutines know and wait on of one descriptor number.
 *
 * One record per number, in a table that only grows; records are never freed, so late events, timers and wakers
 * may look at one at any time. mu says whose record it is now:
 *
 *    63        32 31        8 7       0
 *   +------------+-----------+---------+
 *   |    seq     |   refs    |  flags  |    refs: operations under way, queued ones included
 *   +------------+-----------+---------+
 *
 *   unknown -> OPEN                  polldesc_open; also implicitly, by the first operation (soft)
 *   OPEN    -> OPEN|CLOSING          polldesc_close: no new operation begins, the old ones are woken
 *   OPEN|CLOSING, refs 0 -> unknown  after close(2); or -> OPEN by a new owner of the number, who came first
 *   OPEN    -> OPEN, seq + 1         the program closed the number behind our back and registers it anew: the
 *                                    operations of before fail with -EBADF, and still hold their locks till then
 *
 * seq is the registration: events, and operations that slept, are matched by it.
 *
 * RLOCK and WLOCK let one reader and one writer in; the others of the kind queue, first in first out
 * (RQ, WQ: the queue is not empty), and the lock is handed to the first.
 *
 * rg (and wg), for the holder of RLOCK (WLOCK), as in Go:
 *   PD_NIL    nothing known
 *   PD_READY  an edge came; consumed by the next wait
 *   PD_WAIT   the holder is about to park
 *   g         it is parked
 *   holder:   NIL -> WAIT -> g (the park's commit);  any -> NIL before a read, and after a park
 *   poller:   any -> READY, readying g;   close, deadline: WAIT or g -> NIL, readying g
 * Dekker pairs, sequentially consistent: the holder writes rg, then reads mu and the deadline; closing and
 * setting a deadline write those, then read rg.
 *
 * Deadlines are points in rd and wd (NEVER: none); whoever begins an operation or is woken looks at the clock. One timer per record
 * wakes the parked; it is armed when somebody parks and stays where it is when a deadline moves later: it
 * then arms itself again. twhen is its point, NEVER when it will not come.
 *
 * Rejected: the descriptor's lock for all of this. The uncontended operation would pay four locked
 * instructions where two do. */
#ifndef GAMP_SCHED_POLLDESC_H
#define GAMP_SCHED_POLLDESC_H

#include "base/list.h"
#include "lock/mutex.h"
#include "sched/g.h"
#include "sched/timer.h"

enum pollmode { PD_READ = 1, PD_WRITE = 2 };

enum pollkind {
    PD_SOFT,     /* registered with the poller, not known to be non-blocking: asked by poll(2) before each call */
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
#define PD_REFMASK UINT64_C(0xffffff00)
#define PD_SEQ(mu) ((uint32_t)((mu) >> 32))

struct polldesc {
    uint64_t mu;      /* atomic */
    uintptr_t rg, wg; /* atomic */
    int64_t rd, wd;   /* atomic; written under lock */
    int64_t twhen;    /* atomic; written under lock */
    uint32_t drained; /* seq whose last read was short (RLOCK's holder), + 1 */
    uint32_t full;    /* seq whose last write was short (WLOCK's holder), + 1 */
    uint8_t kind;     /* atomic; enum pollkind; written under lock */
    uint8_t odd;      /* atomic; HUP, RDHUP, ERR or PRI was seen: a short count proves nothing */
    uint8_t stream;   /* atomic; PD_READ, PD_WRITE: a short count means drained, full */
    uint32_t nwaits;  /* atomic; length of waits; written under lock */
    struct mutex lock; /* LOCK_FD; guards what follows */
    int fd;           /* the number; written once */
    struct list waits;  /* struct pollwait */
    struct list rq, wq; /* struct pdqueued */
    struct g *closer;   /* waits for the last operation to leave */
    struct timer timer;
} cacheline_aligned;

struct polldesc *polldesc_get(int fd); /* makes it; NULL: out of memory or of range */
/* The record of the number; NULL: none was made yet, or fd < 0. */
struct polldesc *polldesc_lookup(int fd);

/* Registers the number with the poller. PD_NONBLOCK: it is O_NONBLOCK already. PD_SOFT: as the descriptor allows, PD_SOFT or PD_FILE.
 * fresh: the kernel has just made it, so what the record holds is of a forgotten one. stream: a mask of modes.
 * 0; -EPERM: PD_NONBLOCK asked and it cannot be polled; -EBADF, -ENOMEM, -ENOSPC, -EMFILE. */
int polldesc_open(int fd, enum pollkind kind, uint8_t stream, bool fresh);

/* Begins an operation: takes the lock of the mode (mode 0: none, a reference only), waiting for it in the queue; a number
 * that nobody registered is soft-registered. *seq is for the calls below. 0, -EBADF, or an error of registering. */
int polldesc_begin(int fd, unsigned mode, struct polldesc **pd, uint32_t *seq);
void polldesc_end(struct polldesc *pd, unsigned mode);

/* Before the first try of an operation: 0, -ETIMEDOUT, -EBADF. Parks when the last try left nothing to get. */
int polldesc_prepare(struct polldesc *pd, unsigned mode, uint32_t seq);
/* After an -EAGAIN: waits. 0: try again; -ETIMEDOUT, -EBADF. */
int polldesc_wait(struct polldesc *pd, unsigned mode, uint32_t seq);
/* A short count was had. */
void polldesc_short(struct polldesc *pd, unsigned mode, uint32_t seq);

/* NEVER: none. 0, -EBADF, -ENOMEM, -EPERM for what cannot be polled. modes: PD_READ | PD_WRITE. */
int polldesc_set_deadline(int fd, unsigned modes, int64_t t);

/* Closes the number by close(2), whether registered or not; what it answers. Waits until non-blocking operations have left it; a
 * blocking one closes it when it returns. */
int polldesc_close(int fd);

/* The poller's news. Appends what became runnable. */
void polldesc_event(int fd, uint32_t seq, uint32_t events, struct gqueue *ready);

/* An operation on the mode would not park now: data, end, error, deadline passed, closed. Asks the kernel. */
bool polldesc_ready(int fd, unsigned mode);

/* Takes the parked one out of rg or wg; ready: the poller's edge, else a close or a deadline. The caller readies it and
 * counts it off (netpollwaiters_add). */
struct g *polldesc_unblock(uintptr_t *word, bool ready);

/* A waiter among others (select, gamp_fd_wait): lies on the waiter's stack. The poller, a passed deadline and a close
 * claim the wait by ticket, set g->run.param = param and ready g. */
struct pollwait {
    struct list link;    /* in pd->waits; pd's lock */
    struct polldesc *pd; /* NULL: not armed */
    struct g *g;
    void *param;
    uint32_t ticket;
    uint8_t modes;
    bool deadlines; /* a passed deadline ends it too */
    bool thread;    /* waits in poll(2): woken by wakefd */
    int wakefd;
};

/* The caller fills in g, ticket and param. 0: armed: now ask polldesc_ready once more, then park. Positive or negative: never to
 * be waited for, as an operation would not park (a regular file; a descriptor that is none). */
int polldesc_select_arm(int fd, unsigned mode, struct pollwait *w);
void polldesc_select_disarm(struct pollwait *w); /* harmless when not armed */
/* As polldesc_select_arm with all fields given by the caller; deadlines and thread count. */
int polldesc_arm(int fd, struct pollwait *w);

#endif
