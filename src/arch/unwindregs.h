/* SPDX-License-Identifier: BSD-3-Clause */
/* unwindregs: what unwinding must know of the CPU. Each architecture's header gives, with registers
 * by DWARF number (psABI x86-64, 3.6.2; "DWARF for the Arm 64-bit Architecture", 4.1):
 *
 *   ARCH_DW_FP, _SP, _RA, _REGS   numbers; _RA is the return address's column, _REGS how many
 *                                 are followed
 *   ARCH_MCONTEXT, _WORDS         where a ucontext_t has its registers, and how many words
 *   ARCH_SIGFRAME_UCONTEXT        the ucontext_t's offset from sp in the trampoline that a signal
 *                                 handler returns to
 *   arch_sigreturn_code           that trampoline's instructions
 *   arch_regs_mcontext            registers and pc from those words
 *   arch_regs_switched            from what arch_switch saved (arch/switch.h)
 *   arch_regs_here                as they are now, in the calling function
 *   arch_strip_pac                the plain address of a signed return address
 *   arch_call_before              whether the instruction before a return address is a call
 *   arch_call_target              where the direct call before a return address goes; 0: not one
 *   arch_return_of_leaf           the return address of a function that has run no instruction yet
 */
#ifndef GAMP_ARCH_UNWINDREGS_H
#define GAMP_ARCH_UNWINDREGS_H

#if defined(__x86_64__)
#include "arch/amd64/unwindregs_amd64.h"
#elif defined(__aarch64__)
#include "arch/arm64/unwindregs_arm64.h"
#else
#error "gamp knows amd64 and arm64"
#endif

#endif
