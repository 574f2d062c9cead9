/* SPDX-License-Identifier: BSD-3-Clause */
/* switch (amd64). Callee-saved are rbx, rbp, r12-r15 and rsp (psABI x86-64, 3.2.1 "Registers");
 * the direction flag is clear and the x87 stack empty at calls, so nothing else is live.
 * `ret` and not `jmp` ends the switch: the return predictor then stays paired with its calls.
 *
 *   saved sp -> | r15 | r14 | r13 | r12 | rbx | rbp | return address | ...   (higher addresses)
 */
        .text

        .globl  arch_switch
        .hidden arch_switch
        .type   arch_switch, @function
        .p2align 4
arch_switch:
        .cfi_startproc
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbx, 0
        pushq   %r12
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r12, 0
        pushq   %r13
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r13, 0
        pushq   %r14
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r14, 0
        pushq   %r15
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r15, 0
        movq    %rsp, (%rdi)
        movq    %rsi, %rsp
        /* From here the frame is the other stack's; it has the same shape. */
        popq    %r15
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r15
        popq    %r14
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r14
        popq    %r13
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r13
        popq    %r12
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r12
        popq    %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbx
        popq    %rbp
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbp
        ret
        .cfi_endproc
        .size   arch_switch, .-arch_switch

        .globl  arch_jump
        .hidden arch_jump
        .type   arch_jump, @function
        .p2align 4
arch_jump:
        .cfi_startproc
        .cfi_undefined %rip
        movq    %rdi, %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbx
        popq    %rbp
        ret
        .cfi_endproc
        .size   arch_jump, .-arch_jump

/* The base of a new stack: entered by the `ret` above with the function in rbx. Its return
 * address is undefined, so gdb, libunwind and the C++ personality stop here. rsp is
 * 16-aligned before the call, as 3.2.2 "The Stack Frame" wants it. */
        .globl  arch_entry
        .hidden arch_entry
        .type   arch_entry, @function
        .p2align 4
        nop                             /* a return address - 1 must lie in a function */
arch_entry:
        .cfi_startproc
        .cfi_undefined %rip
        .cfi_undefined %rbp
        nop
        xorl    %ebp, %ebp
        call    *%rbx
        ud2
        .cfi_endproc
        .size   arch_entry, .-arch_entry

        .globl  arch_call_on
        .hidden arch_call_on
        .type   arch_call_on, @function
        .p2align 4
arch_call_on:
        .cfi_startproc
        pushq   %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset %rbp, -16
        movq    %rsp, %rbp
        .cfi_def_cfa_register %rbp
        andq    $-16, %rdi
        movq    %rdi, %rsp
        movq    %rdx, %rdi
        call    *%rsi
        movq    %rbp, %rsp
        popq    %rbp
        .cfi_def_cfa %rsp, 8
        ret
        .cfi_endproc
        .size   arch_call_on, .-arch_call_on

        .section .note.GNU-stack, "", @progbits
