/* SPDX-License-Identifier: BSD-3-Clause */
/* sigcall: what system call a signal came out of, as its handler can tell from the context. */
#ifndef GAMP_OS_SIGCALL_H
#define GAMP_OS_SIGCALL_H

#include "base/compiler.h"

enum sigcall {
    SIGCALL_NONE,       /* no call, or it did not fail with that error */
    SIGCALL_FD,         /* its first argument is *fd */
    SIGCALL_UNKNOWN_FD, /* its first argument is lost */
};

/* Whether the context stands right behind a system call that failed with error.
 * amd64: the result is in rax; rdi is still the argument (Linux keeps all but rax, rcx, r11).
 * arm64: the result is in x0, where the argument was. */
enum sigcall sigcall_failed(const void *context, int error, int *fd);
/* Where the signal came. */
uintptr_t sigcall_pc(const void *context);
uintptr_t sigcall_sp(const void *context);

#endif
