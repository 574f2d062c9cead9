/* SPDX-License-Identifier: BSD-3-Clause */
/* aside: what /proc says of threads and CPUs, read by a thread that has a table of descriptors of
 * its own.
 *
 * A descriptor takes the lowest free number, if for a moment only, and sysmon looks at any moment.
 * In the program's table that number could be the one its next open counts on, and worse: dup2 to
 * that number would put the program's file where the look is about to close its own. So a thread
 * that shares memory with the others but no descriptors does it; there it works at the program's
 * limit of descriptors, too.
 *
 * Where the system refuses such a table, and in the child of a fork, the caller looks itself.
 *
 * sysmon, which decides by such looks thousands of times a second, has a table of its own: the way
 * to another thread and back took it 100 us where CPUs are scarce. What it needs of the program's,
 * the poller's two and standard error, it has copies of, and gets anew when they change
 * (pidfd_getfd; where that is refused it asks the thread like all others).
 *
 * state goes STARTING -> READY or NO_THREAD, and who asks waits for that: a look in the program's
 * table is for those who will never have another. sysmon waits before it stops any goroutine, which
 * could hold what the start of a thread needs.
 * One question at a time, under aside.lock: turn goes IDLE -> ASKED by who asks, ASKED -> IDLE by
 * the thread.
 * Pairs: the store_release(state) of the thread with the load_acquire in await_ready; the
 * store_release(turn) of each side with the other's load_acquire.
 *
 * Rejected: descriptors of each thread's file held open (thousands of threads take thousands of
 * numbers). */
#ifndef GAMP_SCHED_ASIDE_H
#define GAMP_SCHED_ASIDE_H

#include "base/compiler.h"

/* Makes the thread; without it all still works. */
void aside_start(void);
/* The calling thread, which is sysmon, gets a table of its own. */
void aside_own(void);
/* On sysmon: the poller's descriptors are as they are in the program's table. */
void aside_refresh(void);
/* The caller is sysmon, and has no copy of the poller's descriptors: it must leave them alone. */
bool aside_blind(void);
/* On any thread, before it prints: standard error is the program's. */
void aside_stderr(void);
/* How many threads it is: 0 or 1. */
int aside_threads(void);

/* As the functions of os/linux/thread.h and os/linux/cpus.h. They wait for the thread; a lock may
 * be held. */
char aside_thread_state(int tid);
int64_t aside_thread_sleeps(int tid);
int aside_thread_count(void);
int aside_cpus_available(void);

#endif
