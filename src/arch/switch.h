/* SPDX-License-Identifier: BSD-3-Clause */
/* switch: moving a thread from one stack to another.
 *
 * A stack that is not running is described by its sp alone: two words lie there, the address to go
 * on at and the frame pointer. The switch is laid out in the function that switches, which keeps
 * what else it needs as it would around any code that changes every register. So the jump at its
 * end is predicted by its own history, and the calls and returns around it stay paired; a function
 * that ends in `ret` returns to wherever the predictor last saw a call, which after a switch was
 * another goroutine's.
 *
 * Its frame is found by the frame pointer, which all of the library keeps. mxcsr and the x87
 * control word (fpcr on arm64) are the thread's, not the goroutine's: saving them would cost more
 * than the switch. */
#ifndef GAMP_ARCH_SWITCH_H
#define GAMP_ARCH_SWITCH_H

#include "base/compiler.h"

/* void arch_switch(uintptr_t *save_sp, uintptr_t sp), always inlined: saves the caller's context in
 * *save_sp and goes on where sp was saved. */
#if defined(__x86_64__)
#include "arch/amd64/switch_amd64.h"
#else
#include "arch/arm64/switch_arm64.h"
#endif

/* Lays the first frame of a stack that ends at top (16-aligned): switching to the result
 * calls fn(), which never returns; unwinding from fn ends there. */
uintptr_t arch_frame(uintptr_t top, void (*fn)(void));
/* Where a stack so laid goes on while it has not run yet. Not to be called. */
void arch_entry(void);

/* Calls fn(arg) on the stack that ends at top and comes back; unwinds through to the caller. */
void arch_call_on(uintptr_t top, void (*fn)(void *), void *arg);

#endif
