/* SPDX-License-Identifier: BSD-3-Clause */
/* panic: deferred calls, panics and gamp_goexit; the records are on the stack, the lists in struct
 * gx.
 *
 *   gx->defers    deferred calls not yet run, innermost first
 *   gx->protects  gamp_protect frames, innermost first; each notes the defers and panics of its
 *                 start
 *   gx->panics    panics whose deferred calls are running, innermost first
 *
 * A panic runs the deferred calls itself, on top of the stack it happened on, up to the innermost
 * protect, and jumps there; without one, it runs all and reports with the stack still as it was. */
#ifndef GAMP_SCHED_PANIC_H
#define GAMP_SCHED_PANIC_H

#include "sched/g.h"

#define PANIC_TEXT 1024

struct panic {
    struct panic *link;
    const char *message;
    bool goexit;  /* not a panic but gamp_goexit on its way */
    bool counted; /* in sched.panicking */
};

/* A programmer's mistake found inside the runtime: leaves it (no lock may be held) and panics with
 * the text. */
_Noreturn void panic_leave(const char *format, ...) printf_like(1, 2) cold_path;
/* Outside the runtime. */
_Noreturn void gopanic(const char *message);
_Noreturn void goexit1(void); /* outside the runtime: gamp_goexit */
/* 0, or -EFAULT: it panicked, and message (PANIC_TEXT bytes) holds why. Outside the runtime. */
int protect(void (*fn)(void *), void *arg, char *message);
/* The caller's, attaching a foreign thread when need be. */
struct gx *gx_self(void);
/* "panic: A" and, each after a tab, those that came while its deferred calls ran. A gamp_goexit
 * among them is not shown. */
void printpanics(int fd, const struct panic *p);
/* The same with message as the last, of a fault on x's goroutine. */
void printpanics_fault(int fd, const struct gx *x, const char *message);

#endif
