/* SPDX-License-Identifier: BSD-3-Clause */
/* rand: a small generator (splitmix64) for choices that need spread, not secrecy. One state an
 * owner (each M has one), so a seed replays a run's choices. */
#ifndef GAMP_BASE_RAND_H
#define GAMP_BASE_RAND_H

#include "base/compiler.h"

static inline uint64_t rand_next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Uniform in [0, n), n > 0: the high half of a product, with a bias below n / 2^32. */
static inline uint32_t rand_below(uint64_t *state, uint32_t n)
{
    return (uint32_t)(((rand_next(state) >> 32) * n) >> 32);
}

#endif
