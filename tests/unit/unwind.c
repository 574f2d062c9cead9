/* SPDX-License-Identifier: BSD-3-Clause */
/* unwind: the frame list against glibc's (backtrace), through everything a stack may have in it,
 * and that garbage never faults. */
#include "diag/unwind.h"
#include "arch/switch.h"
#include "diag/peek.h"
#include "harness/test.h"
#include <execinfo.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define DEPTH 3000

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IN_SANITIZER true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IN_SANITIZER true
#endif
#endif
#ifndef IN_SANITIZER
#define IN_SANITIZER false
#endif

struct list {
    uintptr_t pc[DEPTH];
    int n;
    int end; /* what the last step said */
};

/* Keeps a call from becoming a jump. */
#define NO_TAIL() __asm__ volatile("" ::: "memory")

static void walk(struct unwind_regs *r, struct list *l)
{
    l->n = 0;
    do {
        if (l->n == DEPTH)
            return;
        l->pc[l->n++] = r->pc;
    } while ((l->end = unwind_step(r)) > 0);
}

static struct list ours, theirs;

/* The frames from here up, by us and by libgcc; equal but for the call's place in this function. A
 * sanitizer's backtrace shows itself first. */
static noinline void compare(void)
{
    struct unwind_regs r;
    void *pcs[DEPTH];
    int extra;

    theirs.n = backtrace(pcs, DEPTH);
    unwind_here(&r);
    walk(&r, &ours);
    extra = theirs.n - ours.n;
    CHECK_GT(ours.n, 2);
    if (ours.n < DEPTH) {
        CHECK_EQ(ours.end, 0);
        CHECK(extra >= 0 && extra <= (IN_SANITIZER ? 2 : 0));
    }
    for (int i = 1; i < ours.n; i++)
        CHECK_EQ(ours.pc[i], (uintptr_t)pcs[i + extra]);
}

TEST(plain)
{
    modules_init();
    compare();
}

static noinline int deep(int n)
{
    volatile int keep = n;

    if (n == 0)
        compare();
    else
        deep(n - 1);
    NO_TAIL();
    return keep;
}

TEST(recursion)
{
    modules_init();
    CHECK_EQ(deep(2000), 2000);
}

static noinline void big_frame(int n)
{
    volatile char room[100000];

    room[n] = 1;
    compare();
    CHECK_EQ(room[n], 1);
}

static noinline void moving_frame(size_t n)
{
    volatile char *room = __builtin_alloca(n);

    room[0] = 1;
    compare();
    NO_TAIL();
}

/* The frame is aligned more than the ABI asks: the CFA is then in a register or an expression. */
static noinline void aligned_frame(size_t n)
{
    _Alignas(256) volatile char room[512];
    volatile char *more = __builtin_alloca(n);

    room[n] = more[0] = 1;
    compare();
    CHECK_EQ(room[n], 1);
}

TEST(frame_shapes)
{
    modules_init();
    big_frame(7);
    moving_frame(5000);
    aligned_frame(300);
}

static int by_value(const void *a, const void *b)
{
    static bool done;

    if (!done) {
        done = true;
        compare();
    }
    return *(const int *)a - *(const int *)b;
}

TEST(qsort_callback)
{
    int v[] = {3, 1, 2};

    modules_init();
    qsort(v, 3, sizeof *v, by_value);
    CHECK_EQ(v[0], 1);
}

static void *thread_main(void *arg)
{
    compare();
    return arg;
}

TEST(thread)
{
    pthread_t t;

    modules_init();
    CHECK_EQ(pthread_create(&t, NULL, thread_main, NULL), 0);
    pthread_join(t, NULL);
}

static volatile int signals;

/* Walks from the interrupted context and from here; the first is the other's tail. */
static void on_signal(int sig, siginfo_t *info, void *uc)
{
    static struct list inside;
    struct unwind_regs r;

    (void)sig;
    (void)info;
    compare();
    unwind_from_ucontext(&r, uc);
    walk(&r, &inside);
    CHECK_EQ(inside.end, 0);
    CHECK_LT(inside.n, ours.n);
    for (int i = 0; i < inside.n; i++)
        CHECK_EQ(inside.pc[i], ours.pc[ours.n - inside.n + i]);
    signals++;
}

static void handle(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
    struct sigaction sa = {.sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags};

    CHECK_EQ(sigaction(sig, &sa, NULL), 0);
}

TEST(signal_frame)
{
    void *first[1];

    modules_init();
    backtrace(first, 1); /* its first call allocates, which has no place in a handler */
    handle(SIGUSR1, on_signal, 0);
    raise(SIGUSR1);
    CHECK_EQ(signals, 1);
}

