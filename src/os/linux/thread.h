/* SPDX-License-Identifier: BSD-3-Clause */
/* thread: making OS threads, their signal masks and alternate stacks. */
#ifndef GAMP_OS_THREAD_H
#define GAMP_OS_THREAD_H

#include "base/compiler.h"
#include <signal.h>

/* A detached thread that begins with all signals blocked. 0 or -errno. Calls libc's malloc: only
 * the threads that no goroutine can hold up (the template thread) call it. */
int thread_create(void (*fn)(void *), void *arg, size_t stack_size);
/* Bounds of the calling thread's own stack. */
void thread_stack(uintptr_t *lo, uintptr_t *hi);
void thread_sigmask(int how, const sigset_t *set, sigset_t *old);
/* A mapped alternate stack with a guard below, sized by AT_MINSIGSTKSZ; NULL when out of memory. */
void *thread_altstack_new(void);
void thread_altstack_set(void *stack); /* NULL: none */
void thread_altstack_free(void *stack);
size_t thread_altstack_size(void);
/* How long the kernel lets a thread (0: the caller) run before it looks again who else waits for
 * the CPU; one that asks for less comes sooner, and gets no more in sum. Returns what it was, to
 * put it back; -1 when the kernel or the thread's policy does not have it (before Linux 6.12). */
int64_t thread_slice(int tid, int64_t ns);
/* Threads in the process, from /proc, or -errno. */
int thread_count(void);
/* The kernel's state letter of a thread ('R', 'S', 'D'...), or 0. */
char thread_state(int tid);
/* How often the thread of the process went to sleep since it began; -1 when it sleeps now, has
 * ended, or the system does not tell. */
int64_t thread_sleeps(int tid);
int64_t thread_sleeps_own(void); /* the calling thread's, without a file */
/* The same from a file of the thread's in /proc, "stat" or "status", that is kept open; it tells of
 * that very thread, and of none once it has ended. */
int thread_file(int tid, const char *name); /* a descriptor, or -errno */
char thread_state_in(int stat);
int64_t thread_sleeps_in(int status);

#endif
