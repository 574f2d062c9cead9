/* SPDX-License-Identifier: BSD-3-Clause */
/* unwind: from a frame to its caller's.
 *
 * By .eh_frame, since users' code and libc have no frame pointers; signal frames by their CFI or,
 * where the trampoline has none (qemu-user, musl), by its code; code without CFI by frame pointers.
 * Memory within [stack_lo, stack_hi) is read directly, any other through the kernel (diag/peek.h),
 * so garbage in a register ends the walk and not the process. Nothing here takes a lock, allocates,
 * or touches errno; a step uses about 5 KiB of stack.
 *
 * A walk ends: CFI's undefined return address and a pc of 0 are the proper ends; steps to
 * lower addresses are for stack switches and counted, so no cycle is walked for ever. */
#ifndef GAMP_DIAG_UNWIND_H
#define GAMP_DIAG_UNWIND_H

#include "diag/cfi.h"

struct unwind_regs {
    uintptr_t pc;
    /* By DWARF number: [ARCH_DW_SP] is sp, [ARCH_DW_FP] the frame pointer. */
    uintptr_t reg[ARCH_DW_REGS];
    uintptr_t stack_lo, stack_hi; /* known to be mapped; 0, 0: nothing is known */
    bool call;                    /* pc is a return address: the call is before it */
    bool may_refresh;             /* an unknown pc is worth a look at /proc/self/maps, once */
    bool fp_unknown;              /* of the registers only pc and sp are known so far */
    uint8_t turns;                /* steps that did not go up the stack */
};

/* The address to look symbols up by. */
static inline uintptr_t unwind_pc(const struct unwind_regs *r)
{
    return r->pc - (r->call ? 1 : 0);
}

/* To the caller. 1: done; 0: this was the outermost frame; -1: the walk cannot go on. r is
 * unchanged unless 1. */
int unwind_step(struct unwind_regs *r);

/* Three ways to begin; the bounds are left empty. */

/* The caller of this function, as it is when that returns to it. */
void unwind_here(struct unwind_regs *r);
/* What a signal interrupted: the third argument of a SA_SIGINFO handler. */
void unwind_from_ucontext(struct unwind_regs *r, const void *ucontext);
/* A context that arch_switch saved at sp (arch/switch.h). false: sp cannot be read. */
bool unwind_from_switch(struct unwind_regs *r, uintptr_t sp, uintptr_t stack_lo,
                        uintptr_t stack_hi) must_check;

/* Reads a word of the stack that is walked. */
bool unwind_read(const struct unwind_regs *r, uintptr_t addr, uintptr_t *v) must_check;

#endif
