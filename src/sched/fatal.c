/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/fatal.h"
#include "arch/switch.h"
#include "base/atomic.h"
#include "base/fmt.h"
#include "base/throw_up.h"
#include "os/linux/clock.h"
#include "os/linux/print.h"
#include "os/linux/sigaction.h"
#include "os/linux/sigcall.h"
#include "os/linux/sys.h"
#include "os/linux/thread.h"
#include "sched/aside.h"
#include "sched/freeze.h"
#include "sched/gstack.h"
#include "sched/mstart.h"
#include "sched/panic.h"
#include "sched/schedt.h"
#include "sched/trace_up.h"
#include <signal.h>

/* How far beyond its stack's end a goroutine's frame is still known as one, and how far below the
 * stack pointer code may reach. */
#define FRAME_MAX ((uintptr_t)1 << 30)
#define RED_ZONE ((uintptr_t)256)

static uint32_t reporting; /* the tid that reports, 0: nobody */

void fatal_exit(void)
{
    if (debug.traceback == TRACEBACK_CRASH) {
        struct sigaction_raw dfl = {0};
        sigset_t none;

        sigaction_restore(SIGABRT, &dfl);
        sigemptyset(&none);
        thread_sigmask(SIG_SETMASK, &none, NULL);
        sys_tgkill(sys_getpid(), sys_gettid(), SIGABRT);
    }
    sys_exit_group(2);
}

/* The goroutine that this thread is busy with, on whichever stack. */
static struct g *running(struct g *gp)
{
    return gp && gp->kind == G0 && gp->run.m->curg ? gp->run.m->curg : gp;
}

/* What is being shown, so that a fault on the way can begin again with less. Reporter only. */
static struct {
    struct g *gp;
    const void *context;
    bool one, others;
} shown;

static void show_here(void *arg)
{
    (void)arg;
    if (shown.one) {
        print_text(2, "\n", 1);
        traceback_g(2, shown.gp, shown.context);
    }
    if (shown.others)
        traceback_others(2, shown.gp);
}

/* A panic may happen where little stack is left, so its report runs on the thread's alternate one,
 * unless a fault has brought us there already. The walk finds its way back through arch_call_on. */
static void show(void)
{
    struct g *gp = getg();
    uintptr_t lo = gp && gp->run.m ? (uintptr_t)gp->run.m->altstack : 0;
    uintptr_t hi = lo + thread_altstack_size();

    if (lo == 0 || (cpu_sp() >= lo && cpu_sp() < hi))
        show_here(NULL);
    else
        arch_call_on(hi, show_here, NULL);
}

/* one: gp's stack, NULL a thread's without a g. */
static void stacks(struct g *gp, const void *context, bool one, bool others)
{
    if (debug.traceback == TRACEBACK_NONE)
        return;
    shown.gp = gp;
    shown.context = context;
    shown.one = one;
    shown.others = others || debug.traceback >= TRACEBACK_ALL;
    if (shown.others)
        freezetheworld();
    show();
}

/* A fault while showing: damaged debug information, a file that changed under us. */
_Noreturn static void stacks_again(void)
{
    static const char text[] = "\n[the report faulted; again, with less]\n";

    print_text(2, text, sizeof text - 1);
    if (traceback_less())
        show();
    fatal_exit();
}

void fatal_begin(void)
{
    uint32_t tid = (uint32_t)sys_gettid();

    if (cas_acqrel(&reporting, 0, tid)) {
        aside_stderr();
        return;
    }
    if (load_acquire(&reporting) == tid)
        stacks_again();
    for (;;)
        clock_sleep(1000000000000);
}

void fatal_panic(struct g *gp)
{
    stacks(gp, NULL, true, false);
    fatal_exit();
}

/* The runtime's own failure: everything may matter, its own frames too. */
static void show_system(void)
{
    if (debug.traceback != TRACEBACK_NONE)
        debug.traceback = MAX(debug.traceback, TRACEBACK_SYSTEM);
}

void throw_report(const char *message)
{
    fatal_begin();
    print_fd(2, "fatal error: %s\n", message);
    show_system();
    stacks(running(getg()), NULL, true, true);
    fatal_exit();
}

