/* SPDX-License-Identifier: BSD-3-Clause */
/* unwindregs_amd64: see arch/unwindregs.h. */
#ifndef GAMP_ARCH_UNWINDREGS_AMD64_H
#define GAMP_ARCH_UNWINDREGS_AMD64_H

#include "arch/cpu.h"
#include <elf.h>
#include <ucontext.h>

enum { ARCH_DW_FP = 6, ARCH_DW_SP = 7, ARCH_DW_RA = 16, ARCH_DW_REGS = 17 };

#define ARCH_ELF_MACHINE EM_X86_64

/* The kernel's sigcontext begins r8-r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip. */
#define ARCH_MCONTEXT offsetof(ucontext_t, uc_mcontext)
#define ARCH_MCONTEXT_WORDS 17
#define ARCH_SIGFRAME_UCONTEXT 0
_Static_assert(ARCH_MCONTEXT == 40, "struct ucontext of the kernel");

/* mov $15, %rax; syscall */
static const uint8_t arch_sigreturn_code[] = {0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05};

static inline void arch_regs_mcontext(uintptr_t reg[ARCH_DW_REGS], uintptr_t *pc,
                                      const uintptr_t words[ARCH_MCONTEXT_WORDS])
{
    static const uint8_t dwarf[16] = {8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7};

    for (int i = 0; i < 16; i++)
        reg[dwarf[i]] = words[i];
    *pc = reg[ARCH_DW_RA] = words[16];
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
    for (int i = 0; i < ARCH_DW_REGS; i++)
        reg[i] = 0;
    __asm__ volatile("movq %%rbx, 24(%1)\n\t"
                     "movq %%rbp, 48(%1)\n\t"
                     "movq %%rsp, 56(%1)\n\t"
                     "movq %%r12, 96(%1)\n\t"
                     "movq %%r13, 104(%1)\n\t"
                     "movq %%r14, 112(%1)\n\t"
                     "movq %%r15, 120(%1)\n\t"
                     "leaq 0(%%rip), %0"
                     : "=&r"(*pc)
                     : "r"(reg)
                     : "memory");
    reg[ARCH_DW_RA] = *pc;
}

static inline uintptr_t arch_strip_pac(uintptr_t address)
{
    return address;
}

/* The 8 bytes before the return address. E8 is the direct call; FF /2 the indirect, whose ModRM
 * byte may be followed by SIB and displacement. */
static inline bool arch_call_before(const uint8_t b[8])
{
    if (b[3] == 0xe8)
        return true;
    for (int i = 1; i <= 6; i++)
        if (b[i] == 0xff && (b[i + 1] & 0x38) == 0x10)
            return true;
    return false;
}

static inline uintptr_t arch_call_target(uintptr_t ra, const uint8_t b[8])
{
    uint32_t rel =
        (uint32_t)b[4] | (uint32_t)b[5] << 8 | (uint32_t)b[6] << 16 | (uint32_t)b[7] << 24;

    return b[3] == 0xe8 ? ra + (uintptr_t)(int64_t)(int32_t)rel : 0;
}

/* true: it is at sp, on the stack, and returning pops it. */
static inline bool arch_return_of_leaf(const uintptr_t reg[ARCH_DW_REGS], uintptr_t *ra)
{
    (void)reg;
    (void)ra;
    return true;
}

#endif
