/* SPDX-License-Identifier: BSD-3-Clause */
/* cpu_arm64: see arch/cpu.h. */
#ifndef GAMP_ARCH_CPU_ARM64_H
#define GAMP_ARCH_CPU_ARM64_H

#include "base/compiler.h"

struct g;
extern __thread struct g *gamp_tls_g
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* By hand, because compilers keep the address of a thread-local over a call that may change
 * the thread (ELF for the Arm 64-bit Architecture, "Thread Local Storage", initial exec). */
static always_inline struct g *getg(void)
{
    struct g *gp;
    uintptr_t off;

    __asm__ volatile("adrp %1, :gottprel:gamp_tls_g\n\t"
                     "ldr %1, [%1, #:gottprel_lo12:gamp_tls_g]\n\t"
                     "mrs %0, tpidr_el0\n\t"
                     "ldr %0, [%0, %1]"
                     : "=&r"(gp), "=&r"(off));
    return gp;
}

static always_inline void setg(struct g *gp)
{
    uintptr_t base, off;

    __asm__ volatile("adrp %1, :gottprel:gamp_tls_g\n\t"
                     "ldr %1, [%1, #:gottprel_lo12:gamp_tls_g]\n\t"
                     "mrs %0, tpidr_el0\n\t"
                     "str %2, [%0, %1]"
                     : "=&r"(base), "=&r"(off)
                     : "r"(gp)
                     : "memory");
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
enum {
    ARCH_SAVED_FP,
    ARCH_SAVED_PC,
    ARCH_SAVED_X19,
    ARCH_SAVED_X20,
    ARCH_SAVED_X21,
    ARCH_SAVED_X22,
    ARCH_SAVED_X23,
    ARCH_SAVED_X24,
    ARCH_SAVED_X25,
    ARCH_SAVED_X26,
    ARCH_SAVED_X27,
    ARCH_SAVED_X28,
    ARCH_SAVED_D8,
    ARCH_SAVED_D15 = ARCH_SAVED_D8 + 7,
    ARCH_SAVED_WORDS
};

#endif
