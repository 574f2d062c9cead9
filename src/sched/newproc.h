/* SPDX-License-Identifier: BSD-3-Clause */
/* newproc: making goroutines, and what becomes of them at their end. */
#ifndef GAMP_SCHED_NEWPROC_H
#define GAMP_SCHED_NEWPROC_H

#include "sched/g.h"

struct newproc_options {
    size_t stack_size; /* 0: default */
    const char *name;  /* NULL: none */
};

/* Inside the runtime (gamp_enter). Starts fn(args[0..n-1]) as a goroutine; it goes to runnext. pc:
 * the creator's return address. 0, -ENOMEM, or -EPERM when the runtime does not run. */
int newproc(const struct newproc_options *o, void (*fn)(void), const uintptr_t *args, unsigned n,
            enum gkind kind, uintptr_t pc);

/* Inside the runtime. The calling goroutine does nothing more but to end and is not counted among
 * the program's any longer: whoever it wakes next finds it gone. */
void goroutine_over(void);
/* Ends the calling goroutine: its deferred calls have run. */
_Noreturn void goexit0(void);

#endif
