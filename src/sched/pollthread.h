/* SPDX-License-Identifier: BSD-3-Clause */
/* pollthread: how a foreign thread waits for a descriptor: in poll(2), on its own, whether a
 * scheduler runs or not. While it does it stands in pd->waits, so that a close and a moved deadline
 * reach it, through an eventfd that it polls too. Where there is no descriptor left for that, it
 * looks every few milliseconds. */
#ifndef GAMP_SCHED_POLLTHREAD_H
#define GAMP_SCHED_POLLTHREAD_H

#include "sched/polldesc.h"

/* What poll(2) says now: events, 0, or -errno. */
int poll_now(int fd, int events);

/* An operation of the mode may go on, or should look why not. 0 or -EBADF. */
int pollthread_wait(struct polldesc *pd, unsigned mode, uint32_t seq);
/* As pollwait_events. */
int pollthread_events(int fd, int events, int64_t until);
/* All threads that wait on the record look again. pd->lock held. */
void pollthread_kick(struct polldesc *pd);

#endif
