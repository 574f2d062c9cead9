/* SPDX-License-Identifier: BSD-3-Clause */
/* gstack: giving a goroutine its stack, at its first run, and taking it back. */
#ifndef GAMP_SCHED_GSTACK_H
#define GAMP_SCHED_GSTACK_H

#include "sched/p.h"

/* Bytes at a stack's low end that are the runtime's: an entry below them is an overflow. */
#define STACK_RESERVE 2048u

/* Binds gp to a stack of class 0, hot from pp's cache when there is one. Its stack was promised. */
void gbind(struct g *gp, struct p *pp);
/* Binds gp to this slot; start moves to the stack's high end, run takes its place. */
void gbind_slot(struct g *gp, uintptr_t slot, int class);
/* The same for a slot of class 0 on which the caller runs, in gostart's frame, that gp takes over
 * as it is. */
void gbind_running(struct g *gp, struct gx *x);
/* The stack of a dead goroutine back to pp; the promise too. */
void gunbind(struct g *gp, struct p *pp);
uintptr_t gslot(const struct gx *x);
/* All of pp's cached stacks and promises back to the common pool; for a P that goes. */
void stackcache_flush(struct p *pp);
/* What a P's cache may hold is promised once, so that caches never eat up what was promised to
 * goroutines. */
int stackcache_init(struct p *pp);

#endif
