/* SPDX-License-Identifier: BSD-3-Clause */
/* init: the bootstrap up to the first goroutine. */
#ifndef GAMP_SCHED_INIT_H
#define GAMP_SCHED_INIT_H

#include "base/compiler.h"

struct boot {
    int maxprocs, max_threads; /* 0: default */
    size_t stack_size;
    bool library; /* gamp_start: the calling thread stays the host's */
};

/* Once per process: claims the runtime; false when somebody did before. */
bool boot_claim(void);
/* GAMPDEBUG=inittrace=1: prints that a step, or a hook of the program's, is done, the time it took,
 * and what stands after it. */
void boot_step(const char *name);
/* The order of Go's rt0_go and schedinit. The caller is on m0 (unless library). 0; -ENOMEM, and the
 * runtime is stopped then. */
int rt0_go(const struct boot *b);
/* The parts of mstart1 that run once. 0; -EAGAIN or -ENOMEM when there is no thread to be had, and
 * the runtime is stopped then. */
int mstartm0(void);

#endif
