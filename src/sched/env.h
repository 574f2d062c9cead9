/* SPDX-License-Identifier: BSD-3-Clause */
/* env: GAMPMAXPROCS, GAMPDEBUG and GAMPTRACEBACK. What is malformed is reported on stderr and
 * ignored. */
#ifndef GAMP_SCHED_ENV_H
#define GAMP_SCHED_ENV_H

#include "base/compiler.h"

void goenvs(void);          /* fills debug and what follows */
int32_t env_maxprocs(void); /* GAMPMAXPROCS as it is now, for the time before goenvs; 0: none */
extern int32_t env_procs;   /* GAMPMAXPROCS, 0: not set */

#endif
