/* SPDX-License-Identifier: BSD-3-Clause */
/* grwmutex: many readers or one writer; goroutines park. The rules are those of Go's sync.RWMutex:
 * a waiting writer stops new readers; a writer that leaves lets in first all readers that wait by
 * then.
 *
 *   state:  waiting readers | waiting writers | readers inside | WRITER      21 + 21 + 21 + 1 bits
 *
 * Invariants: WRITER and readers inside exclude each other.
 *             Somebody waits only while somebody is inside; readers wait only behind a writer,
 *             inside or waiting.
 * Every change is one step on state. Whoever leaves decides there who is next, moves him from
 * waiting to inside, and gives out one token for each (sync/sema.h): a waiter that comes back from
 * semacquire is inside. Those inside semacquire are thus the waiting ones and those moved already;
 * a wait that timed out takes itself out of the waiting ones, or, when none is left, has been
 * moved and takes its token.
 *
 * Memory: after its step on state a call touches the lock only through semrelease.
 *
 * Rejected: Go's own layout (a mutex among writers and two counts): its Unlock lets readers in
 * before it is through with the mutex, so memory could go under it; and between two writers new
 * readers slip in. */
#ifndef GAMP_SYNC_GRWMUTEX_H
#define GAMP_SYNC_GRWMUTEX_H

#include "base/atomic.h"
#include "base/race.h"
#include <gamp/sync.h>

#define RW_WRITER UINT64_C(1)
#define RW_INSIDE (UINT64_C(1) << 1)
#define RW_WRITERS (UINT64_C(1) << 22)
#define RW_READERS (UINT64_C(1) << 43)
#define RW_MAX ((UINT64_C(1) << 21) - 1)
#define RW_INSIDE_MASK (RW_MAX * RW_INSIDE)
#define RW_WRITERS_MASK (RW_MAX * RW_WRITERS)
#define RW_READERS_MASK (RW_MAX * RW_READERS)

/* One step each; no runtime needed. true: it is the caller's. */
bool grwmutex_tryrlock(gamp_rwmutex *m);
bool grwmutex_trylock(gamp_rwmutex *m);

/* Where nobody waits: true, it is done. false: grwmutex_unlock (runlock) must look. */
static always_inline bool grwmutex_unlock_fast(gamp_rwmutex *m)
{
    race_release(&m->reader_sem);
    return cas_release(&m->state, RW_WRITER, 0);
}

static always_inline bool grwmutex_runlock_fast(gamp_rwmutex *m)
{
    uint64_t old = load_relaxed(&m->state);

    race_release(&m->writer_sem);
    return (old & RW_INSIDE_MASK) && !(old & RW_WRITERS_MASK) &&
           cas_release(&m->state, old, old - RW_INSIDE);
}

/* Inside the runtime. 0; -ETIMEDOUT; -EOVERFLOW: two million are at it. until NEVER: no limit. */
int grwmutex_rlock(gamp_rwmutex *m, int64_t until);
int grwmutex_lock(gamp_rwmutex *m, int64_t until);
/* Inside. false: it is not locked so. */
bool grwmutex_runlock(gamp_rwmutex *m);
bool grwmutex_unlock(gamp_rwmutex *m);

#endif
