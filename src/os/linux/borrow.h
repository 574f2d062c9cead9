/* SPDX-License-Identifier: BSD-3-Clause */
/* borrow: a child process in the caller's memory, on a stack of its own, which sleeps until the
 * child has become another program or has ended (clone(2) with CLONE_VM and CLONE_VFORK). libc's
 * clone is
 * not used: sanitizers take it for a fork. */
#ifndef GAMP_OS_BORROW_H
#define GAMP_OS_BORROW_H

#include "base/compiler.h"

/* Runs fn(arg) in the child; fn makes system calls only and never returns. top: the end of its
 * stack, aligned to 16. The child's id, or -errno. */
long borrow_start(void (*fn)(void *), void *arg, void *top);

#endif
