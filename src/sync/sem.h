/* SPDX-License-Identifier: BSD-3-Clause */
/* sem: a weighted semaphore, strictly first in, first out. Go's golang.org/x/sync/semaphore, but
 * without a total: release adds what it is told to.
 *
 * Invariant, while the lock is free: the first in line, unless its wait has timed out, wants more
 * than count.
 *
 * Memory: everything happens under the lock, also for those who need not wait; who gives releases
 * it before he wakes, and who timed out takes it before he leaves. So whoever was given anything
 * returns after the giver let go. */
#ifndef GAMP_SYNC_SEM_H
#define GAMP_SYNC_SEM_H

#include "sync/sudog.h"
#include <gamp/sync.h>

/* What a gamp_sem is inside. */
struct gsem {
    union {
        struct mutex lock;
        uint64_t room;
    };
    int64_t count;
    struct waitq q;
};
_Static_assert(sizeof(struct gsem) <= sizeof(gamp_sem), "the public struct has room");

/* Inside the runtime; n >= 0. */
bool gsem_tryacquire(struct gsem *s, int64_t n);
/* 0; -ETIMEDOUT. */
int gsem_acquire(struct gsem *s, int64_t n, int64_t until);
/* false: the count would overflow; nothing was added. */
bool gsem_release(struct gsem *s, int64_t n);

#endif
