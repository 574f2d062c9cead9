/* SPDX-License-Identifier: BSD-3-Clause */
/* cpu_arm64: see arch/cpu.h. */
#ifndef GAMP_ARCH_CPU_ARM64_H
#define GAMP_ARCH_CPU_ARM64_H

#include "base/compiler.h"

struct g;
struct m;
extern __thread struct g *gamp_tls_g
    __attribute__((tls_model("initial-exec"), visibility("hidden")));
extern __thread struct m *gamp_tls_m
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* By hand, because compilers keep the address of a thread-local over a call that may change
 * the thread (ELF for the Arm 64-bit Architecture, "Thread Local Storage", initial exec). */
#define CPU_TLS_LOAD(var, to, off)                                                                 \
    __asm__ volatile("adrp %1, :gottprel:" #var "\n\t"                                             \
                     "ldr %1, [%1, #:gottprel_lo12:" #var "]\n\t"                                  \
                     "mrs %0, tpidr_el0\n\t"                                                       \
                     "ldr %0, [%0, %1]"                                                            \
                     : "=&r"(to), "=&r"(off))
#define CPU_TLS_STORE(var, from, base, off)                                                        \
    __asm__ volatile("adrp %1, :gottprel:" #var "\n\t"                                             \
                     "ldr %1, [%1, #:gottprel_lo12:" #var "]\n\t"                                  \
                     "mrs %0, tpidr_el0\n\t"                                                       \
                     "str %2, [%0, %1]"                                                            \
                     : "=&r"(base), "=&r"(off)                                                     \
                     : "r"(from)                                                                   \
                     : "memory")

static always_inline struct g *getg(void)
{
    struct g *gp;
    uintptr_t off;

    CPU_TLS_LOAD(gamp_tls_g, gp, off);
    return gp;
}

static always_inline void setg(struct g *gp)
{
    uintptr_t base, off;

    CPU_TLS_STORE(gamp_tls_g, gp, base, off);
}

static always_inline struct m *thism(void)
{
    struct m *m;
    uintptr_t off;

    CPU_TLS_LOAD(gamp_tls_m, m, off);
    return m;
}

static always_inline void setthism(struct m *m)
{
    uintptr_t base, off;

    CPU_TLS_STORE(gamp_tls_m, m, base, off);
}

static always_inline void cpu_pause(void)
{
    __asm__ volatile("isb" ::: "memory");
}

static always_inline uint64_t cpu_ticks(void)
{
    uint64_t t;

    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(t));
    return t;
}

static always_inline uintptr_t cpu_sp(void)
{
    uintptr_t sp;

    __asm__ volatile("mov %0, sp" : "=r"(sp));
    return sp;
}

/* What arch_switch leaves at the saved sp, in words; arch_frame lays the same. */
enum { ARCH_SAVED_FP, ARCH_SAVED_PC, ARCH_SAVED_WORDS };

#endif
