/* SPDX-License-Identifier: BSD-3-Clause */
/* switch (arm64). Callee-saved are x19-x28, x29, x30 as the return address, sp and the low halves
 * of v8-v15 (AAPCS64, 6.1 "Machine Registers").
 *
 *   saved sp -> | x29 | x30 | x19 | x20 | ... | x28 | d8 | ... | d15 |   160 bytes, 16-aligned
 */
        .text

        .macro  restore_and_return
        ldp     x19, x20, [sp, #16]
        ldp     x21, x22, [sp, #32]
        ldp     x23, x24, [sp, #48]
        ldp     x25, x26, [sp, #64]
        ldp     x27, x28, [sp, #80]
        ldp     d8, d9, [sp, #96]
        ldp     d10, d11, [sp, #112]
        ldp     d12, d13, [sp, #128]
        ldp     d14, d15, [sp, #144]
        ldp     x29, x30, [sp], #160
        .endm

        .globl  arch_switch
        .hidden arch_switch
        .type   arch_switch, %function
        .p2align 4
arch_switch:
        .cfi_startproc
        stp     x29, x30, [sp, #-160]!
        .cfi_adjust_cfa_offset 160
        .cfi_rel_offset x29, 0
        .cfi_rel_offset x30, 8
        stp     x19, x20, [sp, #16]
        .cfi_rel_offset x19, 16
        .cfi_rel_offset x20, 24
        stp     x21, x22, [sp, #32]
        .cfi_rel_offset x21, 32
        .cfi_rel_offset x22, 40
        stp     x23, x24, [sp, #48]
        .cfi_rel_offset x23, 48
        .cfi_rel_offset x24, 56
        stp     x25, x26, [sp, #64]
        .cfi_rel_offset x25, 64
        .cfi_rel_offset x26, 72
        stp     x27, x28, [sp, #80]
        .cfi_rel_offset x27, 80
        .cfi_rel_offset x28, 88
        stp     d8, d9, [sp, #96]
        .cfi_rel_offset d8, 96
        .cfi_rel_offset d9, 104
        stp     d10, d11, [sp, #112]
        .cfi_rel_offset d10, 112
        .cfi_rel_offset d11, 120
        stp     d12, d13, [sp, #128]
        .cfi_rel_offset d12, 128
        .cfi_rel_offset d13, 136
        stp     d14, d15, [sp, #144]
        .cfi_rel_offset d14, 144
        .cfi_rel_offset d15, 152
        mov     x9, sp
        str     x9, [x0]
        mov     sp, x1
        /* From here the frame is the other stack's; it has the same shape. */
        restore_and_return
        .cfi_def_cfa_offset 0
        .cfi_same_value x29
        .cfi_same_value x30
        ret
        .cfi_endproc
        .size   arch_switch, .-arch_switch

        .globl  arch_jump
        .hidden arch_jump
        .type   arch_jump, %function
        .p2align 4
arch_jump:
        .cfi_startproc
        .cfi_undefined x30
        mov     sp, x0
        restore_and_return
        ret
        .cfi_endproc
        .size   arch_jump, .-arch_jump

/* The base of a new stack: entered by the `ret` above with the function in x19. Its return
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
        nop
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
