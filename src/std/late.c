/* SPDX-License-Identifier: BSD-3-Clause */
/* late: see late.h. A stack by CAS; all are taken at once, so no node can come back between a look
 * at the head and a CAS on it.
 * Pairs: add's release CAS with run's acquire exchange. */
#include "std/late.h"
#include "base/atomic.h"
#include "base/race.h"

static struct late *pending; /* atomic */

void late_add(struct late *l, void (*dispose)(struct late *l))
{
    struct late *head;

    l->dispose = dispose;
    race_release(l);
    do {
        /* Relaxed: what it points to is not looked into. */
        head = load_relaxed(&pending);
        l->next = head;
    } while (!cas_release(&pending, head, l));
}

void late_run(void)
{
    struct late *l;

    /* Relaxed: what is missed now is found by the next call. */
    if (likely(!load_relaxed(&pending)))
        return;
    l = xchg_acquire(&pending, NULL);
    while (l) {
        struct late *next = l->next;

        race_acquire(l);
        l->dispose(l);
        l = next;
    }
}
