/* SPDX-License-Identifier: BSD-3-Clause */
/* preempt: asking a P's goroutine to leave, and the signal handler that stops one that makes no
 * call.
 *
 * The thread stays with its goroutine: the handler hands the P to another M and sleeps; when the
 * scheduler picks the goroutine again it hands a P to this M, which returns from the handler. So
 * nothing moves to another thread at an arbitrary instruction: locks of libc, thread-locals, errno,
 * rseq stay right. */
#ifndef GAMP_SCHED_PREEMPT_H
#define GAMP_SCHED_PREEMPT_H

#include "sched/p.h"

/* The request alone; taken up at the next entry or park. */
void preemptone(struct p *pp);
/* And by a signal, for a goroutine that makes no call. The caller has seen that its thread burns
 * CPU: a signal would cut a sleep short. */
void preempt_signal(struct m *m);
/* Does it? Its CPU clock moved by cpu in the last wall nanoseconds, and it runs or wants to,
 * without a sleep in between. *sleeps: the caller's note for this M from one look to the next, at
 * first -1. */
bool preempt_burning(const struct m *m, int64_t cpu, int64_t wall, int64_t *sleeps);
/* The kernel shall let the thread of a goroutine that computes run long and seldom, so that others
 * (the one that an event just woke, who waits for its answer) come before it on its CPU and still
 * get no more than their share; or again as it was. What the goroutine starts meanwhile, threads
 * and processes, inherits it. */
void preempt_slice(struct m *m, bool hog);
/* All running Ps, repeatedly, for a stop of the world: the request each time, the signal to those
 * that burn CPU. */
void preemptall(void);
void preempt_init(void); /* installs the handler */
/* Our handler replaced by the program's: put back, with the program's called after it. */
void preempt_check_handler(void);
/* End of the program: goroutines that sleep in the handler go on to their next call. */
void preempt_release_all(void);

#endif