TEST(signal_on_alternate_stack)
{
    static char stack[256 << 10];
    stack_t ss = {.ss_sp = stack, .ss_size = sizeof stack};
    void *first[1];

    modules_init();
    backtrace(first, 1);
    CHECK_EQ(sigaltstack(&ss, NULL), 0);
    handle(SIGUSR1, on_signal, SA_ONSTACK);
    raise(SIGUSR1);
    CHECK_EQ(signals, 1);
}

static sigjmp_buf back;
static struct list fault;

static void on_fault(int sig, siginfo_t *info, void *uc)
{
    struct unwind_regs r;

    (void)sig;
    (void)info;
    unwind_from_ucontext(&r, uc);
    walk(&r, &fault);
    siglongjmp(back, 1);
}

static noinline int call_pointer(int (*volatile f)(void))
{
    int v = f();

    NO_TAIL();
    return v;
}

/* The fault's frames are those that a walk from the same caller sees. */
static void check_bad_call(uintptr_t target)
{
    struct unwind_regs r;

    if (sigsetjmp(back, 1) == 0)
        call_pointer((int (*)(void))target);
    unwind_here(&r);
    walk(&r, &ours);
    CHECK_EQ(fault.end, 0);
    CHECK_EQ(fault.pc[0], target);
    CHECK(fault.pc[1] > (uintptr_t)call_pointer && fault.pc[1] < (uintptr_t)call_pointer + 64);
    CHECK_EQ(fault.n, ours.n + 2);
    for (int i = 1; i < ours.n; i++)
        CHECK_EQ(fault.pc[i + 2], ours.pc[i]);
}

TEST(call_through_bad_pointer)
{
    void *data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    modules_init();
    handle(SIGSEGV, on_fault, SA_NODEFER);
    check_bad_call(0);
    check_bad_call((uintptr_t)data);
    check_bad_call(64);
}

/* Assembly without CFI: by frame pointer, and the leaf by its return address. */
void bare_frame(void (*fn)(void));
void bare_leaf(void);
__asm__(".globl bare_frame, bare_leaf, odd_expressions, odd_rules\n");
#if defined(__x86_64__)
__asm__(".text\n"
        "bare_frame: push %rbp\n mov %rsp, %rbp\n sub $48, %rsp\n call *%rdi\n leave\n ret\n"
        ".skip 16, 0x90\n"
        "bare_leaf: movl $0, 0\n ret\n");
#else
__asm__(".text\n.p2align 4\n"
        "bare_frame: stp x29, x30, [sp, #-16]!\n mov x29, sp\n sub sp, sp, #48\n blr x0\n"
        "mov sp, x29\n ldp x29, x30, [sp], #16\n ret\n"
        "nop\n nop\n"
        "bare_leaf: mov x9, #0\n str x9, [x9]\n ret\n");
#endif

static void through_bare_frame(void)
{
    struct unwind_regs r;

    unwind_here(&r);
    walk(&r, &ours);
    CHECK_EQ(ours.end, 0);
    CHECK(ours.pc[1] > (uintptr_t)bare_frame && ours.pc[1] < (uintptr_t)bare_frame + 32);
}

TEST(no_cfi)
{
    struct unwind_regs r;
    int n;

    modules_init();
    bare_frame(through_bare_frame);
    n = ours.n;
    unwind_here(&r);
    walk(&r, &fault);
    CHECK_EQ(n, fault.n + 2);
    for (int i = 1; i < fault.n; i++)
        CHECK_EQ(ours.pc[i + 2], fault.pc[i]);

    handle(SIGSEGV, on_fault, SA_NODEFER);
    if (sigsetjmp(back, 1) == 0)
        call_pointer((int (*)(void))bare_leaf);
    CHECK_EQ(fault.end, 0);
    CHECK_EQ(fault.n, n);
}

/* Rules that compilers seldom write. Each function saves the registers it clobbers in an unusual
 * way, states it by .cfi_escape, and calls fn. */
