/* SPDX-License-Identifier: BSD-3-Clause */
/* once: see once.h. */
#include "sync/once.h"
#include "sync/sema.h"

bool once_begin(gamp_once *o)
{
    for (;;) {
        uint32_t old = load_acquire(&o->state);

        if (old == ONCE_DONE)
            break;
        if (old == 0) {
            if (cas_acquire(&o->state, 0, ONCE_RUNNING))
                return true;
        } else if (cas_relaxed(&o->state, old, old + ONCE_WAITER)) {
            semacquire(&o->sema, false, WAIT_SEMACQUIRE);
            break;
        }
    }
    race_acquire(o);
    return false;
}

void once_end(gamp_once *o)
{
    uint32_t old;

    race_release(o);
    old = xchg_acqrel(&o->state, ONCE_DONE);
    if (old >= ONCE_WAITER)
        semrelease_n(&o->sema, old / ONCE_WAITER);
}
