/* SPDX-License-Identifier: BSD-3-Clause */
/* group: goroutines that share a context and that somebody waits for.
 *
 *   running: those started and not ended, and those about to be started
 *   queue:   callers of go that wait for a place, first in, first out; not empty only while
 *            running >= limit > 0. Who ends hands his place to the first of them, so running stays.
 *   waiter:  who is parked in wait; the last one to end wakes it, and touches the group no more.
 * All under g->lock (LOCK_SYNC), result too; ctx is written by init and wait alone. */
#ifndef GAMP_STD_GROUP_H
#define GAMP_STD_GROUP_H

#include "base/compiler.h"
#include <gamp/context.h>

/* g is memory of any content; ctx's reference becomes the group's. */
void group_init(gamp_group *g, gamp_context *ctx);
/* Inside the runtime. false: goroutines of it are running, whose number goes to *running. */
bool group_set_limit(gamp_group *g, int n, int *running);
/* Inside the runtime. Takes a place; false: there is none and the caller would not wait. */
bool group_enter(gamp_group *g, bool wait);
/* Inside the runtime, in a place taken. Starts fn; 0 or newproc's error, the place is then free
 * again. */
int group_start(gamp_group *g, int (*fn)(gamp_context *, void *), void *arg, uintptr_t pc);
/* Inside the runtime. Waits for all; the first result that was not 0, or 0. */
int group_wait(gamp_group *g);

#endif
