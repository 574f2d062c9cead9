/* SPDX-License-Identifier: BSD-3-Clause */
/* fastpath: whether a public function may do without gamp_enter.
 *
 * An operation that is one atomic instruction on its object is whole at any point at which its
 * goroutine may be stopped, so it need not stand inside the runtime; but a request to the
 * goroutine (preemption, a P taken, the end of the program) is answered at every call, so each of
 * them asks first. Who then has to wait, or wakes somebody, enters. */
#ifndef GAMP_SYNC_FASTPATH_H
#define GAMP_SYNC_FASTPATH_H

#include "sched/entry.h"

/* true: something is wanted of the caller: it must pass through gamp_enter. */
static always_inline bool entry_wanted(void)
{
    struct m *m = thism();

    /* A thread that is not attached has nothing to answer to. */
    return m && unlikely(cpu_sp() < load_relaxed(&m->guard));
}

static always_inline void entry_answer(void)
{
    if (unlikely(entry_wanted())) {
        gamp_enter();
        gamp_leave();
    }
}

#endif
