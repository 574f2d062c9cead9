/* SPDX-License-Identifier: BSD-3-Clause */
/* maphash: hashing and comparing keys. The hash folds 64 by 64 bit products; the seed, from the
 * kernel's random numbers, makes collisions unforeseeable to who chooses the keys.
 *
 * Under ThreadSanitizer no libc function touches a key: what it reads would count as the program's
 * access (sync/elem.h). */
#ifndef GAMP_SYNC_MAPHASH_H
#define GAMP_SYNC_MAPHASH_H

#include "base/race.h"
#include <string.h>

static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_word(const unsigned char *p, size_t n)
{
    uint64_t w = 0;

    if (n == 8)
        memcpy(&w, p, 8);
    else
        for (size_t i = 0; i < n; i++)
            w |= (uint64_t)p[i] << 8 * i;
    return w;
}

static inline uint64_t hash_bytes(uint64_t seed, const void *key, size_t n)
{
    const unsigned char *p = key;
    const uint64_t odd1 = UINT64_C(0x9e3779b97f4a7c15), odd2 = UINT64_C(0xd6e8feb86659fd93);
    uint64_t h = seed ^ hash_fold(n ^ odd1, odd2);

    for (; n > 8; n -= 8, p += 8)
        h = hash_fold(h ^ hash_word(p, 8) ^ odd1, odd2 ^ seed);
    h = hash_fold(h ^ hash_word(p, n) ^ odd2, odd1 ^ seed);
    return hash_fold(h ^ odd1, odd2);
}

/* As memcmp. */
static inline int key_compare(const void *a, const void *b, size_t n)
{
#if RACE_TSAN
    const unsigned char *x = a, *y = b;

    for (size_t i = 0; i < n; i++) {
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
        compiler_barrier();
    }
    return 0;
#else
    return n ? memcmp(a, b, n) : 0;
#endif
}

static inline uint64_t bits_reverse(uint64_t x)
{
    x = (x >> 1 & UINT64_C(0x5555555555555555)) | (x & UINT64_C(0x5555555555555555)) << 1;
    x = (x >> 2 & UINT64_C(0x3333333333333333)) | (x & UINT64_C(0x3333333333333333)) << 2;
    x = (x >> 4 & UINT64_C(0x0f0f0f0f0f0f0f0f)) | (x & UINT64_C(0x0f0f0f0f0f0f0f0f)) << 4;
    return __builtin_bswap64(x);
}

#endif
