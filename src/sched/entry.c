/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/entry.h"
#include "base/throw.h"
#include "os/linux/sys.h"
#include "sched/direct.h"
#include "sched/fatal.h"
#include "sched/foreign.h"
#include "sched/gstack.h"
#include "sched/park.h"
#include "sched/schedt.h"
#include "sched/syscall.h"

struct g *entry_slow(struct g *gp)
{
    struct m *m = gp->run.m;

    /* Acquire pairs with sysmon's CAS to TAKEN. */
    if (stray_entering(m)) {
        stray_return(gp);
        m = gp->run.m;
    }
    if (load_acquire(&sched.phase) >= PHASE_STOPPING)
        park_forever(gp);
    /* The count tells sysmon, should it be asking right now, that its ASK may have been put
     * back. */
    m->switches++;
    store_relaxed(&m->guard, gp->run.stackguard0);
    compiler_barrier();
    if (cpu_sp() < gp->run.stackguard0 && cpu_sp() >= gp->x->stack_lo - STACK_GUARD)
        throw("stack overflow in goroutine %lu", (unsigned long)gp->goid);
    if (load_acquire(&m->p->preempt) || load_acquire(&sched.gcwaiting)) {
        store_relaxed(&m->p->preempt, 0);
        gopreempt(gp);
    }
    return gp;
}

struct g *entry_foreign(void)
{
    struct g *gp = foreign_attach();

    store_relaxed(&gp->run.m->inruntime, 1);
    return gp;
}
