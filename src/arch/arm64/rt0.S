/* SPDX-License-Identifier: BSD-3-Clause */
/* rt0 (arm64): where a program linked with -nostartfiles and this object begins. The kernel gives
 * argc at [sp], argv above it; x0 holds what the dynamic linker wants run at exit. libc's own
 * start then runs constructors and calls main, as GAMP_MAIN defines it. The names are Go's, and
 * _start for the linker. */
        .text
        .globl  _rt0_arm64_linux
        .globl  _start
        .type   _rt0_arm64_linux, %function
_rt0_arm64_linux:
_start:
        .cfi_startproc
        .cfi_undefined x30
        mov     x29, #0
        mov     x30, #0
        mov     x5, x0                  /* rtld_fini */
        ldr     x1, [sp]                /* argc */
        add     x2, sp, #8              /* argv */
        mov     x6, sp                  /* stack_end */
        mov     x3, #0                  /* init and fini: libc finds the arrays itself */
        mov     x4, #0
        adrp    x0, :got:main
        ldr     x0, [x0, #:got_lo12:main]
        bl      __libc_start_main
        brk     #0x1
        .cfi_endproc
        .size   _rt0_arm64_linux, .-_rt0_arm64_linux

/* crtbegin.o would define it: the program's own name for itself in atexit and atfork lists. */
        .data
        .globl  __dso_handle
        .hidden __dso_handle
        .type   __dso_handle, %object
        .p2align 3
__dso_handle:
        .quad   0
        .size   __dso_handle, 8

        .section .note.GNU-stack, "", %progbits