void fatal_deadlock(const char *message)
{
    fatal_begin();
    print_fd(2, "fatal error: %s\n", message);
    stacks(NULL, NULL, false, true);
    fatal_exit();
}

/* --- faults --------------------------------------------------------------------------------- */

static const struct fault {
    int sig;
    const char *name, *text;
} faults[] = {
    {SIGSEGV, "SIGSEGV", "segmentation violation"},
    {SIGBUS, "SIGBUS", "bus error"},
    {SIGFPE, "SIGFPE", "floating-point exception"},
};

/* What went wrong, in Go's words; NULL: nothing did, somebody sent the signal. */
static const char *fault_reason(int sig, int code)
{
    if (code <= 0)
        return NULL;
    if (sig != SIGFPE)
        return "invalid memory address or nil pointer dereference";
    if (code == FPE_INTDIV)
        return "integer divide by zero";
    return code == FPE_INTOVF ? "integer overflow" : "floating point error";
}

/* In the guard; or beyond it, where a frame that is larger than the guard has its end. There the
 * stack pointer is below the stack, too, and the access is at it or above. */
static bool is_overflow(const struct g *gp, uintptr_t addr, uintptr_t sp)
{
    const struct gx *x = gp && gp->kind <= GSYSTEM ? gp->x : NULL;

    if (!x)
        return false;
    return stack_in_guard(x->stack_class, x->stack_lo, addr) ||
           (sp < x->stack_lo && x->stack_lo - sp < FRAME_MAX && addr < x->stack_lo &&
            addr >= sp - RED_ZONE);
}

static void fault(int sig, siginfo_t *info, void *context)
{
    struct g *gp = getg();
    const struct fault *f = &faults[0];
    bool scheduler = gp && gp->kind == G0;
    const char *reason = fault_reason(sig, info->si_code);
    uintptr_t addr = reason ? (uintptr_t)info->si_addr : 0;
    char what[80];

    for (size_t i = 0; i < ARRAY_LEN(faults); i++)
        if (faults[i].sig == sig)
            f = &faults[i];
    if (reason)
        fmt_buf(what, sizeof what, "runtime error: %s", reason);
    else
        fmt_buf(what, sizeof what, "%s: %s, sent by raise or kill", f->name, f->text);
    fatal_begin();
    if (reason && is_overflow(gp, addr, sigcall_sp(context)))
        print_fd(2, "fatal error: stack overflow in goroutine %lu\n", (unsigned long)gp->goid);
    else if (scheduler)
        print_fd(2, "fatal error: unexpected signal during runtime execution\n");
    else if (gp && gp->x)
        printpanics_fault(2, gp->x, what);
    else
        print_fd(2, "panic: %s\n", what);
    print_fd(2, "[signal %s: %s code=0x%x addr=0x%lx pc=0x%lx]\n", f->name, f->text,
             (unsigned)info->si_code, (unsigned long)addr, (unsigned long)sigcall_pc(context));
    if (scheduler)
        show_system();
    stacks(gp, context, true, scheduler);
    fatal_exit();
}

static void quit(int sig, siginfo_t *info, void *context)
{
    struct g *gp = getg();

    (void)sig;
    (void)info;
    fatal_begin();
    print_fd(2, "SIGQUIT: quit\nPC=0x%lx\n", (unsigned long)sigcall_pc(context));
    /* It may have come to a thread that runs no goroutine. */
    stacks(gp, context, gp && is_parkable(gp), true);
    fatal_exit();
}

void fatal_initsig(void)
{
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        struct sigaction_raw old;

        if (sigaction_read(faults[i].sig, &old) == 0 && sigaction_is_default(&old))
            sigaction_install(faults[i].sig, fault, NULL);
    }
    if (!sched.library) {
        struct sigaction_raw old;

        if (sigaction_read(SIGQUIT, &old) == 0 && sigaction_is_default(&old))
            sigaction_install(SIGQUIT, quit, NULL);
    }
}

bool fatal_is_handler(const struct sigaction_raw *sa)
{
    return sigaction_is(sa, fault) || sigaction_is(sa, quit);
}
