/* SPDX-License-Identifier: BSD-3-Clause */
/* sema: where goroutines wait for a word of memory, as Go's sema.go: mutex, rwmutex, waitgroup and
 * once park here.
 *
 * Each semrelease is one token for its address, each semacquire takes one; tokens are handed out
 * in order of arrival, but a lifo waiter comes first. 251 buckets by address; in each a treap of
 * the addresses waited on, and at each node the list of its waiters:
 *
 *        [a2]-w-w
 *       /    \          ordered by address, left to right;
 *    [a1]    [a3]-w     a random priority, smallest on top, keeps it shallow
 *
 * The word itself (*addr) counts the tokens that nobody waited for yet. It is read and written
 * under the bucket's lock alone, and written by semrelease only when no waiter was found:
 *   the object's own state must say, by the atomic step before semrelease, that this token belongs
 *   to somebody who is inside a call on the object and cannot leave it without the token.
 * Then the object's memory is alive whenever semrelease touches it; and where a waiter was found,
 * the address is only a key. That is what lets the memory go as soon as the last waiter has
 * returned.
 *
 * Unlike Go's, a waiter that was taken off the queue has its token and does not compete for it
 * again. */
#ifndef GAMP_SYNC_SEMA_H
#define GAMP_SYNC_SEMA_H

#include "sched/g.h"

/* Inside the runtime. */
void semacquire(uint32_t *addr, bool lifo, enum waitreason reason);
/* false: it timed out, and the caller is in no queue and has no token. */
bool semacquire_until(uint32_t *addr, bool lifo, enum waitreason reason, int64_t until);
/* handoff: the waiter that gets the token runs at once in the caller's place; no lock may be held
 * then. */
void semrelease(uint32_t *addr, bool handoff);
/* n tokens. */
void semrelease_n(uint32_t *addr, uint32_t n);

#endif
