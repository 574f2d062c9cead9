/* SPDX-License-Identifier: BSD-3-Clause */
/* switch (arm64): what cannot be laid out in C functions. */
        .text

/* The base of a new stack: a switch lands here, the function at the top of the stack. Its return
 * address is undefined, so gdb, libunwind and the C++ personality stop here. */
        .globl  arch_entry
        .hidden arch_entry
        .type   arch_entry, %function
        .p2align 4
        nop                             /* a return address - 1 must lie in a function */
arch_entry:
        .cfi_startproc
        .cfi_undefined x30
        .cfi_undefined x29
        hint    #36
        ldr     x19, [sp]
        mov     x29, xzr
        mov     x30, xzr
        blr     x19
        brk     #0x1
        .cfi_endproc
        .size   arch_entry, .-arch_entry

        .globl  arch_call_on
        .hidden arch_call_on
        .type   arch_call_on, %function
        .p2align 4
arch_call_on:
        .cfi_startproc
        stp     x29, x30, [sp, #-16]!
        .cfi_def_cfa_offset 16
        .cfi_offset x29, -16
        .cfi_offset x30, -8
        mov     x29, sp
        .cfi_def_cfa x29, 16
        and     x0, x0, #-16
        mov     sp, x0
        mov     x0, x2
        blr     x1
        mov     sp, x29
        .cfi_def_cfa sp, 16
        ldp     x29, x30, [sp], #16
        .cfi_def_cfa_offset 0
        ret
        .cfi_endproc
        .size   arch_call_on, .-arch_call_on

        .section .note.GNU-stack, "", %progbits
