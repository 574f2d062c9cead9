/* SPDX-License-Identifier: BSD-3-Clause */
/* trace_up: what the scheduler calls in src/diag. */
#ifndef GAMP_SCHED_TRACE_UP_H
#define GAMP_SCHED_TRACE_UP_H

#include "base/compiler.h"

struct g;

/* GAMPDEBUG=schedtrace: prints when its time has come. On sysmon. */
void schedtrace_tick(int64_t now);
/* The stack of gp, which is parked, or the caller, in Go's format with its head line, to fd.
 * context: a ucontext where it was interrupted, or NULL. gp NULL: this thread, which has no g.
 * Takes no lock of libc or of the loader. */
void traceback_g(int fd, struct g *gp, const void *context);
/* Every other goroutine than skip (may be NULL). The world need not stand. */
void traceback_others(int fd, struct g *skip);
/* A report faulted: from now on files and lines are left out, then names. false: nothing is left
 * to leave out. */
bool traceback_less(void);
/* Reads what symbolising needs, while libc's locks are free. */
void traceback_init(void);

#endif
