/* SPDX-License-Identifier: BSD-3-Clause */
/* switch_arm64: see arch/switch.h.
 *
 *   saved sp -> | x29 | address to go on at | ...   (16-aligned)
 *
 * hint #36 is `bti j`: the jump may land there in a program built with branch protection. To ask
 * for the frame's address makes the compiler have a frame pointer. */
#ifndef GAMP_ARCH_SWITCH_ARM64_H
#define GAMP_ARCH_SWITCH_ARM64_H

#include "base/compiler.h"

static always_inline void arch_switch(uintptr_t *save_sp, uintptr_t sp)
{
    register uintptr_t x0 __asm__("x0") = (uintptr_t)save_sp;
    register uintptr_t x1 __asm__("x1") = sp;
    register void *x2 __asm__("x2") = __builtin_frame_address(0);

    __asm__ volatile("adr x16, 1f\n\t"
                     "stp x29, x16, [sp, #-16]!\n\t"
                     "mov x17, sp\n\t"
                     "str x17, [x0]\n\t"
                     "mov sp, x1\n\t"
                     "ldp x29, x16, [sp], #16\n\t"
                     "br x16\n"
                     "1:\thint #36"
                     : "+r"(x0), "+r"(x1), "+r"(x2)
                     :
                     : "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
                       "x15", "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25",
                       "x26", "x27", "x28", "x30", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7",
                       "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18",
                       "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29",
                       "v30", "v31", "memory", "cc");
}

#endif
