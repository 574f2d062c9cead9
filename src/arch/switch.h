/* SPDX-License-Identifier: BSD-3-Clause */
/* switch: moving a thread from one stack to another.
 *
 * A stack that is not running is described by its sp alone: the callee-saved registers and
 * the address to go on at lie on the stack itself, in the order that switch.S of the architecture
 * pushed them. mxcsr and the x87 control word (fpcr on arm64) are the thread's, not the
 * goroutine's: saving them would cost more than the switch. */
#ifndef GAMP_ARCH_SWITCH_H
#define GAMP_ARCH_SWITCH_H

#include "base/compiler.h"

/* Saves the caller's context in *save_sp and goes on where sp was saved. */
void arch_switch(uintptr_t *save_sp, uintptr_t sp);

/* Goes on where sp was saved; the caller's context is lost. */
_Noreturn void arch_jump(uintptr_t sp);

/* Lays the first frame of a stack that ends at top (16-aligned): switching to the result
 * calls fn(), which never returns; unwinding from fn ends there. */
uintptr_t arch_frame(uintptr_t top, void (*fn)(void));
/* Where a stack so laid goes on while it has not run yet. Not to be called. */
void arch_entry(void);

/* Calls fn(arg) on the stack that ends at top and comes back; unwinds through to the caller. */
void arch_call_on(uintptr_t top, void (*fn)(void *), void *arg);

#endif
