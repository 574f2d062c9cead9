/* SPDX-License-Identifier: BSD-3-Clause */
#include "diag/diag_none.h"
#include "os/linux/print.h"
#include "sched/g.h"
#include "sched/trace_up.h"

void schedtrace_tick(int64_t now) { (void)now; }
void traceback_g(int fd, struct g *gp, const void *context) { (void)context; print_fd(fd, "goroutine %lu\n", gp->goid); }
void traceback_others(int fd, struct g *skip) { (void)fd; (void)skip; }
void traceback_init(void) {}
