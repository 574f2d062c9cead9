/* SPDX-License-Identifier: BSD-3-Clause */
/* rewind: a system call that our signal cut short as it began, made to begin again.
 *
 * The kernel restarts read, flock, wait4 and their like by itself (SA_RESTART), but never sleeps,
 * polls, timed futexes, or sockets with a time-out: these end with EINTR, which the program did not
 * cause and does not expect. In the signal's context such a call is seen as -EINTR in the result
 * register just behind the instruction `syscall`. On amd64 all arguments are still in their
 * registers; only the call's number, which the result replaced, must be read from the instruction
 * that loaded it. So setting the program counter back repeats the call. Time-outs that the kernel
 * writes back (select, ppoll) go on with what was left; others begin anew, which makes them late by
 * what had passed: microseconds, because only threads that were computing a moment ago are
 * signalled.
 *
 * arm64 returns the result in the first argument's register: what was there is lost, and the call
 * can't be repeated. */
#ifndef GAMP_OS_REWIND_H
#define GAMP_OS_REWIND_H

#include "base/compiler.h"

/* In sig's handler, with its context: true when the call will be made again. False, and nothing
 * changed, when the signal came elsewhere, the call is not one of those that only wait, or another
 * signal is about to cut it too, whose handler the program has reason to hear of. */
bool rewind_syscall(void *context, int sig);

#endif
