/* SPDX-License-Identifier: BSD-3-Clause */
/* entry: the one check at every entry into the runtime, and leaving it.
 *
 * Every public function that touches the scheduler's or a sync object's state stands between
 * gamp_enter() and gamp_leave(). Inside, the thread is not preempted and its P is not taken; so
 * nothing inside may block but by gopark, and nothing may call libc's malloc, stdio or the like,
 * whose locks a stopped goroutine may hold. Callbacks into the program run outside: leave, call,
 * enter. The
 * pairs do not nest: internal functions call internal functions.
 *
 * m->guard is above any stack pointer when anything is wanted of the M: one comparison tells.
 * Dekker pair with sysmon, which takes Ps of Ms that sleep in user code:
 *   owner:   inruntime = 1;  (compiler barrier)  read guard
 *   sysmon:  stolen = ASKING; guard = ASK;  membarrier();  read inruntime and the CPU clock
 * At least one side sees the other: membarrier is a full barrier on the owner's CPU between its
 * two lines, wherever it falls. */
#ifndef GAMP_SCHED_ENTRY_H
#define GAMP_SCHED_ENTRY_H

#include "sched/m.h"

struct g *entry_foreign(void);      /* attaches the calling thread */
struct g *entry_slow(struct g *gp); /* does what was asked of the M */

/* For those that want the M. */
static always_inline struct m *gamp_enter_m(void)
{
    struct m *m = thism();

    if (unlikely(!m))
        return entry_foreign()->run.m;
    store_relaxed(&m->inruntime, 1);
    compiler_barrier();
    if (unlikely(cpu_sp() < load_relaxed(&m->guard)))
        return entry_slow(getg())->run.m;
    return m;
}

static always_inline struct g *gamp_enter(void)
{
    struct m *m = thism();

    if (unlikely(!m))
        return entry_foreign();
    store_relaxed(&m->inruntime, 1);
    compiler_barrier();
    if (unlikely(cpu_sp() < load_relaxed(&m->guard)))
        return entry_slow(getg());
    return getg();
}

/* Its usual half. false: gamp_enter has to be called. */
static always_inline bool gamp_enter_usual(void)
{
    struct m *m = thism();

    if (unlikely(!m))
        return false;
    store_relaxed(&m->inruntime, 1);
    compiler_barrier();
    return likely(cpu_sp() >= load_relaxed(&m->guard));
}

static always_inline void gamp_leave_m(struct m *m)
{
    compiler_barrier();
    store_release(&m->inruntime, 0);
}

static always_inline void gamp_leave(void)
{
    gamp_leave_m(thism());
}

/* For functions without shared state that only want the thread's g: no check, no barrier. NULL on a
 * thread that is not attached. */
static always_inline struct g *gamp_self(void)
{
    return getg();
}

#endif
