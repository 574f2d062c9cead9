/* SPDX-License-Identifier: BSD-3-Clause */
/* blocked: where in user code a thread of this process sleeps in the kernel, without disturbing it:
 * no signal, so its system call is not cut short. */
#ifndef GAMP_OS_BLOCKED_H
#define GAMP_OS_BLOCKED_H

#include "base/compiler.h"

/* By /proc/self/task/TID/syscall. false: it runs, is gone, or the kernel does not tell. */
bool blocked_at(int tid, uintptr_t *pc, uintptr_t *sp) must_check;

#endif
