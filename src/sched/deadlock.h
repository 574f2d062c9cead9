/* SPDX-License-Identifier: BSD-3-Clause */
/* deadlock: nobody runs and nothing can wake anybody. */
#ifndef GAMP_SCHED_DEADLOCK_H
#define GAMP_SCHED_DEADLOCK_H

/* sched.lock held; called whenever an M goes to sleep. Reports and ends the process when all are
 * asleep. */
void checkdead(void);
/* The same from sysmon, for what changes without an M going to sleep: the end of a foreign
 * thread. */
void checkdead_again(void);

#endif
