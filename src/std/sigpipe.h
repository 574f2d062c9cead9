/* SPDX-License-Identifier: BSD-3-Clause */
/* sigpipe: writing to what nobody reads.
 *
 * Under gamp_run, where SIGPIPE was SIG_DFL, a handler makes plain write(2) as Go's writes are:
 * -EPIPE and no more, but the end of the program by SIGPIPE when the descriptor is 1 or 2. The
 * kernel raises the signal in the writing thread on the way out of the system call, so the handler
 * finds the call's result, and on amd64 its first argument, in the registers it interrupted. On
 * arm64 the result has replaced that argument: there it asks poll(2) whether 1 or 2 is broken.
 *
 * Elsewhere the disposition is the host's and its own writes do as it has set; gamp's writes then
 * are made with the signal blocked, and what they raise is taken back. Sockets need neither:
 * MSG_NOSIGNAL. */
#ifndef GAMP_STD_SIGPIPE_H
#define GAMP_STD_SIGPIPE_H

#include "base/compiler.h"
#include <signal.h>
#include <sys/types.h>

/* At the start of gamp_run. */
void sigpipe_init(void);
/* The handler; for src/std/osignal.c, which calls it for a SIGPIPE that no channel wants. */
void sigpipe_handler(int sig, siginfo_t *info, void *context);
bool sigpipe_installed(void);

struct sigpipe_guard {
    bool on;      /* there is something to guard against */
    bool blocked; /* by us */
    uint64_t old;
};

/* Around a system call that may raise it. thorough: a system call more finds out whether the
 * program has set something else in the handler's place since then. maybe: it did not do all that
 * was asked, so it may have. */
void sigpipe_enter(struct sigpipe_guard *g, bool thorough);
void sigpipe_leave(struct sigpipe_guard *g, bool maybe);

/* A channel gets the signal: nobody dies of it. */
void sigpipe_want(bool on);

/* A write to 1 or 2 of ours failed with -EPIPE: ends the program if it is to. */
void sigpipe_broken(void);

/* What a write to fd gave. */
static inline ssize_t sigpipe_result(int fd, ssize_t result)
{
    if (unlikely(result == -32 /* EPIPE */) && (fd == 1 || fd == 2))
        sigpipe_broken();
    return result;
}

#endif
