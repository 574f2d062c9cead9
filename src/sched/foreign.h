/* SPDX-License-Identifier: BSD-3-Clause */
/* foreign: threads that the runtime did not make (and the main thread outside gamp_run) get an m and a g of their
 * own at their first call that needs them, and lose them when the thread ends. */
#ifndef GAMP_SCHED_FOREIGN_H
#define GAMP_SCHED_FOREIGN_H

#include "sched/m.h"

struct g *foreign_attach(void);
void foreign_init(void); /* fork handler; once */
/* In the child of a fork: the runtime is gone, the caller is a foreign thread. */
struct g *entry_forked(void);

#endif
