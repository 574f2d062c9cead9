/* SPDX-License-Identifier: BSD-3-Clause */
/* godump: goroutines and their stacks in the format of Go's dumps:
 *
 *     goroutine 12 [select, 3 minutes, locked to thread] {name: conn}:
 *     serve(...)
 *     TAB /path/conn.c:87 +0x2c
 *     created by accept_loop
 *     TAB /path/conn.c:140 +0x9f
 *
 * Where a goroutine's stack is found:
 *
 *   it is the caller            its own registers
 *   parked, or runnable         what arch_switch saved at run.sp
 *   stopped in the handler      the context that the signal interrupted (m->context)
 *   never ran                   there is none: its function, and who created it
 *   in the kernel, without a P  pc and sp from /proc (os/linux/blocked.h)
 *   runs on another thread      not to be had, as in Go, unless the world was frozen
 *
 * What the goroutine may change meanwhile is read through the kernel: it may be wrong then, but it
 * never faults. Takes no lock; see diag/traceback.h. */
#ifndef GAMP_DIAG_GODUMP_H
#define GAMP_DIAG_GODUMP_H

#include "base/compiler.h"

/* gamp_stack_dump. Outside the runtime. */
int stack_dump(int fd, bool all);

#endif
