/* SPDX-License-Identifier: BSD-3-Clause */
/* gostart: the first C frame of every goroutine. */
#ifndef GAMP_SCHED_GOSTART_H
#define GAMP_SCHED_GOSTART_H

void gostart(void); /* entered by a switch only; never returns */

#endif
