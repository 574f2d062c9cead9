/* SPDX-License-Identifier: BSD-3-Clause */
/* spawn: a child process that runs a program, without a copy of the address space.
 *
 * The child borrows the caller's memory (os/linux/borrow.h) until it has become the program, and
 * makes system calls only:
 *
 *   caller                               child
 *   block all signals
 *   start it, sleep -------------------> handlers of ours to SIG_DFL
 *                                        descriptors to their numbers, directory
 *                                        the caller's signal mask
 *                                        execve of each candidate
 *   read the pipe <--- end of file ----- (close-on-exec)         it runs
 *                 <--- an error -------- write, exit             it does not
 *
 * The error comes through a pipe although memory is shared: emulators that make a fork of this
 * lose what the child writes to memory.
 *
 * Rejected: posix_spawn, for that reason; and it allocates. fork: copies page tables, and runs
 * atfork handlers. */
#ifndef GAMP_STD_SPAWN_H
#define GAMP_STD_SPAWN_H

#include "base/compiler.h"
#include <sys/types.h>

struct spawn {
    const char *const *argv;
    const char *const *env; /* NULL: the caller's */
    const char *dir;        /* NULL: the caller's */
    const int *fds;         /* fds[i] becomes i, -1 is /dev/null */
    size_t nfds;
};

/* The process, or -errno. Outside the runtime; its caller alone is held up. */
pid_t spawn(const struct spawn *s);

#endif
