/* SPDX-License-Identifier: BSD-3-Clause */
/* schedtrace: GAMPDEBUG=schedtrace=MS prints the scheduler's state every MS milliseconds to stderr,
 * one line as Go's, or, with scheddetail=1, a block with every P, M and G.
 *
 * schedtrace_tick is in sched/trace_up.h. sysmon calls it, holding nothing; it takes no lock: the
 * numbers are each right at some moment, not all at one. */
#ifndef GAMP_DIAG_SCHEDTRACE_H
#define GAMP_DIAG_SCHEDTRACE_H

#include "base/compiler.h"

/* One report, now. ms: since the start. */
void schedtrace_print(int fd, int64_t ms, bool detailed);

#endif
