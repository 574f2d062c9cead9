/* SPDX-License-Identifier: BSD-3-Clause */
/* process: starting programs and waiting for them.
 *
 * Waited for through a descriptor that is readable once the process has ended: a pidfd, or where
 * there is none an eventfd that a helper writes, which sleeps in waitid(2). Whoever then comes
 * first reaps it, under process_lock; the result stays in the public struct:
 *
 *   state    0: not known to have ended;  1: status is the result (store_release, load_acquire)
 *   spare[0] how many wait in it now; process_lock
 *   spare[1] the eventfd + 1; 0: none; process_lock
 * The descriptor is closed by the last to leave once state is 1. */
#ifndef GAMP_STD_PROCESS_H
#define GAMP_STD_PROCESS_H

#include "base/compiler.h"
#include <gamp/os.h>

/* As the public functions. Outside the runtime. */
int process_exec(const char *const argv[], const gamp_exec_options *o, gamp_process *p);
int process_wait(gamp_process *p, int64_t until);

#endif
