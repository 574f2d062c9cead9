/* SPDX-License-Identifier: BSD-3-Clause */
/* chan: channels. As Go's chan.go: a ring, two queues of waiters, one lock.
 *
 *   sendx                                qcount = elements between recvx and sendx, 0..cap
 *     v                                  (recvx + qcount) % cap == sendx
 *   [ ][x][x][ ]   ring of cap places
 *        ^
 *      recvx
 *
 * Invariants, while the lock is free:
 *   recvq is empty (but for waits that ended otherwise) unless qcount == 0 and the channel is open;
 *   sendq likewise unless qcount == cap and the channel is open.
 * So a waiter is handed its element by the partner, straight into its memory, and never has to
 * look again.
 *
 * Writers: everything under lock. refs: atomic. elem_size, cap: never. qcount, closed and the
 * queues' first are read without the lock by those who would fail at once (try_...) or only look
 * (len, select): a relaxed or acquire load tells what was true at some moment of the call, which
 * is all that such a caller can know.
 *
 * The last that an operation does to a channel is to release its lock, before it wakes a partner;
 * and the last reference is given up under the lock. So memory goes only when nobody is inside any
 * more.
 * But a wait that also ends otherwise (a clock, another case of the select) comes back to take its
 * sudog off. comers counts the sudogs of such waits, from when they are queued: one that its
 * partner takes off is done with the channel (unless the select has more of them here: comes), the
 * others when they have come back. Who gives up the last reference meanwhile leaves the memory to
 * the last of them: refs 0, comers > 0.
 *
 * The functions here stand inside the runtime (gamp_enter), on any thread, g0 included where they
 * do not block. */
#ifndef GAMP_SYNC_CHAN_H
#define GAMP_SYNC_CHAN_H

#include "lock/mutex.h"
#include "os/linux/clock.h"
#include "sched/parkhere.h"
#include "sched/solo.h"
#include "sync/elem.h"
#include "sync/sudog.h"
#include <errno.h>

#define CHAN_ELEM_MAX 65536u /* sizes are below it */

struct gamp_chan {
    struct mutex lock; /* LOCK_CHAN */
    uint32_t closed;
    uint32_t elem_size;
    uint32_t refs;
    uint32_t comers;
    size_t qcount;
    size_t cap;
    size_t sendx, recvx;
    struct waitq recvq, sendq;
    struct gamp_chan *nextfree; /* in a list for chan_free_all */
    char ring[] __attribute__((aligned(16)));
};

/* Outside the runtime: it calls malloc. NULL when out of memory. elem_size < CHAN_ELEM_MAX. */
struct gamp_chan *makechan(size_t elem_size, size_t cap);
/* Inside. Gives up one reference. 1: it was the last: the caller, once outside, calls chan_free.
 * 0: it was not, or one whose wait has ended will free it. -EBUSY: it is the last and somebody
 * waits; it is kept. */
int chan_release(struct gamp_chan *c);
void chan_free(struct gamp_chan *c);
void chan_free_all(struct gamp_chan *list);

/* 0; -EPIPE closed; -ETIMEDOUT, or -ESTALE: that too, and the caller, once outside, calls
 * chan_free.
 * until NEVER: no limit. c may be NULL: it never is ready. */
int chansend(struct gamp_chan *c, const void *elem, int64_t until);
/* 0; -EPIPE closed and drained, the element is zeroed; -ETIMEDOUT, -ESTALE. elem NULL discards. */
int chanrecv(struct gamp_chan *c, void *elem, int64_t until);
/* 0, -EAGAIN, -EPIPE. */
int chantrysend(struct gamp_chan *c, const void *elem);
int chantryrecv(struct gamp_chan *c, void *elem);
/* false: it was closed before. */
bool chantryclose(struct gamp_chan *c);

/* Whether a receive (a send) could go on, by a look without the lock. May be wrong either way when
 * others are at work; with the lock held it errs only towards true: a waiter in the queue may have
 * been claimed elsewhere. */
