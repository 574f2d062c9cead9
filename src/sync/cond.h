/* SPDX-License-Identifier: BSD-3-Clause */
/* cond: waiting for a change under a mutex. Go's sync.Cond.
 *
 * The lock is held from before the mutex is unlocked until the waiter is parked; so a signal given
 * under the mutex, or after it, finds it in line, and the line is in order of the calls. (Go draws
 * tickets for that, and searches for them.) Lock order: the cond's, then a semaphore bucket's, by
 * way of the mutex's unlock.
 *
 * Memory: signal and broadcast release the lock before they wake; a waiter that timed out takes
 * the lock before it leaves. */
#ifndef GAMP_SYNC_COND_H
#define GAMP_SYNC_COND_H

#include "sync/sudog.h"
#include <gamp/sync.h>

/* What a gamp_cond is inside. */
struct gcond {
    union {
        struct mutex lock;
        uint64_t room; /* it is longer in debug builds */
    };
    struct waitq q; /* first is also read without the lock */
};
_Static_assert(sizeof(struct gcond) <= sizeof(gamp_cond), "the public struct has room");

/* Inside the runtime. 0; -ETIMEDOUT; m is held then. -EPERM: it was not. */
int gcond_wait(struct gcond *c, gamp_mutex *m, int64_t until);
void gcond_signal(struct gcond *c);
void gcond_broadcast(struct gcond *c);

/* true: nobody waits, so that there is nothing to do. Who changes the state that waiters test
 * under the mutex sees those that went to wait before. */
static inline bool gcond_idle(struct gcond *c)
{
    return load_acquire(&c->q.first) == NULL;
}

#endif
