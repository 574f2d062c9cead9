/* SPDX-License-Identifier: BSD-3-Clause */
/* once: Go's sync.Once, without its mutex.
 *
 *   state:  0 -> waiters << 2 | RUNNING -> DONE
 *
 * The step to DONE takes the waiters out of state; after it the object is touched only through
 * semrelease, once for each of them (sync/sema.h): its memory may go as soon as every call on it
 * has returned, the running one included, or one that found it done. */
#ifndef GAMP_SYNC_ONCE_H
#define GAMP_SYNC_ONCE_H

#include "base/atomic.h"
#include "base/race.h"
#include <gamp/sync.h>

enum { ONCE_RUNNING = 1, ONCE_DONE = 2, ONCE_WAITER = 4 };

static always_inline bool once_done(gamp_once *o)
{
    /* Acquire pairs with once_end's exchange. */
    if (load_acquire(&o->state) != ONCE_DONE)
        return false;
    race_acquire(o);
    return true;
}

/* Inside the runtime. true: the caller runs the function, and then calls once_end. false: it has
 * ended. */
bool once_begin(gamp_once *o);
void once_end(gamp_once *o);

#endif
