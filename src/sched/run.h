/* SPDX-License-Identifier: BSD-3-Clause */
/* run: the life of the runtime as a whole: begun on m0 or beside the host, and its ends. */
#ifndef GAMP_SCHED_RUN_H
#define GAMP_SCHED_RUN_H

#include "sched/init.h"

/* Runs fn(argc, argv) as the main goroutine, after the init hooks. The runtime was claimed. */
int run_main(const struct boot *b, int (*fn)(int, char **), int argc, char **argv,
             void (*hooks)(void));
int run_library(const struct boot *b);
/* Outside the runtime, not on a goroutine. */
int run_stop(int64_t until);

#endif
