/* SPDX-License-Identifier: BSD-3-Clause */
/* cxx: what a C++ runtime in the same process keeps for each thread, and an exception that nobody
 * catches.
 *
 * All by weak symbols: without a C++ runtime nothing here does anything, and libgamp needs none. An
 * exception that leaves a goroutine's function ends in std::terminate with the stack still as it
 * was, which a handler of ours makes a panic that names the exception's type; so its deferred calls
 * run and gamp_protect can stop it. On any other thread the handler that was there before is
 * called. A program that sets its own after the runtime began has its own. */
#ifndef GAMP_SCHED_CXX_H
#define GAMP_SCHED_CXX_H

#include "base/compiler.h"

/* The calling thread's exceptions that are being handled (Itanium C++ ABI 2.2.2:
 * __cxa_eh_globals). */
struct cxx_state {
    void *caught;
    unsigned uncaught;
};

void cxx_state_read(struct cxx_state *s);
/* After a jump over catch blocks, outside the runtime: ends those begun since the read. */
void cxx_state_back(const struct cxx_state *s);
void cxx_init(void); /* installs the handler; once */

#endif
