/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/m.h"
#include "base/race.h"
#include "base/throw.h"
#include "mem/sysmem.h"
#include "os/linux/thread.h"
#include "os/linux/sys.h"
#include "os/linux/clock.h"
#include "sched/schedt.h"
#include <errno.h>

/* From a C++ runtime, when there is one in the process. */
void *__cxa_get_globals(void) __attribute__((weak));

struct m m0;

struct lockrank_held *lockrank_held(void)
{
    struct g *gp = getg();

    return gp ? &gp->run.m->ranks : NULL;
}

void mcommoninit(struct m *mp)
{
    mp->id = sched.mnext++;
    mp->rand = debug.seed + (uint64_t)mp->id * 0x9e3779b97f4a7c15u;
    mp->mon.cpu = -1;
    if (mp->alllink == NULL && mp != sched.allm) {
        mp->alllink = sched.allm ? sched.allm : mp; /* the last points at itself */
        store_release(&sched.allm, mp);
    }
}

struct m *m_alloc(void)
{
    struct m *mp;

    lock(&sched.lock);
    mp = sched.freem;
    if (mp)
        sched.freem = mp->schedlink;
    unlock(&sched.lock);
    if (mp) {
        struct m *link = mp->alllink;

        *mp = (struct m){.alllink = link};
        return mp;
    }
    return persistentalloc(sizeof *mp);
}

void minit(struct m *mp)
{
    mp->tid = sys_gettid();
    mp->cpuclock = thread_cpuclock(mp->tid);
    mp->errnop = &errno;
    race_own(mp->errnop, sizeof(int));
    mp->cxa_globals = __cxa_get_globals ? __cxa_get_globals() : NULL;
    mp->altstack = thread_altstack_new();
    if (mp->altstack)
        thread_altstack_set(mp->altstack);
}

void unminit(struct m *mp)
{
    thread_altstack_set(NULL);
    thread_altstack_free(mp->altstack);
    mp->altstack = NULL;
}

struct g *m_attach(struct m *mp, bool foreign)
{
    struct g *gp = &mp->g0_storage;
    struct gx *x = &mp->gx_storage;

    gp->kind = foreign ? GFOREIGN : G0;
    gp->status = Grunning;
    gp->x = x;
    gp->run.m = mp;
    x->g = gp;
    mp->g0 = gp;
    mp->foreign = foreign;
    mp->errnop = &errno;
    race_own(mp->errnop, sizeof(int));
    if (foreign) {
        mp->curg = gp;
        mp->tid = sys_gettid();
    }
    setthism(mp);
    setg(gp);
    return gp;
}
