/* SPDX-License-Identifier: BSD-3-Clause */
/* switch_amd64: see arch/switch.h.
 *
 *   saved sp -> | address to go on at | rbp | ...
 *
 * The direction flag is clear and the x87 stack empty wherever compiled code stands (psABI x86-64,
 * 3.2.1 "Registers"). It pushes, so its callers have no
 * red zone (cmake/flags.cmake). To ask for the frame's address makes the compiler have a frame
 * pointer. */
#ifndef GAMP_ARCH_SWITCH_AMD64_H
#define GAMP_ARCH_SWITCH_AMD64_H

#include "base/compiler.h"

static always_inline void arch_switch(uintptr_t *save_sp, uintptr_t sp)
{
    void *fp = __builtin_frame_address(0);

    __asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rbp\n\t"
                     "pushq %%rax\n\t"
                     "movq %%rsp, (%0)\n\t"
                     "movq %1, %%rsp\n\t"
                     "popq %%rax\n\t"
                     "popq %%rbp\n\t"
                     "jmpq *%%rax\n"
                     "1:"
                     : "+D"(save_sp), "+S"(sp), "+d"(fp)
                     :
                     : "rax", "rbx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
                       "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                       "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15",
#if defined(__AVX512F__)
                       "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23",
                       "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k0",
                       "k1", "k2", "k3", "k4", "k5", "k6", "k7",
#endif
                       "memory", "cc");
}

#endif
