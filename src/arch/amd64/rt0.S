/* SPDX-License-Identifier: BSD-3-Clause */
/* rt0 (amd64): where a program linked with -nostartfiles and this object begins. The kernel gives
 * argc at (%rsp), argv above it, and in rdx what the dynamic linker wants run at exit (psABI
 * x86-64, 3.4.1 "Initial Stack and Register State"). libc's own start then runs constructors and
 * calls main, as GAMP_MAIN defines it. The names are Go's, and _start for the linker. */
        .text
        .globl  _rt0_amd64_linux
        .globl  _start
        .type   _rt0_amd64_linux, @function
_rt0_amd64_linux:
_start:
        .cfi_startproc
        .cfi_undefined %rip
        xorl    %ebp, %ebp
        movq    %rdx, %r9               /* rtld_fini */
        popq    %rsi                    /* argc */
        movq    %rsp, %rdx              /* argv */
        andq    $-16, %rsp
        pushq   %rax
        pushq   %rsp                    /* stack_end; the stack is 16-aligned at the call */
        xorl    %ecx, %ecx              /* init and fini: libc finds the arrays itself */
        xorl    %r8d, %r8d
        movq    main@GOTPCREL(%rip), %rdi
        call    *__libc_start_main@GOTPCREL(%rip)
        hlt
        .cfi_endproc
        .size   _rt0_amd64_linux, .-_rt0_amd64_linux

/* crtbegin.o would define it: the program's own name for itself in atexit and atfork lists. */
        .data
        .globl  __dso_handle
        .hidden __dso_handle
        .type   __dso_handle, @object
        .p2align 3
__dso_handle:
        .quad   0
        .size   __dso_handle, 8

        .section .note.GNU-stack, "", @progbits
