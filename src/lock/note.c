/* SPDX-License-Identifier: BSD-3-Clause */
#include "lock/note.h"
#include "base/atomic.h"
#include "base/throw.h"
#include "os/linux/clock.h"
#include "os/linux/futex.h"
#include <errno.h>

void noteclear(struct note *n)
{
    store_relaxed(&n->key, 0);
}

void notewakeup(struct note *n)
{
    /* The note may be gone as soon as the sleeper has seen 1: nothing but the address is used
     * after. */
    uint32_t old = xchg_release(&n->key, 1);

    if (old == 1)
        throw("notewakeup - double wakeup");
    if (old == 2)
        futex_wake(&n->key, 1);
}

void notesleep(struct note *n)
{
    notetsleep(n, NEVER);
}

bool notetsleep(struct note *n, int64_t until)
{
    cas_acquire(&n->key, 0, 2);
    while (load_acquire(&n->key) != 1) {
        if (futex_wait(&n->key, 2, until) == -ETIMEDOUT && load_acquire(&n->key) != 1)
            return cas_acquire(&n->key, 2, 0) ? false : load_acquire(&n->key) == 1;
    }
    return true;
}
