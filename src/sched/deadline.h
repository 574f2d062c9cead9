/* SPDX-License-Identifier: BSD-3-Clause */
/* deadline: points in time at which operations on a descriptor fail, one for reads and one for
 * writes.
 *
 * Setting one is a store, as a server does it for each request: whoever begins or is woken looks at
 * the clock himself. Only who parks needs a timer; the record's one is armed for the earliest that
 * somebody parked for. When a deadline has moved later meanwhile, the timer comes too early, finds
 * that out and arms itself again: so it costs one entry a descriptor and one firing a
 * deadline that passes or was passed over, not one a request. */
#ifndef GAMP_SCHED_DEADLINE_H
#define GAMP_SCHED_DEADLINE_H

#include "sched/polldesc.h"

/* NEVER: none. 0, -EBADF, -ENOMEM, -EPERM for what cannot be polled. modes: PD_READ | PD_WRITE. */
int deadline_set(int fd, unsigned modes, int64_t t);
/* The timer comes at when or before. pd->lock held. 0 or -ENOMEM. */
int deadline_arm(struct polldesc *pd, int64_t when);
/* For a record that closes or changes owner; pd->lock held. */
void deadline_clear(struct polldesc *pd);

#endif
