/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/fdlock.h"
#include "arch/cpu.h"
#include "base/throw.h"
#include "sched/park.h"
#include <errno.h>

struct fdqueued {
    struct list link; /* pd->rq or wq; pd's lock */
    struct g *g;
    int verdict; /* written by who unlinks it, before it readies g */
};

static uint64_t lock_flag(unsigned mode)
{
    return mode == PD_READ ? PDF_RLOCK : mode == PD_WRITE ? PDF_WLOCK : 0;
}

static uint64_t queue_flag(unsigned mode)
{
    return mode == PD_READ ? PDF_RQ : mode == PD_WRITE ? PDF_WQ : 0;
}

static struct list *queue_of(struct polldesc *pd, unsigned mode)
{
    return mode == PD_READ ? &pd->rq : &pd->wq;
}

static void drop_ref(struct polldesc *pd)
{
    uint64_t mu;

    do
        mu = load_relaxed(&pd->mu);
    while (!cas_acqrel(&pd->mu, mu, mu - PD_REF));
    if (mu & PDF_CLOSING)
        polldesc_left(pd, mu - PD_REF);
}

/* 0 and the lock is the caller's; -EBADF; -EAGAIN: look again, things have changed. */
static int enqueue(struct polldesc *pd, unsigned mode, uint32_t *seq)
{
    struct fdqueued q = {.g = getg()};
    uint64_t mu;

    lock(&pd->lock);
    do {
        mu = load_relaxed(&pd->mu);
        if (!(mu & PDF_OPEN) || (mu & PDF_CLOSING) || !(mu & lock_flag(mode)) ||
            polldesc_ended(q.g)) {
            unlock(&pd->lock);
            return -EAGAIN;
        }
    } while (!cas_acqrel(&pd->mu, mu, (mu | queue_flag(mode)) + PD_REF));
    list_add_tail(queue_of(pd, mode), &q.link);
    goparkunlock(&pd->lock, WAIT_IO);
    if (q.verdict < 0) {
        drop_ref(pd);
        return q.verdict;
    }
    /* The lock was handed over under pd->lock, where seq does not change. */
    *seq = PD_SEQ(load_acquire(&pd->mu));
    return 0;
}

static noinline int begin_slow(int fd, unsigned mode, struct polldesc **out, uint32_t *seq)
{
    const uint64_t flag = lock_flag(mode);

    for (;;) {
        struct polldesc *pd = polldesc_lookup(fd);
        uint64_t mu = pd ? load_acquire(&pd->mu) : 0;
        int err;

        /* Closed, or nearly: who gave up the last reference may have freed the number, and this be
         * its next owner, before the record is cleared. */
        if (!(mu & PDF_OPEN) || ((mu & PDF_CLOSING) && !(mu & PD_REFS))) {
            err = polldesc_open(fd, PD_SOFT, PD_TRAITS_UNKNOWN, false);
            if (err < 0)
                return err;
        } else if (mu & PDF_CLOSING) {
            return -EBADF;
        } else if (polldesc_ended(getg())) {
            *out = pd;
            *seq = PD_SEQ(mu);
            return FDLOCK_NONE;
        } else if (mu & flag) {
            err = enqueue(pd, mode, seq);
            if (err != -EAGAIN) {
                *out = pd;
                return err;
            }
        } else if (cas_acquire(&pd->mu, mu, (mu | flag) + PD_REF)) {
            *out = pd;
            *seq = PD_SEQ(mu);
            return 0;
        }
    }
}

int fdlock_begin(int fd, unsigned mode, struct polldesc **out, uint32_t *seq)
{
    struct polldesc *pd = polldesc_lookup(fd);
    const uint64_t flag = lock_flag(mode);
    uint64_t mu;

    if (unlikely(!pd))
        return begin_slow(fd, mode, out, seq);
    /* Relaxed: the CAS confirms it, and acquires from the holder before. */
    mu = load_relaxed(&pd->mu);
    if (unlikely((mu & (PDF_OPEN | PDF_CLOSING | flag)) != PDF_OPEN ||
                 !cas_acquire(&pd->mu, mu, (mu | flag) + PD_REF)))
        return begin_slow(fd, mode, out, seq);
    *out = pd;
    *seq = PD_SEQ(mu);
    return 0;
}

static noinline void end_slow(struct polldesc *pd, unsigned mode)
{
    struct list *queue = queue_of(pd, mode);
    struct fdqueued *first = NULL;
    struct g *next = NULL;
    uint64_t mu, now;

    lock(&pd->lock);
    if (mode != 0 && !list_empty(queue)) {
        first = container_of(queue->next, struct fdqueued, link);
        list_del(&first->link);
        first->verdict = 0;
        next = first->g;
    }
    do {
        mu = load_relaxed(&pd->mu);
        now = mu - PD_REF;
        if (mode != 0 && list_empty(queue))
            now &= ~queue_flag(mode);
        if (!next)
            now &= ~lock_flag(mode);
    } while (!cas_acqrel(&pd->mu, mu, now));
    unlock(&pd->lock);
    if (next)
        goready(next);
    if (now & PDF_CLOSING)
        polldesc_left(pd, now);
}

void fdlock_end(struct polldesc *pd, unsigned mode)
{
    uint64_t mu = load_relaxed(&pd->mu);

    debug_invariant(mode == 0 || (mu & lock_flag(mode)));
    if (unlikely((mu & (queue_flag(mode) | PDF_CLOSING)) ||
                 !cas_release(&pd->mu, mu, (mu & ~lock_flag(mode)) - PD_REF)))
        end_slow(pd, mode);
}

static void evict_queue(struct list *queue, struct gqueue *woken)
{
    while (!list_empty(queue)) {
        struct fdqueued *q = container_of(queue->next, struct fdqueued, link);

        list_del(&q->link);
        q->verdict = -EBADF;
        gqueue_push(woken, q->g);
    }
}

void fdlock_evict(struct polldesc *pd, struct gqueue *woken)
{
    uint64_t mu;

    evict_queue(&pd->rq, woken);
    evict_queue(&pd->wq, woken);
    do
        mu = load_relaxed(&pd->mu);
    while (!cas_acqrel(&pd->mu, mu, mu & ~(PDF_RQ | PDF_WQ)));
}

static void free_threads(struct list *queue, struct gqueue *woken)
{
    struct list *next;

    for (struct list *l = queue->next; l != queue; l = next) {
        struct fdqueued *q = container_of(l, struct fdqueued, link);

        next = l->next;
        if (q->g->kind != GFOREIGN)
            continue;
        list_del(l);
        q->verdict = -EAGAIN;
        gqueue_push(woken, q->g);
    }
}

void fdlock_end_runtime(struct polldesc *pd)
{
    struct gqueue woken = {NULL, NULL, 0};

    lock(&pd->lock);
    free_threads(&pd->rq, &woken);
    free_threads(&pd->wq, &woken);
    if (pd->closer && pd->closer->kind == GFOREIGN) {
        gqueue_push(&woken, pd->closer);
        pd->closer = NULL;
    }
    unlock(&pd->lock);
    polldesc_ready_all(&woken);
}
