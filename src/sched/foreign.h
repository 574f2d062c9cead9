/* SPDX-License-Identifier: BSD-3-Clause */
/* foreign: threads that the runtime did not make (and the main thread outside gamp_run) get an m
 * and a g of their own at their first call that needs them, and lose them when the thread ends. */
#ifndef GAMP_SCHED_FOREIGN_H
#define GAMP_SCHED_FOREIGN_H

#include "sched/m.h"

/* Throws when there is no memory for the record. */
struct g *foreign_attach(void);
/* The same; NULL when there is none. */
struct g *foreign_try_attach(void);
/* gp is the thread of a forked child that was a goroutine of the parent. */
bool foreign_was_goroutine(const struct g *gp);
/* Once. From then on the child of a fork is a process without a runtime, and its thread a foreign
 * one. */
void foreign_init(void);

#endif
