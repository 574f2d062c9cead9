/* SPDX-License-Identifier: BSD-3-Clause */
/* gmutex: see gmutex.h. */
#include "sync/gmutex.h"
#include "base/race.h"
#include "base/throw.h"
#include "os/linux/clock.h"
#include "sync/sema.h"
#include "sync/spin.h"
#include <errno.h>

enum { LOCKED = GMUTEX_LOCKED, WOKEN = GMUTEX_WOKEN, STARVING = GMUTEX_STARVING };
enum { SHIFT = GMUTEX_WAITER_SHIFT, WAITER = GMUTEX_WAITER };
enum { STARVATION_NS = 1000000 };

bool gmutex_trylock(gamp_mutex *m)
{
    uint32_t old;

    do {
        old = load_relaxed(&m->state);
        if (old & (LOCKED | STARVING))
            return false;
        /* Fails when a waiter came or went: the mutex may still be free. */
    } while (!cas_acquire(&m->state, old, old | LOCKED));
    race_acquire(m);
    return true;
}

/* The wait timed out, and the caller is no longer in line. true: it was taken out of the count.
 * false: a token is out that nobody but the caller is there to take. */
static bool leave_line(gamp_mutex *m)
{
    for (;;) {
        uint32_t old = load_relaxed(&m->state), new;

        if (old < WAITER || (old < 2 * WAITER && (old & (LOCKED | STARVING)) == STARVING))
            return false;
        new = old - WAITER;
        if (new < WAITER)
            new &= ~(uint32_t)STARVING;
        if (cas_relaxed(&m->state, old, new))
            return true;
    }
}

/* The mutex was handed to the caller in starving mode. */
static void take_over(gamp_mutex *m, bool starving)
{
    for (;;) {
        uint32_t old = load_relaxed(&m->state), new;

        invariant((old & (LOCKED | WOKEN | STARVING)) == STARVING && old >= WAITER);
        new = (old | LOCKED) - WAITER;
        if (!starving || new < WAITER)
            new &= ~(uint32_t)STARVING;
        /* Acquire pairs with the release of the unlock that handed over; others changed the count
         * since. */
        if (cas_acquire(&m->state, old, new))
            return;
    }
}

/* What a contender makes of the state it saw. */
static uint32_t contend(uint32_t old, bool awoke, bool starving)
{
    uint32_t new = old;

    if (!(old & STARVING))
        new |= LOCKED;
    if (old & (LOCKED | STARVING))
        new += WAITER;
    if (starving && (old & LOCKED))
        new |= STARVING;
    if (awoke) {
        invariant(old & WOKEN);
        new &= ~(uint32_t)WOKEN;
    }
    return new;
}

static int gmutex_lock_slow(gamp_mutex *m, int64_t until)
{
    int64_t since = 0;
    bool awoke = false, starving = false, lifo;
    int turn = 0;

    for (;;) {
        uint32_t old = load_relaxed(&m->state);

        if (until != NEVER && (old & (LOCKED | STARVING)) && until <= nanotime()) {
            /* The owner's unlock will wake another. */
            if (!awoke || cas_relaxed(&m->state, old, old & ~(uint32_t)WOKEN))
                return -ETIMEDOUT;
            continue;
        }
        if ((old & (LOCKED | STARVING)) == LOCKED && can_spin(turn)) {
            /* So that unlock does not wake another. */
            if (!awoke && !(old & WOKEN) && old >= WAITER &&
                cas_relaxed(&m->state, old, old | WOKEN))
                awoke = true;
            spin();
            turn++;
            continue;
        }
        if (!cas_acquire(&m->state, old, contend(old, awoke, starving)))
            continue;
        if (!(old & (LOCKED | STARVING)))
            return 0;
        lifo = since != 0;
        if (!lifo)
            since = nanotime();
        if (!semacquire_until(&m->sema, lifo, WAIT_MUTEX_LOCK, until)) {
            if (leave_line(m))
                return -ETIMEDOUT;
            semacquire(&m->sema, true, WAIT_MUTEX_LOCK);
        }
        starving = starving || nanotime() - since > STARVATION_NS;
        if (load_relaxed(&m->state) & STARVING) {
            take_over(m, starving);
            return 0;
        }
        awoke = true;
        turn = 0;
    }
}

int gmutex_lock(gamp_mutex *m, int64_t until)
{
    int err = gmutex_lock_fast(m) ? 0 : gmutex_lock_slow(m, until);

    if (err == 0)
        race_acquire(m);
    return err;
}

bool gmutex_unlock(gamp_mutex *m, bool handoff)
{
    uint32_t old, new;

    race_release(m);
    do {
        old = load_relaxed(&m->state);
        if (unlikely(!(old & LOCKED)))
            return false;
        new = old & ~(uint32_t)LOCKED;
        if (!(old & (WOKEN | STARVING)) && old >= WAITER)
            new = (new - WAITER) | WOKEN;
    } while (!cas_release(&m->state, old, new));
    if (old & STARVING)
        semrelease(&m->sema, handoff);
    else if (new & ~old & WOKEN)
        semrelease(&m->sema, false);
    return true;
}
