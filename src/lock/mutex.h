/* SPDX-License-Identifier: BSD-3-Clause */
/* mutex: the runtime's own lock, on a futex; it blocks the thread. Held for short stretches only.
 *
 * key: 0 free, 1 held, 2 held and somebody may sleep.
 * Pairs: unlock's release exchange with lock's acquire.
 * A lock may be taken by one goroutine and released by the next one on the same M (a park is
 * committed after its switch), so the owner is the M, not the G.
 * While an M holds a lock its goroutine is not preempted: it is inside the runtime. */
#ifndef GAMP_LOCK_MUTEX_H
#define GAMP_LOCK_MUTEX_H

#include "base/atomic.h"
#include "lock/lockrank.h"

struct mutex {
    uint32_t key;
#ifdef GAMP_DEBUG
    uint32_t rank; /* LOCK_NONE: not checked */
#endif
};

#ifdef GAMP_DEBUG
#define MUTEX_INIT(r)                                                                              \
    {                                                                                              \
        0, r                                                                                       \
    }
#else
#define MUTEX_INIT(r)                                                                              \
    {                                                                                              \
        0                                                                                          \
    }
#endif

void mutex_init(struct mutex *l, enum lockrank rank);
void lock_slow(struct mutex *l);
void unlock_slow(struct mutex *l);
/* Rank checking; empty in release builds. */
#ifdef GAMP_DEBUG
void lockrank_acquire(const struct mutex *l);
void lockrank_release(const struct mutex *l);
#else
static inline void lockrank_acquire(const struct mutex *l)
{
    (void)l;
}
static inline void lockrank_release(const struct mutex *l)
{
    (void)l;
}
#endif

static inline void lock(struct mutex *l)
{
    lockrank_acquire(l);
    if (unlikely(!cas_acquire(&l->key, 0, 1)))
        lock_slow(l);
}

static inline bool trylock(struct mutex *l)
{
    if (!cas_acquire(&l->key, 0, 1))
        return false;
    lockrank_acquire(l);
    return true;
}

static inline void unlock(struct mutex *l)
{
    lockrank_release(l);
    if (unlikely(xchg_release(&l->key, 0) == 2))
        unlock_slow(l);
}

static inline bool mutex_held(struct mutex *l)
{
    return load_relaxed(&l->key) != 0;
}

#endif
