/* SPDX-License-Identifier: BSD-3-Clause */
/* g: a goroutine.
 *
 * A goroutine that has not run yet is this small record alone (96 bytes): its function and
 * arguments. At its first run it gets a stack, and with it a struct gx, which lies at the stack's
 * high end; the words of `start` move there and `run` takes their place. Records are
 * never given back to the system, so a late waker may look at one at any time.
 *
 *   newproc:   Gidle|Gdead -> Grunnable            start valid, x == NULL
 *   first run: Grunnable -> Grunning               run valid, x != NULL
 *   park:      Grunning -> Gwaiting                by the next context on the M, after the switch;
 *                                                  by itself where nobody else could run it
 *                                                  (sched/solo.h)
 *   ready:     Gwaiting -> Grunnable               by the one waker
 *   preempt:   Grunning -> Gpreempted -> Grunning  its M waits in the signal handler (pinm)
 *   end:       Grunning -> Gdead
 *
 * The status is written by whoever owns the goroutine at that moment: its M while it runs, its
 * waker once it is parked, the queue's consumer while it is runnable; so plain release stores do.
 *
 * waitid: even: not waiting or not yet claimed; a waker claims the wait it knows by adding one to
 * just that value. It only grows, over the lives of the record too.
 *
 * A foreign thread (or one outside the runtime's life) has a g of its own, kind GFOREIGN: it parks
 * on its m's note. */
#ifndef GAMP_SCHED_G_H
#define GAMP_SCHED_G_H

#include "base/atomic.h"
#include "arch/cpu.h"

enum gstatus { Gidle, Grunnable, Grunning, Gsyscall, Gwaiting, Gpreempted, Gdead, GSTATUS_COUNT };

enum gkind {
    GNORMAL,  /* a goroutine */
    GSYSTEM,  /* a goroutine of the runtime's own, not counted */
    G0,       /* the scheduler's context of an M */
    GFOREIGN, /* a thread that the runtime did not make */
};

/* Why a goroutine waits; the words are Go's (waitreason_text). */
enum waitreason {
    WAIT_NONE,
    WAIT_CHAN_RECEIVE,
    WAIT_CHAN_SEND,
    WAIT_CHAN_RECEIVE_NIL,
    WAIT_CHAN_SEND_NIL,
    WAIT_SELECT,
    WAIT_SELECT_NO_CASES,
    WAIT_SLEEP,
    WAIT_IO,
    WAIT_SEMACQUIRE,
    WAIT_MUTEX_LOCK,
    WAIT_RWMUTEX_RLOCK,
    WAIT_RWMUTEX_LOCK,
    WAIT_COND,
    WAIT_WAITGROUP,
    WAIT_SEM,
    WAIT_GROUP,
    WAIT_PROCESS,
    WAIT_SIGNAL,
    WAIT_PREEMPTED,
    WAIT_STOP_THE_WORLD,
    WAIT_PANIC,
    WAIT_REASON_COUNT
};
const char *waitreason_text(enum waitreason r);

struct m;
struct gx;
struct sudog;
struct gamp_defer;
struct panic;

struct gstart {
    void (*fn)(void);
    uintptr_t args[6];
};

struct grun {
    uintptr_t sp;          /* where it goes on; 0 while it runs */
    struct m *m;           /* the M it runs on */
    uintptr_t stackguard0; /* what its M's guard is while it runs undisturbed */
    void *param;           /* from waker to woken */
    struct m *lockedm;     /* gamp_lock_os_thread */
    struct m *pinm;        /* Gpreempted: the M that waits in the handler with it */
    struct sudog *waiting; /* what it waits on, for reports; its own to write */
};

struct g {
    struct g *schedlink; /* queue or free list it is in */
    uint32_t waitid;
    uint8_t status; /* enum gstatus */
    uint8_t waitreason;
    uint8_t kind;
    uint8_t flags; /* GFLAG_ */
    uint64_t goid;
    struct gx *x;
    uintptr_t gopc; /* return address of the call that created it */
    union {
        struct gstart start;
        struct grun run;
    };
};
_Static_assert(sizeof(struct g) == 96, "a queued goroutine stays within 96 bytes");

