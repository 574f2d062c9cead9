/* SPDX-License-Identifier: BSD-3-Clause */
/* fastpath: whether a public function may do without gamp_enter.
 *
 * An operation that is one atomic instruction on its object is whole at any point at which its
 * goroutine may be stopped, so it need not stand inside the runtime; but a request to the
 * goroutine (preemption, a P taken, the end of the program) is answered at every call, so each of
 * them asks first. Who then has to wait, or wakes somebody, enters.
 *
 * While the P is solo (sched/solo.h) the same operation is a load and a store, inside. What such
 * steps change is then not touched from outside at all: a thread that is not attached attaches
 * first, and one may lose its P between its look and its atomic instruction. */
#ifndef GAMP_SYNC_FASTPATH_H
#define GAMP_SYNC_FASTPATH_H

#include "sched/entry.h"
#include "sched/solo.h"

/* true: something is wanted of the caller: it must pass through gamp_enter. */
static always_inline bool entry_wanted(void)
{
    struct m *m = thism();

    /* A thread that is not attached has nothing to answer to. */
    return m && unlikely(cpu_sp() < load_relaxed(&m->guard));
}

/* For an operation that is a solo step. NULL: somebody wants something, or solo is over: outside.
 * Else inside the runtime, until solo_leave. */
static always_inline struct m *solo_enter(void)
{
    struct m *m = thism();

    if (unlikely(!m))
        return NULL;
    store_relaxed(&m->inruntime, 1);
    compiler_barrier();
    if (likely(cpu_sp() >= load_relaxed(&m->guard)) && is_solo())
        return m;
    store_release(&m->inruntime, 0);
    return NULL;
}

static always_inline void solo_leave(struct m *m)
{
    store_release(&m->inruntime, 0);
}

static always_inline void entry_answer(void)
{
    if (unlikely(entry_wanted())) {
        gamp_enter();
        gamp_leave();
    }
}

#endif
