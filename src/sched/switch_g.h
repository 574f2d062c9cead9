/* SPDX-License-Identifier: BSD-3-Clause */
/* switch_g: the switch from one g to another on one M, and what comes right after it.
 *
 *   leaving context                      arriving context (another goroutine, or g0)
 *   m->commitg = itself, m->commit = f
 *   gswitch: registers saved, sp moved   aftersw: f(m, commitg): its stack is now at rest,
 *                                        so it may be published, queued or freed
 */
#ifndef GAMP_SCHED_SWITCH_G_H
#define GAMP_SCHED_SWITCH_G_H

#include "arch/switch.h"
#include "base/race.h"
#include "sched/m.h"

/* Answers the M that it is on now. */
static always_inline struct m *aftersw(struct g *self)
{
    struct m *m = thism();
    struct g *gp = m->commitg;

#if RACE_ASAN
    __sanitizer_finish_switch_fiber(self->x->asan_fake_stack, NULL, NULL);
#endif
    (void)self;
    if (gp) {
        m->commitg = NULL;
        m->commit(m, gp);
    }
    return m;
}

/* dying: from's stack is given up for good. Returns when somebody switches back to from, with the M
 * that this is on. */
static always_inline struct m *gswitch(struct g *from, struct g *to, bool dying)
{
#if RACE_ASAN
    __sanitizer_start_switch_fiber(dying ? NULL : &from->x->asan_fake_stack,
                                   (void *)to->x->stack_lo, to->x->stack_hi - to->x->stack_lo);
#endif
#if RACE_TSAN
    /* 1: no synchronisation implied; edges come from what the program does. */
    __tsan_switch_to_fiber(to->x->tsan_fiber, 1);
#endif
    (void)dying;
    arch_switch(&from->run.sp, to->run.sp);
    return aftersw(from);
}

#endif