enum {
    GFLAG_HOG = 1,      /* used up its slice: waits behind those that an event woke */
    GFLAG_OPTIONS = 2,  /* bound at its creation */
    GFLAG_OVER = 4,     /* counted as ended already */
    GFLAG_TIMEDOUT = 8, /* how the last gopark_until ended; its waker's to set */
    GFLAG_BEGINS = 16   /* it was decided that it begins (sched/begin.h) */
};

/* The part that comes with a stack. Written by the goroutine itself unless said otherwise. */
struct gx {
    struct g *g;
    uintptr_t stack_lo,
        stack_hi; /* usable bytes; hi is this struct's address, or the thread's for g0 */
    /* What a wait touches, in the first cache line. */
    int64_t waitsince;
    void *cxa_caught; /* C++ exception state while parked: __cxa_eh_globals */
    unsigned cxa_uncaught;

    struct gstart start;
    struct gamp_defer *defers; /* innermost first */
    struct panic *panics;      /* innermost first */
    struct protect *protects;  /* innermost first */
    int stack_class;
    uint32_t locked_ext; /* nesting of gamp_lock_os_thread */
    char name[32];
    void *asan_fake_stack;
    void *tsan_fiber;
};

/* A goroutine, which parks by switching; otherwise its thread sleeps. */
static inline bool is_parkable(const struct g *gp)
{
    return gp->kind <= GSYSTEM;
}

static inline enum gstatus readgstatus(const struct g *gp)
{
    return (enum gstatus)load_acquire(&gp->status);
}

void gstatus_check(struct g *gp, enum gstatus from, enum gstatus to); /* throws when not legal */

/* By the one who owns the goroutine now; so, unlike Go's, no CAS. */
static inline void casgstatus(struct g *gp, enum gstatus from, enum gstatus to)
{
#ifdef GAMP_DEBUG
    gstatus_check(gp, from, to);
#else
    (void)from;
#endif
    store_release(&gp->status, (uint8_t)to);
}

/* Lists through schedlink; FIFO. */
struct gqueue {
    struct g *head, *tail;
    uint32_t n;
};

static inline void gqueue_push(struct gqueue *q, struct g *gp)
{
    gp->schedlink = NULL;
    if (q->tail)
        q->tail->schedlink = gp;
    else
        q->head = gp;
    q->tail = gp;
    q->n++;
}

static inline void gqueue_push_front(struct gqueue *q, struct g *gp)
{
    gp->schedlink = q->head;
    q->head = gp;
    if (!q->tail)
        q->tail = gp;
    q->n++;
}

static inline struct g *gqueue_pop(struct gqueue *q)
{
    struct g *gp = q->head;

    if (gp) {
        q->head = gp->schedlink;
        if (!q->head)
            q->tail = NULL;
        q->n--;
    }
    return gp;
}

/* gp to the tail of a queue that is not empty, whose head leaves. */
static inline void gqueue_rotate(struct gqueue *q, struct g *gp)
{
    gp->schedlink = NULL;
    q->tail->schedlink = gp;
    q->tail = gp;
    q->head = q->head->schedlink;
}

static inline void gqueue_push_all(struct gqueue *q, struct gqueue *from)
{
    if (!from->head)
        return;
    if (q->tail)
        q->tail->schedlink = from->head;
    else
        q->head = from->head;
    q->tail = from->tail;
    q->n += from->n;
    *from = (struct gqueue){NULL, NULL, 0};
}

/* All goroutines ever made, in chunks: calls f for each record until it answers false. Racy by
 * nature: the caller stops the world or lives with what it sees. */
void allgs_each(bool (*f)(struct g *gp, void *arg), void *arg);
/* Adds up to n fresh Gidle records to q; returns how many there was memory for. */
uint32_t g_alloc(struct gqueue *q, uint32_t n);

#endif
