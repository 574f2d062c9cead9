/* SPDX-License-Identifier: BSD-3-Clause */
/* traceback: goroutines' stacks in the format of Go's dumps:
 *
 *     goroutine 12 [select, 3 minutes, locked to thread] {name: conn}:
 *     serve(...)
 *     	/path/conn.c:87 +0x2c
 *     created by accept_loop
 *     	/path/conn.c:140 +0x9f
 *
 * The offset is from the start of the function; of a function without a name, from the start of its
 * module. Functions of this library are left out, but for the public ones,
 * unless GAMPTRACEBACK=system.
 *
 * Nothing here takes a lock of libc or of the loader, allocates but by mmap, or touches errno. Some
 * 24 KiB of stack are enough. What is read of goroutines that run meanwhile is read through the
 * kernel, so it may be wrong but never faults. */
#ifndef GAMP_DIAG_TRACEBACK_H
#define GAMP_DIAG_TRACEBACK_H

#include "diag/unwind.h"
#include "sched/g.h"

/* At most this many frames at either end; those between are counted. */
#define TRACEBACK_FRAMES 50

/* A descriptor with a buffer; err is the first that a write gave. */
struct printer {
    int fd, err;
    unsigned n;
    char buf[1024];
};
void printer_init(struct printer *p, int fd);
void printer_put(struct printer *p, const char *format, ...) printf_like(2, 3);
int printer_flush(struct printer *p); /* returns err */

/* The frames of r and its callers. system: all of them. Returns how many were printed. */
int traceback_frames(struct printer *p, struct unwind_regs *r, bool system);
void traceback_created_by(struct printer *p, uintptr_t pc);

/* All of gp: head, frames, creator. context: a ucontext_t where it was interrupted, or NULL: it is
 * the caller, or parked. */
void traceback_goroutine(struct printer *p, struct g *gp, const void *context);
/* All but skip. */
void traceback_all(struct printer *p, struct g *skip);

#endif
