/* SPDX-License-Identifier: BSD-3-Clause */
/* grace: when memory that was unlinked from a shared structure may be freed, though readers take
 * no lock.
 *
 * A reader stands between grace_enter and grace_leave, inside the runtime; it does not park there.
 * It counts itself in one of two counters of its M's stripe; which of the two is a matter of
 * progress alone. Who unlinks takes a ticket; the memory may be freed when grace_over(ticket).
 *
 * A grace period makes the readers to come use the other counter, and is complete when each
 * stripe's old counter has been seen at 0. A ticket is good after the next two whole periods: then
 * each counter was seen at 0 after the unlinking. That is enough:
 *     reader:    count itself (seqcst)    then    load links (seqcst)
 *     unlinker:  unlink, fence                    period: fence, look at the counters
 * If the look does not see the reader, the reader's loads see the unlinking (C11 29.3: seqcst
 * operations and fences are in one order; on amd64 and arm64 a seqcst load costs what an acquire
 * does). If it saw the reader and later 0, the reader's leave (release) comes before the look
 * (acquire), and so before the free.
 *
 * Nobody waits for a period: who frees asks now and then. A reader whose thread the kernel stops
 * keeps memory, nothing more.
 *
 * Rejected: counting references in the nodes (a write to shared lines for each step of a reader);
 * asking each M for a quiescent state (it would have to be woken for that). */
#ifndef GAMP_SYNC_GRACE_H
#define GAMP_SYNC_GRACE_H

#include "base/atomic.h"
#include "sched/m.h"

enum { GRACE_STRIPES = 32 };

struct grace_stripe {
    uint32_t in[2]; /* atomic */
} cacheline_aligned;

extern struct grace_stripe grace_stripes[GRACE_STRIPES];
extern uint64_t grace_started; /* atomic; periods begun; its lowest bit names the counter to use */
extern uint64_t grace_completed; /* atomic */

/* Inside the runtime. What to give to grace_leave. */
static always_inline uint32_t *grace_enter(void)
{
    struct grace_stripe *s = &grace_stripes[(uint64_t)getm()->id % GRACE_STRIPES];
    /* Relaxed: either counter is right. */
    uint32_t *counter = &s->in[load_relaxed(&grace_started) & 1];

    fetch_add_seqcst(counter, 1);
    return counter;
}

static always_inline void grace_leave(uint32_t *counter)
{
    fetch_add_release(counter, (uint32_t)-1);
}

/* After the unlinking. */
static inline uint64_t grace_ticket(void)
{
    fence_seqcst();
    return load_relaxed(&grace_started) + 2;
}

static inline bool grace_over(uint64_t ticket)
{
    /* Acquire pairs with the release of grace_poll, which saw the readers leave. */
    return load_acquire(&grace_completed) >= ticket;
}

/* Brings the periods forward towards the ticket, as far as readers allow. */
void grace_poll(uint64_t ticket);

#endif
