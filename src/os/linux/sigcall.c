/* SPDX-License-Identifier: BSD-3-Clause */
#include "os/linux/sigcall.h"
#include <string.h>
#include <ucontext.h>

enum sigcall sigcall_failed(const void *context, int error, int *fd)
{
    const ucontext_t *uc = context;

#if defined(__x86_64__)
    static const unsigned char insn[] = {0x0f, 0x05}; /* syscall */
    const greg_t *r = uc->uc_mcontext.gregs;

    if (r[REG_RAX] != -error ||
        memcmp((const void *)(r[REG_RIP] - (greg_t)sizeof insn), insn, sizeof insn) != 0)
        return SIGCALL_NONE;
    *fd = (int)r[REG_RDI];
    return SIGCALL_FD;
#else
    static const unsigned char insn[] = {0x01, 0x00, 0x00, 0xd4}; /* svc #0 */

    (void)fd;
    if ((long)uc->uc_mcontext.regs[0] != -error ||
        memcmp((const void *)(uc->uc_mcontext.pc - sizeof insn), insn, sizeof insn) != 0)
        return SIGCALL_NONE;
    return SIGCALL_UNKNOWN_FD;
#endif
}

uintptr_t sigcall_pc(const void *context)
{
    const ucontext_t *uc = context;

#if defined(__x86_64__)
    return (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
#else
    return (uintptr_t)uc->uc_mcontext.pc;
#endif
}

uintptr_t sigcall_sp(const void *context)
{
    const ucontext_t *uc = context;

#if defined(__x86_64__)
    return (uintptr_t)uc->uc_mcontext.gregs[REG_RSP];
#else
    return (uintptr_t)uc->uc_mcontext.sp;
#endif
}
