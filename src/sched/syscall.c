/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/syscall.h"
#include "event/event.h"
#include "sched/direct.h"
#include "sched/mlife.h"
#include "sched/schedt.h"

/* The old P if it is idle: its queue and caches are still warm. sched.lock held. */
static struct p *pidleget_old(struct p *old)
{
    struct p **at;

    if (!old || load_relaxed(&old->status) != Pidle || old->m)
        return pidleget();
    for (at = &sched.pidle; *at; at = &(*at)->link)
        if (*at == old) {
            *at = old->link;
            fetch_add_seqcst(&sched.npidle, -1);
            return old;
        }
    return pidleget();
}

bool stray_acquire(struct m *m)
{
    struct p *pp = NULL;

    m->oldp = m->p ? m->p : m->oldp;
    m->p = NULL;
    lock(&sched.lock);
    if (!sched.gcwaiting)
        pp = pidleget_old(m->oldp);
    unlock(&sched.lock);
    fetch_add_relaxed(&sched.strays_now, -1);
    store_release(&m->stolen, STOLEN_OWNED);
    if (pp)
        acquirep(m, pp);
    return pp != NULL;
}

void stray_return(struct g *gp)
{
    struct m *m = gp->run.m;

    if (load_acquire(&sched.phase) >= PHASE_STOPPING) {
        m->p = NULL;
        store_release(&m->stolen, STOLEN_OWNED);
        park_forever(gp);
    }
    event_emit(EV_GO_UNBLOCK, gp->goid, 0);
    if (!stray_acquire(m))
        park_stray(gp);
}
