/* SPDX-License-Identifier: BSD-3-Clause */
/* gamp.h: all of gamp. Goroutines on threads, channels, and what belongs to them, for C and C++.
 *
 * What holds everywhere:
 * - A function that can fail returns 0, a count or a descriptor, or a negative errno value such
 *   as -ETIMEDOUT. errno itself is never used and never changed; after a call it is what it was
 *   before, on another thread too (gamp/errno.h).
 * - Times are int64_t nanoseconds: a gamp_duration is a length, a gamp_time a point on
 *   CLOCK_MONOTONIC. Functions named ..._until take a point; GAMP_NEVER never arrives.
 * - A programmer's mistake, such as unlocking an unlocked mutex, is a panic (gamp/panic.h).
 *   Running out of something is a result.
 * - Unless it says otherwise, a function may be called from a goroutine, from the main thread
 *   before and after the runtime runs where that makes sense, and from any thread the program
 *   made; a wait there blocks that thread alone. None may be called from a signal handler.
 * - Macros that give a value are expressions and evaluate each argument once.
 * - Freeing, unreferencing or closing NULL is harmless unless stated. */
#ifndef GAMP_H
#define GAMP_H

#include <gamp/base.h>
#include <gamp/chan.h>
#include <gamp/context.h>
#include <gamp/debug.h>
#include <gamp/errno.h>
#include <gamp/go.h>
#include <gamp/net.h>
#include <gamp/os.h>
#include <gamp/panic.h>
#include <gamp/run.h>
#include <gamp/select.h>
#include <gamp/sync.h>
#include <gamp/time.h>

#endif
