/* SPDX-License-Identifier: BSD-3-Clause */
/* sudog: one goroutine (or foreign thread) in one wait queue. A select has one for each of its
 * channels.
 *
 * It lies on the waiter's stack, which never moves, so a wait allocates nothing. From the moment
 * it is queued until the waiter runs again it is written under the lock of its queue, by whoever
 * takes it off.
 *
 * alone:  nothing but a partner from this queue ends the wait. Who takes it off the queue has the
 *         right to it until his goready.
 * !alone: a clock, a descriptor or a partner from another queue may end the wait first: who takes
 *         it off the queue has the right to it only after wait_claim(g, ticket), and does not touch
 *         it when that fails: the waiter goes on as soon as it gets the queue's lock. */
#ifndef GAMP_SYNC_SUDOG_H
#define GAMP_SYNC_SUDOG_H

#include "sched/park.h"

struct sudog {
    struct g *g;
    struct sudog *next, *prev;
    void *elem; /* what is sent, or where to receive, or NULL. With TSan then: what to acquire */
    uint32_t ticket;
    bool alone;
    bool queued;  /* not yet taken off; kept for those that are not alone */
    bool success; /* false: the channel was closed */
    /* a channel's, not alone: the waiter takes its lock again, whoever ends the wait */
    bool comes;
};

/* First in, first out. The lock is the owner's. */
struct waitq {
    struct sudog *first, *last;
};

static inline void waitq_add(struct waitq *q, struct sudog *sg)
{
    sg->next = NULL;
    sg->prev = q->last;
    sg->queued = true;
    if (q->last)
        q->last->next = sg;
    else
        /* Relaxed: read without the lock it is only compared with NULL, as a hint. */
        store_relaxed(&q->first, sg);
    q->last = sg;
}

static inline void waitq_remove(struct waitq *q, struct sudog *sg)
{
    if (sg->prev)
        sg->prev->next = sg->next;
    else
        store_relaxed(&q->first, sg->next);
    if (sg->next)
        sg->next->prev = sg->prev;
    else
        q->last = sg->prev;
    sg->queued = false;
}

/* The longest waiter, with the right to end its wait; NULL: none. */
static always_inline struct sudog *waitq_pop(struct waitq *q)
{
    struct sudog *sg;

    while ((sg = q->first) != NULL) {
        store_relaxed(&q->first, sg->next);
        if (sg->next)
            sg->next->prev = NULL;
        else
            q->last = NULL;
        if (likely(sg->alone))
            return sg;
        sg->queued = false;
        if (wait_claim(sg->g, sg->ticket))
            return sg;
    }
    return NULL;
}

/* Ends a wait that the caller has the right to. */
static always_inline void sudog_wake(struct sudog *sg)
{
    struct g *gp = sg->g;

    gp->run.param = sg;
    goready(gp);
}

/* Readies all of a list (by next) taken off a queue, in its order. No lock is held. */
void sudog_ready_all(struct sudog *list);

#endif
