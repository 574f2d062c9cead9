/* SPDX-License-Identifier: BSD-3-Clause */
/* choice: every choice of the scheduler and of select that is not determined is drawn here, so that
 * a seed (GAMPDEBUG=seed=N) and later a replaying scheduler can own them all. */
#ifndef GAMP_SCHED_CHOICE_H
#define GAMP_SCHED_CHOICE_H

#include "base/rand.h"
#include "sched/m.h"

/* Uniform in [0, n), n > 0. Inside the runtime, or on an attached thread. */
static inline uint32_t sched_rand(uint32_t n)
{
    return rand_below(&getm()->rand, n);
}

#endif
