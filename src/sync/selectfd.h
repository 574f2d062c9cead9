/* SPDX-License-Identifier: BSD-3-Clause */
/* selectfd: the descriptors of a select. Readiness is level: the kernel is asked, before anything
 * is armed, and again after, when an edge can no longer be missed. Nothing here holds a channel's
 * lock. */
#ifndef GAMP_SYNC_SELECTFD_H
#define GAMP_SYNC_SELECTFD_H

#include "sync/select.h"

void selectfd_look(struct selector *s);
/* From here on a descriptor may claim the wait of the ticket; s->gate keeps it from readying a
 * goroutine that has not parked. Looks again. */
void selectfd_arm(struct selector *s, uint32_t ticket);
/* After it nobody knows of s any more. */
void selectfd_disarm(struct selector *s);

#endif
