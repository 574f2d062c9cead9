/* SPDX-License-Identifier: BSD-3-Clause */
/* park: how a goroutine (or a foreign thread) waits and is woken.
 *
 * gopark(unlockf, lock, reason) stops the caller; then, when its stack is no longer in use (or, on
 * a solo P, just before), unlockf(gp, lock) is called by whoever runs next on the M. From unlockf's
 * release on, a waker may call goready(gp), once. unlockf false: the park is called off and the
 * goroutine goes on. unlockf must not touch the parked goroutine's stack after what it releases
 * lets the waker go.
 *
 * On a foreign thread the same calls block the thread on its note.
 *
 * Where several may wake one wait (a channel, a time-out, a descriptor), each holds the ticket of
 * wait_begin and only the one that wait_claim()s it calls goready. gp->run.param carries word from
 * waker to woken. */
#ifndef GAMP_SCHED_PARK_H
#define GAMP_SCHED_PARK_H

#include "lock/mutex.h"
#include "sched/g.h"
#include "sched/solo.h"

typedef bool unlockf(struct g *gp, void *lock);

void gopark(unlockf *f, void *lock, enum waitreason reason);
void goparkunlock(struct mutex *l, enum waitreason reason);
/* The same on a solo P; the lock may be NULL. */
void gopark_solo(struct mutex *l, enum waitreason reason);
/* Whichever fits, for a lock that was taken by lock_solo. Asked here: by one function in front of
 * the two a message between two Ps took a nanosecond longer. */
static always_inline void goparkunlock_solo(struct mutex *l, enum waitreason reason)
{
    if (is_solo())
        gopark_solo(l, reason);
    else
        goparkunlock(l, reason);
}
/* The unlockf of waits under one lock. */
bool commit_unlock(struct g *gp, void *l);

/* As gopark, but at the point until (NEVER: none) the wait of this ticket is claimed by the clock
 * and ends with run.param NULL. The caller set run.param to NULL before anybody could claim.
 * true: somebody else claimed it; false: it timed out. */
bool gopark_until(unlockf *f, void *lock, enum waitreason reason, int64_t until, uint32_t ticket);

/* Makes a parked goroutine runnable; once a park. From anywhere: scheduler, timers, foreign
 * threads. It goes to runnext of the caller's P (next), or to the tail. */
void goready(struct g *gp);
void goready_tail(struct g *gp);
/* Readies gp and lets it run at once in the caller's place, which goes to the head of the local
 * queue: the hand-off of semaphores and of mutexes in starvation mode. */
void goready_handoff(struct g *gp);

static inline uint32_t wait_begin(struct g *gp)
{
    /* Only its own goroutine begins a wait; a late claimer of an old one sees another value. */
    uint32_t id = (load_relaxed(&gp->waitid) | 1) + 1;

    store_relaxed(&gp->waitid, id);
    return id;
}

static inline bool wait_claim(struct g *gp, uint32_t ticket)
{
    /* Acquire and release: the claimer sees what was written before the wait was published, and the
     * goroutine what the claimer wrote, by way of goready. */
    return cas_acqrel(&gp->waitid, ticket, ticket + 1);
}

static inline bool wait_claimed(struct g *gp, uint32_t ticket)
{
    return load_acquire(&gp->waitid) != ticket;
}

/* The caller goes to the tail of the global queue, or of the local one while the global is
 * empty. */
void gosched(void);
/* gosched from outside the runtime: the entry, the usual case in one piece, and the leave. */
void yield(void);
/* The caller goes to the tail of the local queue. */
void goyield(void);

/* Sleeps until the point; for gamp_sleep. */
void sleep_until(int64_t until);

#endif
