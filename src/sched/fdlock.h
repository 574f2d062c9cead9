/* SPDX-License-Identifier: BSD-3-Clause */
/* fdlock: who may use a descriptor now: one reader and one writer, the others of a kind queue. Go's
 * fdMutex, with a queue of its own.
 *
 * Taken and given back by one CAS each while nobody else wants the same. The lock is handed to the
 * first in the queue, so nobody overtakes. A queued one has its reference already.
 *
 *   fast:  mu CAS +lock +ref                     mu CAS -lock -ref
 *   slow:  under pd->lock: mu CAS +queue +ref    under pd->lock: pop one, hand over; mu CAS -ref
 *
 * The queue's flag is set and cleared under pd->lock only; the holder's fast way out fails on
 * it. */
#ifndef GAMP_SCHED_FDLOCK_H
#define GAMP_SCHED_FDLOCK_H

#include "sched/polldesc.h"

/* Begins an operation of mode PD_READ or PD_WRITE, or 0: only a reference, no lock. A number that
 * nobody registered is registered softly. *seq goes to the calls of sched/pollwait.h.
 * 0; FDLOCK_NONE: go on without the lock, and no end of it: after the runtime's end it may be
 * held for good; -EBADF; or an error of registering. Inside the runtime; may park. */
enum { FDLOCK_NONE = 1 };
int fdlock_begin(int fd, unsigned mode, struct polldesc **pd, uint32_t *seq);
void fdlock_end(struct polldesc *pd, unsigned mode);

/* A record that closes or changes owner: fails all that queue with -EBADF. pd->lock held. */
void fdlock_evict(struct polldesc *pd, struct gqueue *woken);

/* The runtime ends: threads in the queues, and one that closes, go on. */
void fdlock_end_runtime(struct polldesc *pd);

#endif
