/* SPDX-License-Identifier: BSD-3-Clause */
/* sigaction: signal handlers by the plain system call, so that sanitizers and interposers do not
 * delay or wrap them, and chaining to the handler that was there before. */
#ifndef GAMP_OS_SIGACTION_H
#define GAMP_OS_SIGACTION_H

#include "base/compiler.h"
#include <signal.h>

typedef void sighandler(int sig, siginfo_t *info, void *context);

/* The kernel's struct, amd64 and arm64 alike. */
struct sigaction_raw {
    uintptr_t handler;
    unsigned long flags;
    uintptr_t restorer;
    uint64_t mask;
};

/* Handler on the alternate stack, restarting system calls, with every signal but the synchronous
 * ones blocked while it runs. old, unless NULL, gets what was there. 0 or -errno. */
int sigaction_install(int sig, sighandler *h, struct sigaction_raw *old);
int sigaction_read(int sig, struct sigaction_raw *out);
int sigaction_restore(int sig, const struct sigaction_raw *sa);
bool sigaction_is(const struct sigaction_raw *sa, sighandler *h);
bool sigaction_is_default(const struct sigaction_raw *sa);
/* Sends sig to the thread with a mark by which its handler knows it for ours (sigaction_is_mark),
 * whoever else sends the same signal. Where the kernel has no room for the mark, or no such call,
 * it goes without. */
void sigaction_send_marked(int pid, int tid, int sig);
bool sigaction_is_mark(const siginfo_t *info);
/* Calls what sa names, if it names a function. */
void sigaction_chain(const struct sigaction_raw *sa, int sig, siginfo_t *info, void *context);

#endif
