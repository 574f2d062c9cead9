/* SPDX-License-Identifier: BSD-3-Clause */
/* walk: over all Ps, each once, in an order that differs each time: from a random one on, by a step
 * coprime to their count (Go's stealOrder). So no P is always the first to be robbed. */
#ifndef GAMP_SCHED_WALK_H
#define GAMP_SCHED_WALK_H

#include "sched/choice.h"

struct walk {
    uint32_t left, count, pos, step;
};

static inline uint32_t walk_gcd(uint32_t a, uint32_t b)
{
    while (b) {
        uint32_t r = a % b;

        a = b;
        b = r;
    }
    return a;
}

static inline struct walk walk_begin(uint32_t count)
{
    struct walk w = {count, count, sched_rand(count), 1};

    if (count > 2) {
        w.step = 1 + sched_rand(count - 1);
        while (walk_gcd(w.step, count) != 1)
            w.step = w.step % (count - 1) + 1;
    }
    return w;
}

/* The next one's index; false: all were there. */
static inline bool walk_next(struct walk *w, uint32_t *index)
{
    if (w->left == 0)
        return false;
    w->left--;
    *index = w->pos;
    w->pos = (w->pos + w->step) % w->count;
    return true;
}

#endif
