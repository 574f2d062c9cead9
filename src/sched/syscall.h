/* SPDX-License-Identifier: BSD-3-Clause */
/* syscall: stretches in which a goroutine's thread may block in the kernel.
 *
 * To the scheduler, hinted calls are user code like any other: sysmon may take the P of an M that
 * is outside the runtime. The hint only lets it do so at its next look, without watching the CPU
 * clock first. So a pair costs two plain stores and one check. */
#ifndef GAMP_SCHED_SYSCALL_H
#define GAMP_SCHED_SYSCALL_H

#include "sched/entry.h"

/* Inside the runtime; between the two the caller is outside. */
static inline void entersyscall(void)
{
    getg()->run.m->hint = true;
    gamp_leave();
}

static inline void exitsyscall(void)
{
    struct g *gp = gamp_enter();

    gp->run.m->hint = false;
}

/* At an entry, inruntime set: whether sysmon has taken the M's P. A question of its is ended here:
 * it may withdraw in the same moment, and what fails then is no sign that it took the P. */
static inline bool stray_entering(struct m *m)
{
    if (load_acquire(&m->stolen) == STOLEN_OWNED)
        return false;
    /* One asked from now on is withdrawn: inruntime is set. */
    return !cas_acqrel(&m->stolen, STOLEN_ASKING, STOLEN_OWNED) &&
           load_acquire(&m->stolen) == STOLEN_TAKEN;
}

/* The P of the caller's M was taken while it was outside: gets another one, or queues for one. */
void stray_return(struct g *gp);
/* The M is TAKEN no more; true when it has a P. */
bool stray_acquire(struct m *m);

#endif
