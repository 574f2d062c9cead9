/* SPDX-License-Identifier: BSD-3-Clause */
/* cpu_amd64: see arch/cpu.h. */
#ifndef GAMP_ARCH_CPU_AMD64_H
#define GAMP_ARCH_CPU_AMD64_H

#include "base/compiler.h"

struct g;
struct m;
extern __thread struct g *gamp_tls_g
    __attribute__((tls_model("initial-exec"), visibility("hidden")));
extern __thread struct m *gamp_tls_m
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* By hand, because compilers keep the address of a thread-local over a call that may change
 * the thread (psABI x86-64, "Thread-Local Storage", initial exec). */
#define CPU_TLS_LOAD(var, to)                                                                      \
    __asm__ volatile("movq " #var "@gottpoff(%%rip), %0\n\tmovq %%fs:(%0), %0" : "=r"(to))
#define CPU_TLS_STORE(var, from, off)                                                              \
    __asm__ volatile("movq " #var "@gottpoff(%%rip), %0\n\tmovq %1, %%fs:(%0)"                     \
                     : "=&r"(off)                                                                  \
                     : "r"(from)                                                                   \
                     : "memory")

static always_inline struct g *getg(void)
{
    struct g *gp;

    CPU_TLS_LOAD(gamp_tls_g, gp);
    return gp;
}

static always_inline void setg(struct g *gp)
{
    uintptr_t off;

    CPU_TLS_STORE(gamp_tls_g, gp, off);
}

static always_inline struct m *thism(void)
{
    struct m *m;

    CPU_TLS_LOAD(gamp_tls_m, m);
    return m;
}

static always_inline void setthism(struct m *m)
{
    uintptr_t off;

    CPU_TLS_STORE(gamp_tls_m, m, off);
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
enum { ARCH_SAVED_PC, ARCH_SAVED_FP, ARCH_SAVED_WORDS };

#endif
