/* SPDX-License-Identifier: BSD-3-Clause */
/* gmutex: the mutex that parks goroutines. Go's sync.Mutex.
 *
 *   state:  waiters << 3 | STARVING | WOKEN | LOCKED
 *
 * Normal mode: a waiter that is woken competes with those who come along, who have the advantage
 * of running; so an unlock wakes one, takes it out of the count and sets WOKEN, and until it has
 * tried (or gone back to wait, first in line) nobody else is woken. Starving mode, when one has
 * waited for more than a millisecond: unlock leaves the mutex to the first in line, who is still
 * counted; new comers do not try. The last in line, or one that waited for less, ends it.
 *
 * With N the waiters in state, those inside semacquire are
 *   normal mode:    N, and one for whom a token is out (WOKEN is set then)
 *   starving mode:  N; a token is out for one of them when LOCKED is not set.
 * A wait that timed out leaves by taking itself out of N. When that would leave a token without a
 * taker, it stays and takes the token, as if it had been woken in time.
 *
 * Memory: unlock changes state in one step, and touches the mutex after it only through
 * semrelease, for a waiter that is still inside lock. (Go's unlock frees the mutex first and looks
 * at it again to wake somebody.) */
#ifndef GAMP_SYNC_GMUTEX_H
#define GAMP_SYNC_GMUTEX_H

#include "base/atomic.h"
#include <gamp/sync.h>

enum {
    GMUTEX_LOCKED = 1,
    GMUTEX_WOKEN = 2,
    GMUTEX_STARVING = 4,
    GMUTEX_WAITER_SHIFT = 3,
    GMUTEX_WAITER = 1 << GMUTEX_WAITER_SHIFT,
};

/* Each in one step, waiters or not: while some wait, whoever runs locks and unlocks many times for
 * each of them that is woken. Otherwise what is to be done is asked inside. */
static always_inline bool gmutex_free(uint32_t state)
{
    return !(state & (GMUTEX_LOCKED | GMUTEX_STARVING));
}

/* Locked, and nobody is to be woken: none waits, or one was woken already. */
static always_inline bool gmutex_wakes_none(uint32_t state)
{
    return state == GMUTEX_LOCKED || (state & (GMUTEX_LOCKED | GMUTEX_WOKEN | GMUTEX_STARVING)) ==
                                         (GMUTEX_LOCKED | GMUTEX_WOKEN);
}

static always_inline bool gmutex_lock_fast(gamp_mutex *m)
{
    uint32_t old = load_relaxed(&m->state);

    /* Acquire pairs with unlock's release. */
    return gmutex_free(old) && cas_acquire(&m->state, old, old | GMUTEX_LOCKED);
}

static always_inline bool gmutex_unlock_fast(gamp_mutex *m)
{
    uint32_t old = load_relaxed(&m->state);

    return gmutex_wakes_none(old) && cas_release(&m->state, old, old & ~(uint32_t)GMUTEX_LOCKED);
}

/* The same as solo steps (sched/solo.h). */
static always_inline bool gmutex_lock_solo(gamp_mutex *m)
{
    uint32_t old = load_relaxed(&m->state);

    if (unlikely(!gmutex_free(old)))
        return false;
    store_release(&m->state, old | GMUTEX_LOCKED);
    return true;
}

static always_inline bool gmutex_unlock_solo(gamp_mutex *m)
{
    uint32_t old = load_relaxed(&m->state);

    if (unlikely(!gmutex_wakes_none(old)))
        return false;
    store_release(&m->state, old & ~(uint32_t)GMUTEX_LOCKED);
    return true;
}

static inline bool gmutex_locked(gamp_mutex *m)
{
    return load_relaxed(&m->state) & GMUTEX_LOCKED;
}

bool gmutex_trylock(gamp_mutex *m);
/* Inside the runtime. 0; -ETIMEDOUT. until NEVER: no limit. */
int gmutex_lock(gamp_mutex *m, int64_t until);
/* Inside. false: it is not locked. handoff: a starving waiter may run at once in the caller's
 * place. */
bool gmutex_unlock(gamp_mutex *m, bool handoff);

#endif
