/* SPDX-License-Identifier: BSD-3-Clause */
/* osignal: signals on channels.
 *
 *   kernel -> handler: pending |= signal; writes the eventfd
 *          -> the goroutine that waits on that: takes what is pending, sends it on each channel
 *          that wants it
 *
 * The handler may have interrupted anything, so it does these two things only. A signal that comes
 * again before it was delivered is one, as in Go. The goroutine lives while channels are
 * registered.
 *
 * A handler that the program had installed goes on being called, on the thread that got the
 * signal, before anything else. When the last channel stops, what was there before is put back.
 * After the runtime's end nobody would deliver: a signal then does what it did before the first
 * notify.
 *
 * Everything but `pending` and `wanted` is guarded by signals.lock (LOCK_SIGNAL). */
#ifndef GAMP_STD_OSIGNAL_H
#define GAMP_STD_OSIGNAL_H

#include "base/compiler.h"

struct gamp_chan;

/* As the public functions; c is a channel of ints. Outside the runtime. */
int osignal_notify(struct gamp_chan *c, const int *sigs, size_t n);
int osignal_stop(struct gamp_chan *c);

#endif
