/* SPDX-License-Identifier: BSD-3-Clause */
/* compiler: the words for what C itself cannot say; gcc >= 12 and clang >= 14. */
#ifndef GAMP_BASE_COMPILER_H
#define GAMP_BASE_COMPILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define noinline __attribute__((__noinline__))
#define always_inline inline __attribute__((__always_inline__))
#define must_check __attribute__((warn_unused_result))
#define cold_path __attribute__((__cold__, __noinline__))
#define maybe_unused __attribute__((__unused__))
#define cacheline_aligned __attribute__((aligned(64)))
#define printf_like(f, a) __attribute__((format(printf, f, a)))

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Keeps the compiler, not the CPU, from moving memory accesses across. It orders a thread with
 * its own signal handler, and with another CPU when that one issues a membarrier. */
#define compiler_barrier() __asm__ volatile("" ::: "memory")

/* Each argument is evaluated once: it may be a look at what others write. */
#define MIN(a, b) PICK_(<, a, b, CONCAT_(pick_a_, __COUNTER__), CONCAT_(pick_b_, __COUNTER__))
#define MAX(a, b) PICK_(>, a, b, CONCAT_(pick_a_, __COUNTER__), CONCAT_(pick_b_, __COUNTER__))
#define PICK_(op, a, b, x, y)                                                                      \
    __extension__({                                                                                \
        __typeof__((a)op(b) ? (a) : (b)) x = (a), y = (b);                                         \
        x op y ? x : y;                                                                            \
    })
#define CONCAT_(a, b) CONCAT2_(a, b)
#define CONCAT2_(a, b) a##b

#endif
