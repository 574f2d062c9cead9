/* SPDX-License-Identifier: BSD-3-Clause */
/* spin: whether waiting actively for another goroutine to release something can pay, as Go's
 * sync_runtime_canSpin: only while others run at the same time, and nothing else could run here. */
#ifndef GAMP_SYNC_SPIN_H
#define GAMP_SYNC_SPIN_H

#include "arch/cpu.h"
#include "sched/schedt.h"

enum { SPIN_TURNS = 4, SPIN_PAUSES = 30 };

static inline bool can_spin(int turn)
{
    struct p *pp;

    /* Relaxed: hints. */
    if (turn >= SPIN_TURNS || ncpu <= 1 ||
        load_relaxed(&gomaxprocs) <=
            load_relaxed(&sched.npidle) + load_relaxed(&sched.nmspinning) + 1)
        return false;
    pp = getm()->p;
    return !pp || runqempty(pp);
}

static inline void spin(void)
{
    for (int i = 0; i < SPIN_PAUSES; i++)
        cpu_pause();
}

#endif
