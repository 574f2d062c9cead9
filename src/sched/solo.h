/* SPDX-License-Identifier: BSD-3-Clause */
/* solo: one P, and no thread but those that hold it in turn calls the library. Then channels and
 * mutexes are touched by one thread at a time, the P's, and their locks need no atomic
 * instructions: a store takes one and a store frees it. Most of what an operation on a channel
 * costs is those.
 *
 *   NO -> YES             before goroutines run; it does not come back: a goroutine that lost its
 *                         P outside the runtime may be between its look and its atomic instruction
 *   YES -> ENDING -> NO   a foreign thread attaches, sysmon runs timers beside a hog, the program
 *                         ends
 *   YES -> NO             with the world stopped: there come to be more Ps
 *
 * A solo step is a few instructions of a thread that holds the P inside the runtime: it reads YES
 * and then loads and stores. Dekker pair, as in sched/entry.h:
 *   owner:     inruntime = 1;  (compiler barrier)  read solo
 *   solo_end:  solo = ENDING;  membarrier();  read inruntime
 * Steps that begin after the membarrier see ENDING. One that had begun before is over as soon as
 * its thread has left the runtime, has switched goroutines, or has given the P up; none of them is
 * in the middle of a step. A second membarrier makes all that it stored visible.
 *
 * Both kinds of step leave the same states, so a lock taken by one may be released by the other.
 *
 * It also lets a goroutine that parks publish itself before it has left its stack: only this
 * thread could run it. */
#ifndef GAMP_SCHED_SOLO_H
#define GAMP_SCHED_SOLO_H

#include "base/race.h"
#include "lock/mutex.h"

enum solo { SOLO_NO, SOLO_YES, SOLO_ENDING };

extern uint32_t solo; /* atomic; enum solo */

/* Inside the runtime, with the P. Under TSan locks are what orders accesses, so they stay. */
static always_inline bool is_solo(void)
{
    return !RACE_TSAN && likely(load_relaxed(&solo) == SOLO_YES);
}

/* With one P and no other thread. own: how many of the attached foreign threads are the caller. */
void solo_begin(int32_t own);
/* With the world stopped, or by the owner. */
void solo_over(void);
/* After it has returned no solo step is under way, nor will one be. Any thread, no lock held. */
void solo_end(void);

static always_inline void lock_solo(struct mutex *l)
{
    if (is_solo()) {
        lockrank_acquire(l);
        store_relaxed(&l->key, 1);
        compiler_barrier();
    } else {
        lock(l);
    }
}

/* Both without their unusual half, for who goes there by a jump. */
static always_inline bool trylock_solo(struct mutex *l)
{
    if (!is_solo())
        return trylock(l);
    lockrank_acquire(l);
    store_relaxed(&l->key, 1);
    compiler_barrier();
    return true;
}

/* true: unlock_slow is still to be called. */
static always_inline bool unlock_solo_part(struct mutex *l)
{
    lockrank_release(l);
    if (is_solo()) {
        store_release(&l->key, 0);
        return false;
    }
    return unlikely(xchg_release(&l->key, 0) == 2);
}

static always_inline void unlock_solo(struct mutex *l)
{
    if (is_solo()) {
        lockrank_release(l);
        store_release(&l->key, 0);
    } else {
        unlock(l);
    }
}

#endif
