/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/api_debug.h"
#include "diag/godump.h"
#include "os/linux/vm.h"
#include "sched/entry.h"
#include "sched/globq.h"
#include "sched/schedt.h"
#include <gamp/debug.h>

int gamp_stack_dump(int fd, int all)
{
    return stack_dump(fd, all != 0);
}

static uint64_t switches_ever(void)
{
    uint64_t n = 0;

    for (const struct m *m = load_acquire(&sched.allm); m; m = m->alllink) {
        n += load_relaxed(&m->switches);
        if (m->alllink == m)
            break;
    }
    return n;
}

static uint64_t steals_ever(void)
{
    uint64_t n = 0;

    for (int i = 0; i < MAXPROCS && load_acquire(&allp[i]); i++)
        n += load_relaxed(&allp[i]->steals);
    return n;
}

/* Each number by itself; a sum that others change meanwhile may come out below 0. */
static uint64_t count(int64_t n)
{
    return n > 0 ? (uint64_t)n : 0;
}

void gamp_sched_stats_read(gamp_sched_stats *s)
{
    struct stack_stats stacks;

    *s = (gamp_sched_stats){0};
    if (sched_phase() < PHASE_RUN)
        return;
    gamp_enter();
    stack_stats_read(&stacks);
    gamp_leave();
    s->goroutines = count(goroutines_alive());
    s->created = goroutines_created();
    s->procs = count(load_relaxed(&gomaxprocs));
    s->threads = count(load_relaxed(&sched.mnext) - load_relaxed(&sched.nmfreed));
    s->idle_procs = count(load_relaxed(&sched.npidle));
    s->spinning = count(load_relaxed(&sched.nmspinning));
    s->global_queue = globrunqsize();
    s->switches = switches_ever();
    s->steals = steals_ever();
    s->handoffs = load_relaxed(&sched.handoffs);
    s->preemptions = load_relaxed(&sched.preemptions);
    s->strays = count(load_relaxed(&sched.strays_now));
    s->pinned = count(load_relaxed(&sched.pinned_now));
    s->stacks_reserved = stacks.mapped_bytes;
    s->stacks_resident = stacks.resident * PAGE;
}
