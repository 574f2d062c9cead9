/* SPDX-License-Identifier: BSD-3-Clause */
/* threads: what the threads of a process that does not end are at. */
#ifndef GAMP_TEST_THREADS_H
#define GAMP_TEST_THREADS_H

#include <sys/types.h>

/* To stderr, a line for each: its name, state and CPU time in ms (user + system), how often it has
 * slept, and the system call that it is in, with arguments, as far as the kernel tells. Twice, a
 * while apart: what goes on meanwhile differs from what is stuck. */
void test_print_threads(pid_t pid);

#endif
