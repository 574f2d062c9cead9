/* SPDX-License-Identifier: BSD-3-Clause */
/* note: a one-shot event. States: 0 clear, 1 set, 2 clear with a sleeper.
 * One sleeper at a time; wakeup comes once between two clears, before or after the sleep.
 * Pairs: wakeup's release exchange with sleep's acquire load. */
#ifndef GAMP_LOCK_NOTE_H
#define GAMP_LOCK_NOTE_H

#include "base/compiler.h"

struct note {
    uint32_t key;
};

void noteclear(struct note *n);
void notewakeup(struct note *n);
void notesleep(struct note *n);
/* Until a point of the monotonic clock; true when it was set. */
bool notetsleep(struct note *n, int64_t until);

#endif
