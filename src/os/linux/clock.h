/* SPDX-License-Identifier: BSD-3-Clause */
/* clock: the one source of time in the library, so that a virtual clock can take its place. */
#ifndef GAMP_OS_CLOCK_H
#define GAMP_OS_CLOCK_H

#include "base/compiler.h"
#include <time.h>

#define NEVER INT64_MAX

/* CLOCK_MONOTONIC in nanoseconds; always > 0. Through the vdso: about 22 ns. */
int64_t nanotime(void);
/* CLOCK_REALTIME in nanoseconds since 1970. */
int64_t walltime(void);
/* CPU time that the thread of this clock has used, or -errno; the thread may be any of the
 * process. */
int64_t thread_cputime(clockid_t clock);
/* The CPU clock of the calling thread, for others to read. */
clockid_t thread_cpuclock(int tid);
/* a + b, held within int64: a duration too large means for ever. */
int64_t time_add(int64_t a, int64_t b);
void clock_sleep(int64_t ns); /* blocks the thread */

#endif
