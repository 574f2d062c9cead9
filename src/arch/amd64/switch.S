/* SPDX-License-Identifier: BSD-3-Clause */
/* switch (amd64): what cannot be laid out in C functions. */
        .text

/* The base of a new stack: a switch lands here, the function at the top of the stack. Its return
 * address is undefined, so gdb, libunwind and the C++ personality stop here. rsp is 16-aligned
 * before the call, as psABI x86-64, 3.2.2 "The Stack Frame", wants it. */
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
        call    *(%rsp)
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
