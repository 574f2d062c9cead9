/* SPDX-License-Identifier: BSD-3-Clause */
#include "os/linux/borrow.h"
#include "os/linux/sys.h"
#include <sched.h>
#include <signal.h>

/* The child comes out of the system call with all registers but the result, and the stack pointer
 * that
 * it was given: so it may use only registers until it calls. */
long borrow_start(void (*fn)(void *), void *arg, void *top)
{
    const long flags = CLONE_VM | CLONE_VFORK | SIGCHLD;

#if defined(__x86_64__)
    long ret;
    register void (*f)(void *) __asm__("r12") = fn;
    register void *a __asm__("r13") = arg;
    register long r10 __asm__("r10") = 0;
    register long r8 __asm__("r8") = 0;

    __asm__ volatile("syscall\n\t"
                     "testq %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xorl %%ebp, %%ebp\n\t"
                     "movq %%r13, %%rdi\n\t"
                     "callq *%%r12\n\t"
                     "ud2\n"
                     "1:"
                     : "=a"(ret)
                     : "a"(SYS_clone), "D"(flags), "S"(top), "d"(0), "r"(r10), "r"(r8), "r"(f),
                       "r"(a)
                     : "rcx", "r11", "memory");
    return ret;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = SYS_clone;
    register long x0 __asm__("x0") = flags;
    register void *x1 __asm__("x1") = top;
    register long x2 __asm__("x2") = 0;
    register long x3 __asm__("x3") = 0;
    register long x4 __asm__("x4") = 0;
    register void (*f)(void *) __asm__("x19") = fn;
    register void *a __asm__("x20") = arg;

    __asm__ volatile("svc #0\n\t"
                     "cbnz x0, 1f\n\t"
                     "mov x29, xzr\n\t"
                     "mov x0, x20\n\t"
                     "blr x19\n\t"
                     "brk #1\n"
                     "1:"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(f), "r"(a)
                     : "memory");
    return x0;
#endif
}
