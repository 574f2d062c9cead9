/* SPDX-License-Identifier: BSD-3-Clause */
#include "lock/mutex.h"
#include "arch/cpu.h"
#include "base/throw.h"
#include "lock/lockrank_up.h"
#include "os/linux/clock.h"
#include "os/linux/futex.h"

enum { ACTIVE_SPIN = 4, ACTIVE_SPIN_PAUSES = 30 };

void mutex_init(struct mutex *l, enum lockrank rank)
{
    l->key = 0;
#ifdef GAMP_DEBUG
    l->rank = rank;
#else
    (void)rank;
#endif
}

void lock_slow(struct mutex *l)
{
    for (int i = 0; i < ACTIVE_SPIN; i++) {
        for (int j = 0; j < ACTIVE_SPIN_PAUSES; j++)
            cpu_pause();
        /* Relaxed: only a hint; the exchange below acquires. */
        if (load_relaxed(&l->key) == 0 && cas_acquire(&l->key, 0, 1))
            return;
    }
    while (xchg_acquire(&l->key, 2) != 0)
        futex_wait(&l->key, 2, NEVER);
}

void unlock_slow(struct mutex *l)
{
    futex_wake(&l->key, 1);
}

#ifdef GAMP_DEBUG
void lockrank_acquire(const struct mutex *l)
{
    struct lockrank_held *h = lockrank_held();
    unsigned top;

    if (!h)
        return;
    /* A select may hold more than are noted; those are of one rank. */
    top = h->n > 0 ? h->rank[MIN(h->n, (int)ARRAY_LEN(h->rank)) - 1] : LOCK_NONE;
    if (l->rank != LOCK_NONE && top > l->rank)
        throw("lock rank %u taken while holding rank %u", l->rank, top);
    if (h->n < (int)ARRAY_LEN(h->rank))
        h->rank[h->n] = (uint8_t)l->rank;
    h->n++;
}

void lockrank_release(const struct mutex *l)
{
    struct lockrank_held *h = lockrank_held();

    if (!h)
        return;
    invariant(h->n > 0);
    h->n--;
    /* Released out of order: the entry goes, those above move down. */
    for (int i = MIN(h->n, (int)ARRAY_LEN(h->rank) - 1); i >= 0; i--)
        if (h->rank[i] == l->rank) {
            for (; i < h->n && i + 1 < (int)ARRAY_LEN(h->rank); i++)
                h->rank[i] = h->rank[i + 1];
            return;
        }
}
#endif
