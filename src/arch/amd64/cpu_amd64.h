/* SPDX-License-Identifier: BSD-3-Clause */
/* cpu_amd64: see arch/cpu.h. */
#ifndef GAMP_ARCH_CPU_AMD64_H
#define GAMP_ARCH_CPU_AMD64_H

#include "base/compiler.h"

struct g;
extern __thread struct g *gamp_tls_g
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* By hand, because compilers keep the address of a thread-local over a call that may change
 * the thread (psABI x86-64, "Thread-Local Storage", initial exec). */
static always_inline struct g *getg(void)
{
    struct g *gp;

    __asm__ volatile("movq gamp_tls_g@gottpoff(%%rip), %0\n\tmovq %%fs:(%0), %0" : "=r"(gp));
    return gp;
}

static always_inline void setg(struct g *gp)
{
    uintptr_t off;

    __asm__ volatile("movq gamp_tls_g@gottpoff(%%rip), %0\n\tmovq %1, %%fs:(%0)"
                     : "=&r"(off)
                     : "r"(gp)
                     : "memory");
}

static always_inline void cpu_pause(void)
{
    __asm__ volatile("pause" ::: "memory");
}

static always_inline uint64_t cpu_ticks(void)
{
    uint32_t lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return (uint64_t)hi << 32 | lo;
}

static always_inline uintptr_t cpu_sp(void)
{
    uintptr_t sp;

    __asm__ volatile("movq %%rsp, %0" : "=r"(sp));
    return sp;
}

/* What arch_switch leaves at the saved sp, in words; arch_frame lays the same. */
enum {
    ARCH_SAVED_R15,
    ARCH_SAVED_R14,
    ARCH_SAVED_R13,
    ARCH_SAVED_R12,
    ARCH_SAVED_RBX,
    ARCH_SAVED_FP,
    ARCH_SAVED_PC,
    ARCH_SAVED_WORDS
};

#endif
