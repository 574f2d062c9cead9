/* SPDX-License-Identifier: BSD-3-Clause */
/* mlife: the life of Ms: made by the template thread, started, stopped, handed Ps, ended. */
#ifndef GAMP_SCHED_MLIFE_H
#define GAMP_SCHED_MLIFE_H

#include "sched/p.h"
#include "sched/m.h"

/* With sched.lock held. */
void mput(struct m *m);
struct m *mget(void);
void pidleput(struct p *pp);
struct p *pidleget(void);

/* With sched.lock held: the M sleeps in the preemption handler no more. */
void unpin(struct m *m);

void acquirep(struct m *m, struct p *pp);
struct p *releasep(struct m *m);

/* Runs pp (NULL: any idle one) on an idle M, or has one made. spinning: the caller counted it in
 * nmspinning. */
void startm(struct p *pp, bool spinning);
/* pp comes from an M that blocks: to another M when there is work, to the idle list else. */
void handoffp(struct p *pp);
/* The M sleeps until startm or the like gives it a P. It has none now. */
void stopm(struct m *m);
/* For a world that stops: gives its P and sleeps. */
void gcstopm(struct m *m);
/* M with a locked goroutine sleeps until that one is to run; M that got a goroutine bound to
 * another M hands its P there. */
void stoplockedm(struct m *m);
void startboundm(struct m *m, struct g *gp);

/* Once a second, by sysmon: ends Ms that were idle all the time. */
void m_retire(void);
bool m_surplus(void); /* a hint: there may be something to retire */

/* Makes Ms when asked, on a thread that no goroutine can hold up. */
int template_start(void);
void template_wake(void);

#endif
