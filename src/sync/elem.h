/* SPDX-License-Identifier: BSD-3-Clause */
/* elem: copying elements. The sizes that most programs use are single moves and not a call.
 *
 * Under ThreadSanitizer a call of memcpy would count as the program's own access of the goroutine
 * that happens to copy; the barrier keeps the compiler from making the loop such a call. */
#ifndef GAMP_SYNC_ELEM_H
#define GAMP_SYNC_ELEM_H

#include "base/race.h"
#include <string.h>

/* The sizes that are a move, or nothing at all. */
static always_inline bool elem_is_move(size_t n)
{
    return n == 8 || n == 4 || n == 16 || n == 0;
}

static always_inline void elem_move(void *dst, const void *src, size_t n)
{
    if (likely(n == 8))
        memcpy(dst, src, 8);
    else if (n == 4)
        memcpy(dst, src, 4);
    else if (n == 16)
        memcpy(dst, src, 16);
}

static always_inline void elem_copy(void *dst, const void *src, size_t n)
{
#if RACE_TSAN
    for (size_t i = 0; i < n; i++) {
        ((char *)dst)[i] = ((const char *)src)[i];
        compiler_barrier();
    }
#else
    if (likely(elem_is_move(n)))
        elem_move(dst, src, n);
    else
        memcpy(dst, src, n);
#endif
}

static inline void elem_zero(void *dst, size_t n)
{
#if RACE_TSAN
    for (size_t i = 0; i < n; i++) {
        ((char *)dst)[i] = 0;
        compiler_barrier();
    }
#else
    if (n != 0)
        memset(dst, 0, n);
#endif
}

#endif
