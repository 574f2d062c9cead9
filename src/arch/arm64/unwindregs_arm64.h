/* SPDX-License-Identifier: BSD-3-Clause */
/* unwindregs_arm64: see arch/unwindregs.h. */
#ifndef GAMP_ARCH_UNWINDREGS_ARM64_H
#define GAMP_ARCH_UNWINDREGS_ARM64_H

#include "arch/cpu.h"
#include <elf.h>
#include <ucontext.h>

enum { ARCH_DW_FP = 29, ARCH_DW_SP = 31, ARCH_DW_RA = 30, ARCH_DW_REGS = 32 };

#define ARCH_ELF_MACHINE EM_AARCH64

/* The kernel's sigcontext: fault address, x0-x30, sp, pc. The frame begins with the siginfo. */
#define ARCH_MCONTEXT offsetof(ucontext_t, uc_mcontext)
#define ARCH_MCONTEXT_WORDS 34
#define ARCH_SIGFRAME_UCONTEXT 128
_Static_assert(ARCH_MCONTEXT == 176, "struct ucontext of the kernel");

/* mov x8, #139; svc #0 */
static const uint8_t arch_sigreturn_code[] = {0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4};

static inline void arch_regs_mcontext(uintptr_t reg[ARCH_DW_REGS], uintptr_t *pc,
                                      const uintptr_t words[ARCH_MCONTEXT_WORDS])
{
    for (int i = 0; i < ARCH_DW_REGS; i++)
        reg[i] = words[1 + i];
    *pc = words[33];
}

static inline void arch_regs_switched(uintptr_t reg[ARCH_DW_REGS], uintptr_t *pc, uintptr_t sp,
                                      const uintptr_t words[ARCH_SAVED_WORDS])
{
    for (int i = 0; i < ARCH_DW_REGS; i++)
        reg[i] = 0;
    reg[ARCH_DW_FP] = words[ARCH_SAVED_FP];
    reg[ARCH_DW_SP] = sp + ARCH_SAVED_WORDS * sizeof(uintptr_t);
    *pc = reg[ARCH_DW_RA] = words[ARCH_SAVED_PC];
}

static always_inline void arch_regs_here(uintptr_t reg[ARCH_DW_REGS], uintptr_t *pc)
{
    uintptr_t tmp;

    for (int i = 0; i < ARCH_DW_REGS; i++)
        reg[i] = 0;
    __asm__ volatile("stp x19, x20, [%2, #152]\n\t"
                     "stp x21, x22, [%2, #168]\n\t"
                     "stp x23, x24, [%2, #184]\n\t"
                     "stp x25, x26, [%2, #200]\n\t"
                     "stp x27, x28, [%2, #216]\n\t"
                     "stp x29, x30, [%2, #232]\n\t"
                     "mov %1, sp\n\t"
                     "str %1, [%2, #248]\n\t"
                     "adr %0, ."
                     : "=&r"(*pc), "=&r"(tmp)
                     : "r"(reg)
                     : "memory");
}

/* xpaclri, which is a hint to CPUs without pointer authentication; it works on x30 alone. */
static inline uintptr_t arch_strip_pac(uintptr_t address)
{
    register uintptr_t x30 __asm__("x30") = address;

    __asm__("hint #7" : "+r"(x30));
    return x30;
}

static inline uint32_t arch_op_before(const uint8_t b[8])
{
    return (uint32_t)b[4] | (uint32_t)b[5] << 8 | (uint32_t)b[6] << 16 | (uint32_t)b[7] << 24;
}

/* bl and the forms of blr. */
static inline bool arch_call_before(const uint8_t b[8])
{
    uint32_t op = arch_op_before(b);

    return op >> 26 == 0x25 || (op & 0xfffff000) == 0xd63f0000 || (op & 0xfffff000) == 0xd73f0000;
}

static inline uintptr_t arch_call_target(uintptr_t ra, const uint8_t b[8])
{
    uint32_t op = arch_op_before(b);
    /* Words, signed, in 26 bits. */
    int64_t words = (int64_t)((uint64_t)op << 38) >> 38;

    return op >> 26 == 0x25 ? ra - 4 + (uintptr_t)(words * 4) : 0;
}

/* false: *ra is it. */
static inline bool arch_return_of_leaf(const uintptr_t reg[ARCH_DW_REGS], uintptr_t *ra)
{
    *ra = arch_strip_pac(reg[ARCH_DW_RA]);
    return false;
}

#endif