static always_inline bool chan_recv_looks_ready(const struct gamp_chan *c)
{
    /* closed last: it never goes back, so when it is still 0 the emptiness seen before was that of
     * an open channel. Acquire pairs with nothing but keeps the order of these loads. */
    return load_acquire(&c->qcount) != 0 || load_acquire(&c->sendq.first) != NULL ||
           load_acquire(&c->closed) != 0;
}

static always_inline bool chan_send_looks_ready(const struct gamp_chan *c)
{
    return load_acquire(&c->qcount) < c->cap || load_acquire(&c->recvq.first) != NULL ||
           load_acquire(&c->closed) != 0;
}

/* What the program may rely on (base/race.h): the k-th send comes before the k-th receive's end,
 * and the k-th receive before the end of the send number k + cap. Per place of the ring, or by the
 * channel when it has none. */
static always_inline void *race_place(struct gamp_chan *c, size_t i)
{
    return c->cap ? c->ring + i * c->elem_size : (char *)&c->lock;
}

static always_inline void race_sync(const void *addr)
{
    race_acquire(addr);
    race_release(addr);
}

/* With the lock held: the longest waiter of one of c's queues, with the right to end its wait. */
static always_inline struct sudog *chan_pop(struct gamp_chan *c, struct waitq *q)
{
    struct sudog *sg = waitq_pop(q);

    if (sg && unlikely(!sg->alone) && !sg->comes)
        c->comers--;
    return sg;
}

/* With the lock held, by one that has come back for its sudog. true: the caller, once the lock is
 * free, has c to itself. */
static always_inline bool chan_came(struct gamp_chan *c)
{
    return --c->comers == 0 && unlikely(load_relaxed(&c->refs) == 0);
}

/* The two operations, with the lock held and kept. -EAGAIN: nothing was done. *partner: whom to
 * wake when the lock is free, or NULL. */
static always_inline int chan_put(struct gamp_chan *c, const void *elem, struct sudog **partner)
{
    struct sudog *sg;

    *partner = NULL;
    if (unlikely(c->closed))
        return -EPIPE;
    sg = chan_pop(c, &c->recvq);
    if (sg) {
        if (sg->elem)
            elem_copy(sg->elem, elem, c->elem_size);
        sg->success = true;
        if (RACE_TSAN) {
            /* As if through the ring. */
            sg->elem = race_place(c, c->recvx);
            race_acquire(&c->lock);
            race_sync(sg->elem);
            if (c->cap && ++c->recvx == c->cap)
                c->recvx = 0;
            c->sendx = c->recvx;
        }
        *partner = sg;
        return 0;
    }
    if (c->qcount >= c->cap)
        return -EAGAIN;
    elem_copy(c->ring + c->sendx * c->elem_size, elem, c->elem_size);
    race_sync(race_place(c, c->sendx));
    if (++c->sendx == c->cap)
        c->sendx = 0;
    store_relaxed(&c->qcount, c->qcount + 1);
    return 0;
}

static always_inline int chan_take(struct gamp_chan *c, void *elem, struct sudog **partner)
{
    struct sudog *sg;

    *partner = NULL;
    if (c->qcount > 0) {
        char *place = c->ring + c->recvx * c->elem_size;

        if (elem)
            elem_copy(elem, place, c->elem_size);
        race_sync(race_place(c, c->recvx));
        if (++c->recvx == c->cap)
            c->recvx = 0;
        sg = chan_pop(c, &c->sendq);
        if (!sg) {
            store_relaxed(&c->qcount, c->qcount - 1);
            return 0;
        }
        /* The ring was full: the place that came free is also its end. */
        elem_copy(place, sg->elem, c->elem_size);
        sg->success = true;
        if (RACE_TSAN) {
            sg->elem = race_place(c, c->sendx);
            race_acquire(&c->lock);
            race_release(sg->elem);
        }
        c->sendx = c->recvx;
        *partner = sg;
        return 0;
    }
    if (unlikely(c->closed)) {
        race_acquire(&c->closed);
        if (elem)
            elem_zero(elem, c->elem_size);
        return -EPIPE;
    }
    sg = chan_pop(c, &c->sendq);
    if (!sg)
        return -EAGAIN;
    /* Unbuffered. */
    if (elem)
        elem_copy(elem, sg->elem, c->elem_size);
    sg->success = true;
    if (RACE_TSAN) {
        sg->elem = &c->lock;
        race_sync(sg->elem);
    }
    *partner = sg;
    return 0;
}

