/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/solo.h"
#include "os/linux/clock.h"
#include "os/linux/membarrier.h"
#include "sched/schedt.h"

enum { LOOK = 20 * 1000 };

uint32_t solo;

void solo_begin(int32_t own)
{
    if (RACE_TSAN || !sched.membarrier || !debug.directswitch || load_relaxed(&gomaxprocs) != 1)
        return;
    /* A thread that attaches counts itself and then ends it, so one of the two sees the other. */
    cas_seqcst(&solo, SOLO_NO, SOLO_YES);
    if (load_seqcst(&sched.foreigners) > own)
        solo_over();
}

void solo_over(void)
{
    store_release(&solo, SOLO_NO);
}

/* Whoever holds the P has not been out of its step since the first look. */
static bool same_step(const struct m *m, uint64_t switches)
{
    return m && load_acquire(&p0.m) == m && load_acquire(&m->inruntime) &&
           load_relaxed(&m->switches) == switches;
}

void solo_end(void)
{
    const struct m *self = thism(), *m;
    uint64_t switches;

    if (load_seqcst(&solo) == SOLO_NO)
        return;
    if (self && self->p == &p0 && self->inruntime) {
        solo_over();
        return;
    }
    cas_seqcst(&solo, SOLO_YES, SOLO_ENDING);
    membarrier();
    m = load_acquire(&p0.m);
    switches = m ? load_relaxed(&m->switches) : 0;
    /* NO: who held the P has ended it itself, outside of a step, and may stay inside the runtime
     * for good, the program being at its end. */
    while (load_acquire(&solo) == SOLO_ENDING && same_step(m, switches))
        clock_sleep(LOOK);
    membarrier();
    cas_seqcst(&solo, SOLO_ENDING, SOLO_NO);
}
