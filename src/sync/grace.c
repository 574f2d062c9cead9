/* SPDX-License-Identifier: BSD-3-Clause */
/* grace: see grace.h. started is completed, or one more: a period is on its way, and stripes below
 * `seen` have been seen at 0 in it. */
#include "sync/grace.h"
#include "lock/mutex.h"

struct grace_stripe grace_stripes[GRACE_STRIPES];
uint64_t grace_started, grace_completed;

static struct {
    struct mutex lock; /* LOCK_LEAF; who brings the periods forward */
    uint32_t seen;
} grace = {.lock = MUTEX_INIT(LOCK_LEAF)};

void grace_poll(uint64_t ticket)
{
    uint64_t started;

    /* Who does not get the lock leaves it to the one who has it. */
    if (grace_over(ticket) || !trylock(&grace.lock))
        return;
    started = load_relaxed(&grace_started);
    for (;;) {
        uint32_t old;

        if (started == load_relaxed(&grace_completed)) {
            if (started >= ticket)
                break;
            store_seqcst(&grace_started, ++started);
            /* Pairs with the fence of grace_ticket, and with the counting of readers. */
            fence_seqcst();
            grace.seen = 0;
        }
        old = (started & 1) ^ 1;
        while (grace.seen < GRACE_STRIPES && load_seqcst(&grace_stripes[grace.seen].in[old]) == 0)
            grace.seen++;
        if (grace.seen < GRACE_STRIPES)
            break;
        store_release(&grace_completed, started);
    }
    unlock(&grace.lock);
}