void odd_expressions(void (*fn)(void));
void odd_rules(void (*fn)(void));
#if defined(__x86_64__)
__asm__(
    ".text\n"
    "odd_expressions: .cfi_startproc\n"
    "  push %rbp\n .cfi_adjust_cfa_offset 8\n"
    "  push %rbx\n .cfi_adjust_cfa_offset 8\n"
    "  lea 8(%rsp), %rbp\n"
    /* CFA = rbp + 16, put together by literals */
    /* breg6+0 lit4 lit2 shl plus nop */
    "  .cfi_escape 0x0f, 7, 0x76, 0, 0x34, 0x32, 0x24, 0x22, 0x96\n"
    "  .cfi_escape 0x10, 6, 2, 0x76, 0\n"          /* expression rbp: at rbp+0 */
    "  .cfi_escape 0x10, 3, 3, 0x12, 0x48, 0x1c\n" /* expression rbx: dup lit24 minus; CFA - 24 */
    "  .cfi_escape 0x16, 12, 2, 0x7c, 0\n"         /* val_expression r12: r12 */
    "  mov $-1, %rbx\n"
    "  sub $8, %rsp\n"
    "  call *%rdi\n"
    "  add $8, %rsp\n"
    "  pop %rbx\n pop %rbp\n ret\n"
    "  .cfi_endproc\n"
    "odd_rules: .cfi_startproc\n"
    "  .cfi_remember_state\n"
    "  push %rbp\n .cfi_adjust_cfa_offset 8\n"
    "  .cfi_escape 0x2f, 6, 2\n" /* GNU_negative_offset_extended: rbp at CFA - 16 (align -8) */
    "  .cfi_escape 0x2e, 16\n"   /* GNU_args_size */
    "  jmp 1f\n"
    "  .cfi_restore_state\n"
    "  ud2\n"
    "1: .cfi_def_cfa_offset 16\n"
    "  mov %rbx, %rbp\n"
    "  .cfi_escape 0x05, 6, 2\n" /* offset_extended */
    "  .cfi_escape 0x09, 3, 6\n" /* register: rbx is in rbp */
    "  .cfi_escape 0x14, 7, 0\n" /* val_offset: sp is CFA */
    "  .cfi_escape 0x08, 12\n"   /* same_value */
    "  mov $-1, %rbx\n"
    "  call *%rdi\n"
    "  mov %rbp, %rbx\n pop %rbp\n ret\n"
    "  .cfi_endproc\n");
#else
__asm__(".text\n.p2align 4\n"
        "odd_expressions: .cfi_startproc\n"
        "  stp x29, x30, [sp, #-32]!\n .cfi_adjust_cfa_offset 32\n"
        "  str x19, [sp, #16]\n"
        "  mov x29, sp\n"
        /* breg29+0 lit8 lit2 shl plus nop */
        "  .cfi_escape 0x0f, 7, 0x8d, 0, 0x38, 0x32, 0x24, 0x22, 0x96\n"
        "  .cfi_escape 0x10, 29, 2, 0x8d, 0\n"
        "  .cfi_escape 0x10, 30, 2, 0x8d, 8\n"
        "  .cfi_escape 0x10, 19, 3, 0x12, 0x40, 0x1c\n" /* dup lit16 minus */
        "  .cfi_escape 0x16, 20, 2, 0x84, 0\n"          /* val_expression x20: x20 */
        "  mov x19, #-1\n"
        "  blr x0\n"
        "  ldr x19, [sp, #16]\n ldp x29, x30, [sp], #32\n ret\n"
        "  .cfi_endproc\n"
        "odd_rules: .cfi_startproc\n"
        "  .cfi_remember_state\n"
        "  stp x29, x30, [sp, #-32]!\n .cfi_adjust_cfa_offset 32\n"
        "  str x20, [sp, #16]\n"
        "  b 1f\n"
        "  .cfi_restore_state\n"
        "  brk #1\n"
        "1: .cfi_def_cfa_offset 32\n"
        "  .cfi_escape 0x2f, 29, 4\n" /* GNU_negative_offset_extended: CFA - 32 (align -8) */
        "  .cfi_escape 0x05, 30, 3\n" /* offset_extended */
        "  .cfi_escape 0x05, 20, 2\n"
        "  .cfi_escape 0x2e, 16\n" /* GNU_args_size */
        "  mov x20, x19\n"
        "  .cfi_escape 0x09, 19, 20\n" /* register: x19 is in x20 */
        "  .cfi_escape 0x14, 31, 0\n"  /* val_offset: sp is CFA */
        "  .cfi_escape 0x08, 21\n"
        "  mov x19, #-1\n"
        "  blr x0\n"
        "  mov x19, x20\n ldr x20, [sp, #16]\n ldp x29, x30, [sp], #32\n ret\n"
        "  .cfi_endproc\n");
#endif

TEST(odd_cfi)
{
    modules_init();
    odd_expressions(compare);
    odd_rules(compare);
}

/* Other stacks. */

static uintptr_t main_sp, other_sp;
static char *other_stack;
#define OTHER_SIZE (64 << 10)

static noinline void park_there(int depth)
{
    if (depth > 0)
        park_there(depth - 1);
    else
        arch_switch(&other_sp, main_sp);
    NO_TAIL();
}

static void other_main(void)
{
    struct unwind_regs r;

    unwind_here(&r);
    walk(&r, &ours); /* this function, then the base frame, where it ends */
    for (;;)
        park_there(5);
}

