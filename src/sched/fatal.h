/* SPDX-License-Identifier: BSD-3-Clause */
/* fatal: the ends of the process that are reports: throws, deadlocks, unrecovered panics, faults.
 * Each ends with status 2, after GAMPTRACEBACK's choice of stacks. Only one report is printed; a
 * thread that comes second waits for the first to finish. */
#ifndef GAMP_SCHED_FATAL_H
#define GAMP_SCHED_FATAL_H

#include "base/compiler.h"

enum traceback_level {
    TRACEBACK_NONE,
    TRACEBACK_SINGLE,
    TRACEBACK_ALL,
    TRACEBACK_SYSTEM,
    TRACEBACK_CRASH
};

_Noreturn void fatal_deadlock(const char *message) cold_path;
/* The text of an unrecovered panic has been printed. gp is where it happened. */
struct g;
_Noreturn void fatal_panic(struct g *gp) cold_path;
/* Begins a report: waits for ever when another thread has begun one. */
void fatal_begin(void);
_Noreturn void fatal_exit(void);
/* Handlers for SIGSEGV, SIGBUS, SIGFPE, SIGQUIT and their like, where the program has none. */
void fatal_initsig(void);
struct sigaction_raw;
bool fatal_is_handler(const struct sigaction_raw *sa); /* one of those */

#endif
