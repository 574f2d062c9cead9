/* SPDX-License-Identifier: BSD-3-Clause */
/* late: what a timer's function finds itself the last owner of.
 *
 * It runs inside the runtime, where free() may not be called: a goroutine that preemption stopped
 * may hold malloc's locks. So such memory waits in a list until the next call from outside that
 * makes or frees an object of the same kinds, from whichever thread. */
#ifndef GAMP_STD_LATE_H
#define GAMP_STD_LATE_H

#include "base/compiler.h"

struct late {
    struct late *next;
    void (*dispose)(struct late *l);
};

/* From anywhere. l lies in the memory concerned; dispose(l) is called once, outside the runtime. */
void late_add(struct late *l, void (*dispose)(struct late *l));
/* Outside the runtime. Disposes of all there are. */
void late_run(void);

#endif
