/* SPDX-License-Identifier: BSD-3-Clause */
/* switch: the context switch keeps every callee-saved register, enters a new stack aligned, and
 * calls on another stack come back. */
#include "arch/cpu.h"
#include "arch/switch.h"
#include "harness/test.h"
#include <string.h>

static char stack[64 << 10] __attribute__((aligned(64)));
static uintptr_t main_sp, other_sp;
static int visits;
static uintptr_t frame_at;

/* Fills the callee-saved registers with marks, calls switch_to(save, sp) and answers a mask of
 * those that came back changed. */
uint64_t switch_with_marks(uintptr_t *save, uintptr_t sp);

/* As any function that switches: the compiler is to keep what the switch changes. */
noinline void switch_to(uintptr_t *save, uintptr_t sp);
void switch_to(uintptr_t *save, uintptr_t sp)
{
    arch_switch(save, sp);
}

#if defined(__x86_64__)
#define CLOBBER()                                                                                  \
    __asm__ volatile("xorl %%ebx, %%ebx\n\txorl %%r12d, %%r12d\n\txorl %%r13d, %%r13d\n\t"         \
                     "xorl %%r14d, %%r14d\n\txorl %%r15d, %%r15d" ::                               \
                         : "rbx", "r12", "r13", "r14", "r15")
__asm__(
    ".text\n.globl switch_with_marks\n.type switch_with_marks, @function\n"
    "switch_with_marks:\n\t"
    "pushq %rbp\n\tpushq %rbx\n\tpushq %r12\n\tpushq %r13\n\tpushq %r14\n\tpushq %r15\n\t"
    "subq $8, %rsp\n\t"
    "movq $0x11, %rbx\n\tmovq $0x12, %rbp\n\tmovq $0x13, %r12\n\tmovq $0x14, %r13\n\t"
    "movq $0x15, %r14\n\tmovq $0x16, %r15\n\t"
    "call switch_to\n\t"
    "xorl %eax, %eax\n\t"
    "cmpq $0x11, %rbx\n\tje 1f\n\torl $1, %eax\n1:\tcmpq $0x12, %rbp\n\tje 1f\n\torl $2, %eax\n"
    "1:\tcmpq $0x13, %r12\n\tje 1f\n\torl $4, %eax\n1:\tcmpq $0x14, %r13\n\tje 1f\n\torl $8, %eax\n"
    "1:\tcmpq $0x15, %r14\n\tje 1f\n\torl $16, %eax\n1:\tcmpq $0x16, %r15\n\tje 1f\n\t"
    "orl $32, %eax\n1:\taddq $8, %rsp\n\t"
    "popq %r15\n\tpopq %r14\n\tpopq %r13\n\tpopq %r12\n\tpopq %rbx\n\tpopq %rbp\n\tret\n"
    ".size switch_with_marks, .-switch_with_marks");
#else
/* clang-format off: a line an instruction. */
#define CLOBBER()                                                                                  \
    __asm__ volatile("mov x19, 0\n\tmov x20, 0\n\tmov x21, 0\n\tmov x22, 0\n\tmov x23, 0\n\t"      \
                     "mov x24, 0\n\tmov x25, 0\n\tmov x26, 0\n\tmov x27, 0\n\tmov x28, 0\n\t"      \
                     "fmov d8, xzr\n\tfmov d9, xzr\n\tfmov d10, xzr\n\tfmov d11, xzr\n\t"          \
                     "fmov d12, xzr\n\tfmov d13, xzr\n\tfmov d14, xzr\n\tfmov d15, xzr" ::         \
                         : "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28",   \
                           "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15")
#define SET(r) "mov x" #r ", " #r "\n\t"
#define SETD(r) "mov x9, " #r "\n\tfmov d" #r ", x9\n\t"
/* Bit r of the answer is register r; those of d are 32 higher. */
#define SAME(r) "cmp x" #r ", " #r "\n\tb.eq 1f\n\torr x0, x0, #(1 << " #r ")\n1:\t"
#define SAMED(r)                                                                                   \
    "fmov x9, d" #r "\n\tcmp x9, " #r "\n\tb.eq 1f\n\torr x0, x0, #(1 << (32 + " #r "))\n1:\t"
__asm__(
    ".text\n.globl switch_with_marks\n.type switch_with_marks, %function\n"
    "switch_with_marks:\n\t"
    "stp x29, x30, [sp, -176]!\n\t"
    "stp x19, x20, [sp, 16]\n\tstp x21, x22, [sp, 32]\n\tstp x23, x24, [sp, 48]\n\t"
    "stp x25, x26, [sp, 64]\n\tstp x27, x28, [sp, 80]\n\t"
    "stp d8, d9, [sp, 96]\n\tstp d10, d11, [sp, 112]\n\t"
    "stp d12, d13, [sp, 128]\n\tstp d14, d15, [sp, 144]\n\t" SET(19) SET(20) SET(21) SET(22) SET(
        23) SET(24) SET(25) SET(26) SET(27) SET(28) SET(29) SETD(8) SETD(9) SETD(10) SETD(11)
        SETD(12) SETD(13) SETD(14) SETD(15) "bl switch_to\n\tmov x0, 0\n\t" SAME(19) SAME(20) SAME(
            21) SAME(22) SAME(23) SAME(24) SAME(25) SAME(26) SAME(27) SAME(28) SAME(29) SAMED(8)
            SAMED(9) SAMED(10) SAMED(11) SAMED(12) SAMED(13) SAMED(14) SAMED(
                15) "ldp d8, d9, [sp, 96]\n\tldp d10, d11, [sp, 112]\n\t"
                    "ldp d12, d13, [sp, 128]\n\tldp d14, d15, [sp, 144]\n\t"
                    "ldp x19, x20, [sp, 16]\n\tldp x21, x22, [sp, 32]\n\tldp x23, x24, [sp, 48]\n\t"
                    "ldp x25, x26, [sp, 64]\n\tldp x27, x28, [sp, 80]\n\t"
                    "ldp x29, x30, [sp], 176\n\tret\n"
                    ".size switch_with_marks, .-switch_with_marks");
/* clang-format on */
#endif

static void other(void)
{
    frame_at = (uintptr_t)__builtin_frame_address(0);
    for (;;) {
        visits++;
        CLOBBER();
        arch_switch(&other_sp, main_sp);
    }
}

TEST(registers_come_back)
{
    other_sp = arch_frame((uintptr_t)(stack + sizeof stack), other);
    for (int i = 1; i <= 1000; i++) {
        CHECK_EQ(switch_with_marks(&main_sp, other_sp), 0);
        CHECK_EQ(visits, i);
    }
    CHECK_EQ(frame_at % 16, 0);
    CHECK(frame_at > (uintptr_t)stack && frame_at < (uintptr_t)(stack + sizeof stack));
}

static void on_stack(void *arg)
{
    uintptr_t at = (uintptr_t)__builtin_frame_address(0);

    CHECK_EQ(at % 16, 0);
    CHECK(at > (uintptr_t)stack && at < (uintptr_t)(stack + sizeof stack));
    memset(arg, 7, 16);
}

TEST(call_on_another_stack)
{
    char buf[16];

    arch_call_on((uintptr_t)(stack + sizeof stack) - 5, on_stack, buf);
    for (int i = 0; i < 16; i++)
        CHECK_EQ(buf[i], 7);
}

TEST(current_g_is_kept)
{
    struct g *old = getg();

    setg((struct g *)0x1230);
    CHECK(getg() == (struct g *)0x1230);
    setg(old);
    CHECK(getg() == old);
}
