/* SPDX-License-Identifier: BSD-3-Clause */
/* waitgroup: waits until a count is 0. Go's sync.WaitGroup.
 *
 *   state:  count << 32 | waiters          no waiters while count is 0
 *
 * The step that takes the count to 0 also takes the waiters out of state, and after it the object
 * is touched only through semrelease, once for each of them (sync/sema.h). Those inside semacquire
 * are the waiters in state and those taken out; a wait that timed out takes itself out, or, when
 * none is left in state, takes its token.
 *
 * Memory: it may go when the last wait has returned, while the done that let it go is on its way
 * out. */
#ifndef GAMP_SYNC_WAITGROUP_H
#define GAMP_SYNC_WAITGROUP_H

#include "base/atomic.h"
#include "base/race.h"
#include <gamp/sync.h>

enum waitgroup_add {
    WG_ADDED,    /* nothing more to do */
    WG_WAKE,     /* *wake tokens are to be given out */
    WG_NEGATIVE, /* not added: the count would be negative */
};

/* One step; no runtime needed. */
static inline enum waitgroup_add waitgroup_add(gamp_waitgroup *wg, int n, uint32_t *wake)
{
    uint64_t old, new;

    if (n < 0)
        race_release(wg);
    do {
        uint32_t count;

        old = load_relaxed(&wg->state);
        count = (uint32_t)(old >> 32) + (uint32_t)n;
        if (unlikely((int32_t)count < 0))
            return WG_NEGATIVE;
        *wake = count == 0 ? (uint32_t)old : 0;
        new = count == 0 ? 0 : (uint64_t)count << 32 | (uint32_t)old;
        /* Release and acquire: what was done before each done is seen by those the last one lets
         * go. */
    } while (unlikely(!cas_acqrel(&wg->state, old, new)));
    return *wake ? WG_WAKE : WG_ADDED;
}

/* Inside the runtime. */
void waitgroup_wake(gamp_waitgroup *wg, uint32_t n);
/* Inside. 0; -ETIMEDOUT; -EBUSY: the count has moved on from 0 before this wait has returned. */
int waitgroup_wait(gamp_waitgroup *wg, int64_t until);

static inline bool waitgroup_done_already(gamp_waitgroup *wg)
{
    /* Acquire pairs with the steps of add. */
    if (load_acquire(&wg->state) >> 32 != 0)
        return false;
    race_acquire(wg);
    return true;
}

#endif