TEST(parked_stack)
{
    struct unwind_regs r;
    uintptr_t lo, hi;

    modules_init();
    other_stack = malloc(OTHER_SIZE);
    lo = (uintptr_t)other_stack;
    hi = (lo + OTHER_SIZE) & ~(uintptr_t)15;
    arch_switch(&main_sp, arch_frame(hi, other_main));
    CHECK_EQ(ours.end, 0);
    CHECK_EQ(ours.n, 2);
    for (int known = 0; known < 2; known++) {
        CHECK(unwind_from_switch(&r, other_sp, known ? lo : 0, known ? hi : 0));
        walk(&r, &fault);
        CHECK_EQ(fault.end, 0);
        CHECK_EQ(fault.n, 8); /* six of park_there, other_main, the base */
        for (int i = 1; i < 5; i++)
            CHECK_EQ(fault.pc[i], fault.pc[i + 1]);
        CHECK_EQ(fault.pc[7], ours.pc[1]);
    }
    CHECK(!unwind_from_switch(&r, 4096, 0, 0));
    arch_switch(&main_sp, other_sp); /* it can still go on */
}

static void on_other_stack(void *arg)
{
    (void)arg;
    compare();
}

TEST(call_on_other_stack)
{
    static char stack[256 << 10];

    modules_init();
    arch_call_on((uintptr_t)stack + sizeof stack, on_other_stack, NULL);
}

/* Only pc and sp are known, as of a thread that sleeps in the kernel. */

/* alloca wants a frame pointer. */
static noinline void with_fp(void (*fn)(void), size_t n)
{
    volatile char *room = __builtin_alloca(n);

    room[0] = 1;
    fn();
    CHECK_EQ(room[0], 1);
}

static void from_pc_and_sp(void)
{
    struct unwind_regs full, bare = {.call = true, .fp_unknown = true};

    unwind_here(&full);
    bare.pc = full.pc;
    bare.reg[ARCH_DW_SP] = full.reg[ARCH_DW_SP];
    walk(&full, &ours);
    walk(&bare, &fault);
    /* Above the tested frames may be ones that cannot be told from others. */
    CHECK_GE(fault.n, 4);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(fault.pc[i], ours.pc[i]);
}

TEST(pc_and_sp_alone)
{
    if (IN_SANITIZER)
        test_skip("frames are laid out by other rules");
    modules_init();
    with_fp(from_pc_and_sp, 1000);
    NO_TAIL();
}

/* Garbage. */

static uintptr_t random_code(uint64_t *seed)
{
    struct module *m = module_at((uint32_t)(test_rand(seed) % modules_count()));
    struct segment *s = &m->segments[test_rand(seed) % m->nsegments];

    return s->lo + test_rand(seed) % (s->hi - s->lo);
}

static uintptr_t random_word(uint64_t *seed, uintptr_t mem, size_t n)
{
    switch (test_rand(seed) % 6) {
    case 0:
        return test_rand(seed);
    case 1:
        return test_rand(seed) % 5000;
    case 2:
    case 3:
        return random_code(seed);
    case 4:
        return mem + (test_rand(seed) % n & ~(size_t)7);
    default:
        return 0 - test_rand(seed) % 5000;
    }
}

static void garbage(int rounds)
{
    size_t n = 16384;
    uintptr_t *mem =
        mmap(NULL, n + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t seed = test_seed();
    long steps = 0;

    mprotect((char *)mem + n, 4096, PROT_NONE);
    for (int i = 0; i < rounds; i++) {
        struct unwind_regs r = {.call = i & 1};

        for (size_t k = 0; k < n / sizeof *mem; k += 1 + test_rand(&seed) % 4)
            mem[k] = random_word(&seed, (uintptr_t)mem, n);
        for (int k = 0; k < ARCH_DW_REGS; k++)
            r.reg[k] = random_word(&seed, (uintptr_t)mem, n);
        r.pc = test_rand(&seed) % 4 ? random_code(&seed) : random_word(&seed, (uintptr_t)mem, n);
        if (i % 3 == 0) {
            r.stack_lo = (uintptr_t)mem;
            r.stack_hi = (uintptr_t)mem + n;
        }
        for (int k = 0; unwind_step(&r) > 0; k++, steps++)
            CHECK_LT(k, 100000);
    }
    CHECK_GT(steps, rounds / 10); /* the garbage is good enough to be followed at times */
}

TEST_WITHIN(garbage_copy, 60)
{
    modules_init();
    garbage(20000);
}

TEST_WITHIN(garbage_probe, 60)
{
    modules_init();
    peek_force_probe(true);
    garbage(5000);
}
