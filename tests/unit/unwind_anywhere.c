/* SPDX-License-Identifier: BSD-3-Clause */
/* unwind at every single instruction: the CPU's trap flag raises SIGTRAP after each one, and each
 * time the walk must come out at the frame that set the flag, with its stack pointer. This goes
 * through the PLT, the lazy resolver, libc's assembly, prologues and epilogues. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "diag/unwind.h"
#include "harness/test.h"
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

/* That sanitizer delivers signals late, and not where they came. */
#if defined(__x86_64__) && !TEST_TSAN

static struct unwind_regs home; /* the frame of traced(), as its callees' walks must find it */
static long traps, lost;
static uintptr_t lost_pc;
static uintptr_t home_lo, home_hi;

static bool comes_home(const void *uc)
{
    struct unwind_regs r;

    unwind_from_ucontext(&r, uc);
    for (int i = 0; i < 100; i++) {
        if (unwind_pc(&r) >= home_lo && unwind_pc(&r) < home_hi)
            return r.reg[ARCH_DW_FP] == home.reg[ARCH_DW_FP] &&
                   (i == 0 || r.reg[ARCH_DW_SP] == home.reg[ARCH_DW_SP]);
        if (unwind_step(&r) <= 0)
            return false;
    }
    return false;
}

/* A sanitizer's malloc sets its memory byte by byte, and a repeated instruction traps each time. */
enum { MOST = TEST_SANITIZED ? 8000 : 1000000, TRAP_FLAG = 0x100 };

static void on_trap(int sig, siginfo_t *info, void *uc)
{
    int saved = errno;

    (void)sig;
    (void)info;
    if (++traps >= MOST)
        ((ucontext_t *)uc)->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
    if (!comes_home(uc)) {
        struct unwind_regs r;

        unwind_from_ucontext(&r, uc);
        lost++;
        lost_pc = r.pc;
    }
    errno = saved;
}

/* Calls fn with the trap flag set. The flag is set and cleared in the assembly below, which is the
 * frame that the walks must find: by rbp, whatever the flags' pushes do to rsp. */
void traced(void (*fn)(void));
extern char traced_end[];
__asm__(".globl traced, traced_end\n"
        "traced: .cfi_startproc\n"
        "  push %rbp\n .cfi_def_cfa_offset 16\n .cfi_offset 6, -16\n"
        "  mov %rsp, %rbp\n .cfi_def_cfa_register 6\n"
        "  pushf\n orq $0x100, (%rsp)\n popf\n"
        "  call *%rdi\n"
        "  pushf\n andq $~0x100, (%rsp)\n popf\n"
        "  pop %rbp\n .cfi_def_cfa 7, 8\n ret\n"
        "  .cfi_endproc\n"
        "traced_end: nop\n");

static void find_home(void)
{
    struct unwind_regs r;

    unwind_here(&r);
    while (unwind_pc(&r) < home_lo || unwind_pc(&r) >= home_hi)
        CHECK_EQ(unwind_step(&r), 1);
    home = r;
}

static void trace(void (*fn)(void), long at_least)
{
    struct sigaction sa = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
    void (*volatile step)(void (*)(void)) = traced;

    modules_init();
    home_lo = (uintptr_t)traced;
    home_hi = (uintptr_t)traced_end;
    sigaction(SIGTRAP, &sa, NULL);
    /* Where rsp is inside traced is the same at each call from this one place. */
    for (int i = 0; i < 2; i++) {
        traps = lost = 0; /* finding home, there is none to come to */
        step(i == 0 ? find_home : fn);
    }
    CHECK_GT(traps, at_least);
    CHECK_MSG(lost == 0, "%ld of %ld walks did not come home, last from %#lx", lost, traps,
              lost_pc);
}

static int compare_ints(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static void use_libc(void)
{
    int v[50];
    char text[200];

    for (int i = 0; i < 50; i++)
        v[i] = (i * 37) % 50;
    qsort(v, 50, sizeof *v, compare_ints);
    snprintf(text, sizeof text, "%d %s %f %c", v[3], "word", 1.5, 'x');
    free(strdup(text));
    setenv("GAMP_UNWIND_TEST", text, 1);
    strtod("1.25e10", NULL);
}

TEST_WITHIN(through_libc, 60)
{
    trace(use_libc, 5000);
}

/* In this program the calls are bound at their first use, if the linker's default is lazy. */
static void use_loader(void)
{
    dlerror();
    dlsym(RTLD_DEFAULT, "no_such_symbol");
    dlclose(dlopen(NULL, RTLD_LAZY));
}

TEST_WITHIN(through_loader, 60)
{
    trace(use_loader, 5000);
}

static int fib(int n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static volatile int sink;

static void use_own_code(void)
{
    sink = fib(8);
}

TEST_WITHIN(through_own_code, 60)
{
    trace(use_own_code, 100);
}

#else

TEST(needs_a_trap_flag)
{
    test_skip("no single-stepping from inside here");
}

#endif
