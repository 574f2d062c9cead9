/* SPDX-License-Identifier: BSD-3-Clause */
/* waitgroup: see waitgroup.h. */
#include "sync/waitgroup.h"
#include "os/linux/clock.h"
#include "sync/sema.h"
#include <errno.h>

void waitgroup_wake(gamp_waitgroup *wg, uint32_t n)
{
    semrelease_n(&wg->sema, n);
}

/* A wait gives up. false: it has been let go. */
static bool leaves(gamp_waitgroup *wg)
{
    for (;;) {
        uint64_t old = load_relaxed(&wg->state);

        if ((uint32_t)old == 0)
            return false;
        if (cas_relaxed(&wg->state, old, old - 1))
            return true;
    }
}

int waitgroup_wait(gamp_waitgroup *wg, int64_t until)
{
    uint64_t old;

    do {
        if (waitgroup_done_already(wg))
            return 0;
        if (until != NEVER && until <= nanotime())
            return -ETIMEDOUT;
        old = load_relaxed(&wg->state);
    } while (old >> 32 == 0 || !cas_acqrel(&wg->state, old, old + 1));
    if (!semacquire_until(&wg->sema, false, WAIT_WAITGROUP, until)) {
        if (leaves(wg))
            return -ETIMEDOUT;
        semacquire(&wg->sema, false, WAIT_WAITGROUP);
    }
    if (unlikely(load_acquire(&wg->state) != 0))
        return -EBUSY;
    race_acquire(wg);
    return 0;
}
