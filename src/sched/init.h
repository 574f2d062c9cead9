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
/* The order of Go's rt0_go and schedinit. The caller is on m0 (unless library). 0 or -ENOMEM. */
int rt0_go(const struct boot *b);
/* The parts of mstart1 that run once. 0, or -errno when there are no threads. */
int mstartm0(void);

#endif
