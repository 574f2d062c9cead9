/* SPDX-License-Identifier: BSD-3-Clause */
/* direct: what park.c, gostart.c and proc.c share: who runs next on this M. */
#ifndef GAMP_SCHED_DIRECT_H
#define GAMP_SCHED_DIRECT_H

#include "sched/p.h"
#include "sched/m.h"

/* A goroutine of the local queue that may run at once, or NULL: the scheduler must look. */
struct g *direct_next(struct m *m, bool *inherit);
void run_prepare(struct m *m, struct g *gp, bool inherit);
void cxa_clear(struct m *m);
void ready_on(struct p *pp, struct g *gp, bool next);

void gosched_global(void);
/* Ways to leave that only the runtime itself uses. */
void gopreempt(struct g *gp);    /* to the end of the hogs */
void park_stray(struct g *gp);   /* has no P: to the global queue */
_Noreturn void park_forever(struct g *gp); /* the program is at its end */

#endif
