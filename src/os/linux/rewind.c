/* SPDX-License-Identifier: BSD-3-Clause */
#include "os/linux/rewind.h"
#include "os/linux/sys.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/uio.h>
#include <ucontext.h>

#if defined(__x86_64__)

enum {
    /* the longest way to load a number that is known here, and the two bytes of syscall */
    BEHIND = 11,
    INSN = 2,
    NUMBERS = 512,
    PAGE_BYTES = 4096,
};

/* Calls that had no effect when they say EINTR. close is not among them: the descriptor is gone. */
static bool only_waits(uint64_t nr)
{
    static const uint16_t list[] = {
        SYS_read,
        SYS_write,
        SYS_readv,
        SYS_writev,
        SYS_poll,
        SYS_select,
        SYS_pause,
        SYS_nanosleep,
        SYS_accept,
        SYS_sendto,
        SYS_recvfrom,
        SYS_sendmsg,
        SYS_recvmsg,
        SYS_wait4,
        SYS_semop,
        SYS_msgsnd,
        SYS_msgrcv,
        SYS_rt_sigtimedwait,
        SYS_rt_sigsuspend,
        SYS_futex,
        SYS_io_getevents,
        SYS_semtimedop,
        SYS_clock_nanosleep,
        SYS_epoll_wait,
        SYS_mq_timedsend,
        SYS_mq_timedreceive,
        SYS_waitid,
        SYS_pselect6,
        SYS_ppoll,
        SYS_epoll_pwait,
        SYS_accept4,
        SYS_recvmmsg,
        SYS_sendmmsg,
        333 /* io_pgetevents */,
        426 /* io_uring_enter */,
        441 /* epoll_pwait2 */,
        449 /* futex_waitv */,
    };

    for (size_t i = 0; i < ARRAY_LEN(list); i++)
        if (list[i] == nr)
            return true;
    return false;
}

/* The bytes before pc. What was executed a moment ago can be read, but the page before its own need
 * not
 * be there: then the kernel reads. */
static bool code_before(uintptr_t pc, uint8_t out[BEHIND])
{
    struct iovec to = {out, BEHIND}, from = {(void *)(pc - BEHIND), BEHIND};

    if (pc % PAGE_BYTES >= BEHIND) {
        memcpy(out, (const void *)(pc - BEHIND), BEHIND);
        return true;
    }
    return sys_call(SYS_process_vm_readv, sys_getpid(), &to, 1, &from, 1, 0) == BEHIND;
}

/* The register that `mov %reg, %eax` at the two or three bytes before end reads; -1: it is another
 * instruction. A system call keeps every register but rax, rcx and r11. */
static int loaded_from(const uint8_t *end)
{
    static const int8_t low[8] = {-1, -1, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI};
    static const int8_t high[8] = {REG_R8, REG_R9, REG_R10, -1, REG_R12, REG_R13, REG_R14, REG_R15};
    uint8_t modrm = end[-1];

    if (end[-2] != 0x89 || (modrm & 0xc7) != 0xc0)
        return -1;
    return end[-3] == 0x44 ? high[modrm >> 3 & 7] : low[modrm >> 3 & 7];
}

static bool number_at(const uint8_t *end, const greg_t *regs, uint64_t *nr)
{
    uint32_t imm;
    int reg;

    if (end[-5] == 0xb8) { /* mov $imm, %eax */
        memcpy(&imm, end - 4, sizeof imm);
        if (imm < NUMBERS) {
            *nr = imm;
            return true;
        }
    }
    reg = loaded_from(end);
    if (reg < 0)
        return false;
    *nr = (uint64_t)regs[reg];
    return true;
}

static bool number(const uint8_t code[BEHIND], const greg_t *regs, uint64_t *nr)
{
    const uint8_t *end = code + BEHIND - INSN;

    if (end[0] != 0x0f || end[1] != 0x05)
        return false;
    if (number_at(end, regs, nr) && only_waits(*nr))
        return true;
    /* mov disp(%rsp), %edi between the two */
    return end[-4] == 0x8b && end[-3] == 0x7c && end[-2] == 0x24 && number_at(end - 4, regs, nr) &&
           only_waits(*nr);
}

/* A signal of the program's waits to be delivered as soon as this handler has returned. One more of
 * ours will find the call about to begin, and does not count. */
static bool another_pending(const ucontext_t *uc, int ours)
{
    uint64_t pending = 0, masked;

    memcpy(&masked, &uc->uc_sigmask, sizeof masked);
    sys_call(SYS_rt_sigpending, &pending, sizeof pending);
    return (pending & ~masked & ~(UINT64_C(1) << (ours - 1))) != 0;
}

bool rewind_syscall(void *context, int sig)
{
    ucontext_t *uc = context;
    greg_t *regs = uc->uc_mcontext.gregs;
    uint8_t code[BEHIND];
    uint64_t nr;

    if (regs[REG_RAX] != -EINTR || !code_before((uintptr_t)regs[REG_RIP], code) ||
        !number(code, regs, &nr) || another_pending(uc, sig))
        return false;
    regs[REG_RIP] -= INSN;
    regs[REG_RAX] = (greg_t)nr;
    return true;
}

#else

bool rewind_syscall(void *context, int sig)
{
    (void)context;
    (void)sig;
    return false;
}

#endif
