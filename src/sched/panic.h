/* SPDX-License-Identifier: BSD-3-Clause */
/* panic: deferred calls, panics and gamp_goexit; the records are on the stack, the lists in struct gx. */
#ifndef GAMP_SCHED_PANIC_H
#define GAMP_SCHED_PANIC_H

#include "base/compiler.h"

/* A programmer's mistake found inside the runtime: leaves it (no lock may be held) and panics with the text. */
_Noreturn void panic_leave(const char *format, ...) printf_like(1, 2) cold;
/* Outside the runtime. */
_Noreturn void gopanic(const char *message);

#endif