/* With the lock held and kept: does the whole where the ring has a place (an element), nobody waits
 * and the element is copied by a move. false: nothing was done. */
static always_inline bool chan_put_ring(struct gamp_chan *c, const void *elem, size_t size)
{
    size_t x;

    if (RACE_TSAN || c->closed || c->recvq.first || c->qcount >= c->cap || !elem_is_move(size))
        return false;
    x = c->sendx;
    elem_move(c->ring + x * size, elem, size);
    c->sendx = x + 1 == c->cap ? 0 : x + 1;
    store_relaxed(&c->qcount, c->qcount + 1);
    return true;
}

static always_inline bool chan_take_ring(struct gamp_chan *c, void *elem, size_t size)
{
    size_t x;

    if (RACE_TSAN || c->qcount == 0 || c->sendq.first || !elem_is_move(size))
        return false;
    x = c->recvx;
    if (elem)
        elem_move(elem, c->ring + x * size, size);
    c->recvx = x + 1 == c->cap ? 0 : x + 1;
    store_relaxed(&c->qcount, c->qcount - 1);
    return true;
}

/* Queues sg and waits, with a limit; c's lock is held and comes free. */
int chan_wait_until(struct gamp_chan *c, struct waitq *q, struct sudog *sg, enum waitreason reason,
                    int64_t until);

/* The same with none or one. */
static always_inline int chan_wait(struct gamp_chan *c, struct waitq *q, void *elem,
                                   enum waitreason reason, int64_t until)
{
    struct sudog sg;

    sg.g = getg();
    sg.elem = elem;
    sg.alone = true;
    sg.success = false;
    race_release(&c->lock);
    if (likely(until == NEVER)) {
        waitq_add(q, &sg);
        if (is_solo())
            gopark_solo_here(&c->lock, reason);
        else
            goparkunlock_here(&c->lock, reason);
    } else {
        int err = chan_wait_until(c, q, &sg, reason, until);

        if (err < 0)
            return err;
    }
    if (unlikely(!sg.success))
        return -EPIPE;
    if (RACE_TSAN)
        race_sync(sg.elem);
    return 0;
}

/* What is left to do after chan_put and chan_take, with c's lock held, which comes free: when they
 * did it, */
static always_inline void chan_unlock_wake(struct gamp_chan *c, struct sudog *partner)
{
    unlock_solo(&c->lock);
    if (partner)
        sudog_wake(partner);
}

/* and on -EAGAIN. */
static always_inline int chansend_wait(struct gamp_chan *c, const void *elem, int64_t until)
{
    return chan_wait(c, &c->sendq, (void *)(uintptr_t)elem, WAIT_CHAN_SEND, until);
}

static always_inline int chanrecv_wait(struct gamp_chan *c, void *elem, int64_t until)
{
    /* Who closes a channel may free it too, before this one runs: nothing of it is used after. */
    uint32_t size = c->elem_size;
    int err = chan_wait(c, &c->recvq, elem, WAIT_CHAN_RECEIVE, until);

    if (unlikely(err == -EPIPE)) {
        race_acquire(&c->closed);
        if (elem)
            elem_zero(elem, size);
    }
    return err;
}

#endif
