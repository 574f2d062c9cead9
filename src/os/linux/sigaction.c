/* SPDX-License-Identifier: BSD-3-Clause */
#include "os/linux/sigaction.h"
#include "os/linux/sys.h"

#ifndef SA_RESTORER
#define SA_RESTORER 0x04000000
#endif

#if defined(__x86_64__)
/* The kernel wants a restorer here. Unwinders know a signal frame by these very instructions (mov
 * $15, %rax; syscall), gdb only if the function's name is __restore_rt or has "sigaction" in it. */
__asm__(".text\n\t.p2align 4\n\t.type gamp_sigaction_return, @function\n\t.hidden "
        "gamp_sigaction_return\n"
        "gamp_sigaction_return:\n\tmovq $15, %rax\n\tsyscall\n\t.size gamp_sigaction_return, "
        ".-gamp_sigaction_return");
void gamp_sigaction_return(void) __attribute__((visibility("hidden")));
#endif

int sigaction_read(int sig, struct sigaction_raw *out)
{
    return (int)sys_call(SYS_rt_sigaction, sig, NULL, out, 8);
}

int sigaction_restore(int sig, const struct sigaction_raw *sa)
{
    return (int)sys_call(SYS_rt_sigaction, sig, sa, NULL, 8);
}

int sigaction_install(int sig, sighandler *h, struct sigaction_raw *old)
{
    struct sigaction_raw sa = {
        .handler = (uintptr_t)h,
        .flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART,
        .mask = ~(uint64_t)0,
    };
    static const int synchronous[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT};

    /* A fault inside of a fault's handler comes to it again, instead of ending the process at
     * once. */
    for (size_t i = 0; i < ARRAY_LEN(synchronous); i++) {
        sa.mask &= ~((uint64_t)1 << (synchronous[i] - 1));
        if (synchronous[i] == sig)
            sa.flags |= SA_NODEFER;
    }
#if defined(__x86_64__)
    sa.flags |= SA_RESTORER;
    sa.restorer = (uintptr_t)gamp_sigaction_return;
#endif
    return (int)sys_call(SYS_rt_sigaction, sig, &sa, old, 8);
}

bool sigaction_is(const struct sigaction_raw *sa, sighandler *h)
{
    return sa->handler == (uintptr_t)h;
}

bool sigaction_is_default(const struct sigaction_raw *sa)
{
    return sa->handler == (uintptr_t)SIG_DFL;
}

void sigaction_chain(const struct sigaction_raw *sa, int sig, siginfo_t *info, void *context)
{
    if (sa->handler == (uintptr_t)SIG_DFL || sa->handler == (uintptr_t)SIG_IGN)
        return;
    if (sa->flags & SA_SIGINFO)
        ((sighandler *)sa->handler)(sig, info, context);
    else
        ((void (*)(int))sa->handler)(sig);
}

static const char mark;

void sigaction_send_marked(int pid, int tid, int sig)
{
    siginfo_t info = {.si_signo = sig, .si_code = SI_QUEUE};

    info.si_pid = pid;
    info.si_value.sival_ptr = (void *)(uintptr_t)&mark;
    if (sys_call(SYS_rt_tgsigqueueinfo, pid, tid, sig, &info) < 0)
        sys_tgkill(pid, tid, sig);
}

bool sigaction_is_mark(const siginfo_t *info)
{
    return info->si_code == SI_QUEUE && info->si_value.sival_ptr == &mark;
}
