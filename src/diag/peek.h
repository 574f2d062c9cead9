/* SPDX-License-Identifier: BSD-3-Clause */
/* peek: reading memory that may not be there.
 *
 * A report walks stacks and headers whose addresses may be garbage, so it asks the kernel to do the
 * reading: a bad address is then an answer and not a fault. process_vm_readv copies any length in
 * one call; where it is missing (qemu-user) or forbidden (a seccomp filter), rt_sigprocmask does as
 * a probe: with an impossible `how` it reads eight bytes at the address, changes nothing, and says
 * EFAULT or EINVAL. Rejected: write(2) into a pipe, which needs two descriptors at the moment a
 * program has run out of them; catching SIGSEGV, because the report itself runs in its handler. */
#ifndef GAMP_DIAG_PEEK_H
#define GAMP_DIAG_PEEK_H

#include "base/compiler.h"

/* Copies n bytes from addr. false: not all of them can be read, and buf is then undefined. Callable
 * in a signal handler; takes no lock; leaves errno alone. */
bool peek_bytes(uintptr_t addr, void *buf, size_t n) must_check;
bool peek_word(uintptr_t addr, uintptr_t *v) must_check;

/* For tests: pretends that process_vm_readv is missing. */
void peek_force_probe(bool on);

#endif
