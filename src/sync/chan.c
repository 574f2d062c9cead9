/* SPDX-License-Identifier: BSD-3-Clause */
/* chan: see chan.h. Waiting here is for one channel; select.c waits on several. */
#include "sync/chan.h"
#include "base/throw.h"
#include "sync/objmem.h"

struct gamp_chan *makechan(size_t elem_size, size_t cap)
{
    struct gamp_chan *c;
    size_t bytes;

    if (__builtin_mul_overflow(elem_size, cap, &bytes) || bytes > PTRDIFF_MAX - sizeof *c)
        return NULL;
    c = objmem_alloc(sizeof *c + bytes);
    if (!c)
        return NULL;
    /* The ring needs no zeroing: only what was sent is ever read. */
    *c = (struct gamp_chan){.elem_size = (uint32_t)elem_size, .cap = cap, .refs = 1};
    mutex_init(&c->lock, LOCK_CHAN);
    return c;
}

/* Those whose wait was ended elsewhere do not. */
static bool somebody_waits(const struct waitq *q)
{
    for (const struct sudog *sg = q->first; sg; sg = sg->next)
        if (sg->alone || !wait_claimed(sg->g, sg->ticket))
            return true;
    return false;
}

int chan_release(struct gamp_chan *c)
{
    uint32_t refs;
    bool last;

    race_release(&c->refs);
    /* Acquire pairs with the release of those who gave theirs up before: all they did is over. */
    while ((refs = load_acquire(&c->refs)) > 1)
        if (cas_release(&c->refs, refs, refs - 1))
            return 0;
    invariant(refs == 1);
    /* Under the lock: who closed the channel may still be about to release it, seen only by its
     * effect. */
    lock_solo(&c->lock);
    if (somebody_waits(&c->recvq) || somebody_waits(&c->sendq)) {
        unlock_solo(&c->lock);
        return -EBUSY;
    }
    store_relaxed(&c->refs, 0);
    last = c->comers == 0;
    unlock_solo(&c->lock);
    race_acquire(&c->refs);
    return last;
}

void chan_free(struct gamp_chan *c)
{
    objmem_free(c);
}

void chan_free_all(struct gamp_chan *list)
{
    while (list) {
        struct gamp_chan *c = list;

        list = c->nextfree;
        chan_free(c);
    }
}

static int block_for_ever(struct g *gp, enum waitreason reason, int64_t until)
{
    if (until == NEVER) {
        for (;;)
            gopark(NULL, NULL, reason);
    }
    if (until > nanotime()) {
        uint32_t ticket = wait_begin(gp);

        gopark_until(NULL, NULL, reason, until, ticket);
    }
    return -ETIMEDOUT;
}

int chan_wait_until(struct gamp_chan *c, struct waitq *q, struct sudog *sg, enum waitreason reason,
                    int64_t until)
{
    if (until <= nanotime()) {
        unlock_solo(&c->lock);
        return -ETIMEDOUT;
    }
    sg->alone = false;
    sg->comes = false;
    sg->ticket = wait_begin(sg->g);
    sg->g->run.param = NULL;
    waitq_add(q, sg);
    c->comers++;
    if (!gopark_until(commit_unlock, &c->lock, reason, until, sg->ticket)) {
        bool mine;

        lock_solo(&c->lock);
        if (sg->queued)
            waitq_remove(q, sg);
        mine = chan_came(c);
        unlock_solo(&c->lock);
        return mine ? -ESTALE : -ETIMEDOUT;
    }
    return 0;
}

int chansend(struct gamp_chan *c, const void *elem, int64_t until)
{
    struct sudog *partner;
    int err;

    if (unlikely(!c))
        return block_for_ever(getg(), WAIT_CHAN_SEND_NIL, until);
    lock_solo(&c->lock);
    err = chan_put(c, elem, &partner);
    if (err == -EAGAIN)
        return chansend_wait(c, elem, until);
    chan_unlock_wake(c, partner);
    return err;
}

int chanrecv(struct gamp_chan *c, void *elem, int64_t until)
{
    struct sudog *partner;
    int err;

    if (unlikely(!c))
        return block_for_ever(getg(), WAIT_CHAN_RECEIVE_NIL, until);
    lock_solo(&c->lock);
    err = chan_take(c, elem, &partner);
    if (err == -EAGAIN)
        return chanrecv_wait(c, elem, until);
    chan_unlock_wake(c, partner);
    return err;
}

int chantrysend(struct gamp_chan *c, const void *elem)
{
    struct sudog *partner;
    int err;

    if (!c || !chan_send_looks_ready(c))
        return -EAGAIN;
    lock_solo(&c->lock);
    err = chan_put(c, elem, &partner);
    unlock_solo(&c->lock);
    if (partner)
        sudog_wake(partner);
    return err;
}

int chantryrecv(struct gamp_chan *c, void *elem)
{
    struct sudog *partner;
    int err;

    if (!c || !chan_recv_looks_ready(c))
        return -EAGAIN;
    lock_solo(&c->lock);
    err = chan_take(c, elem, &partner);
    unlock_solo(&c->lock);
    if (partner)
        sudog_wake(partner);
    return err;
}

/* Takes all waiters of q, a queue of c, in order, onto the list that ends at *tail. */
static struct sudog **take_all(struct gamp_chan *c, struct waitq *q, struct sudog **tail)
{
    struct sudog *sg;

    while ((sg = chan_pop(c, q)) != NULL) {
        sg->success = false;
        sg->g->run.param = sg;
        *tail = sg;
        tail = &sg->next;
    }
    *tail = NULL;
    return tail;
}

bool chantryclose(struct gamp_chan *c)
{
    struct sudog *list;

    lock_solo(&c->lock);
    if (c->closed) {
        unlock_solo(&c->lock);
        return false;
    }
    race_release(&c->closed);
    /* Release pairs with the acquire of those that look without the lock. */
    store_release(&c->closed, 1);
    take_all(c, &c->sendq, take_all(c, &c->recvq, &list));
    unlock_solo(&c->lock);
    sudog_ready_all(list);
    return true;
}
