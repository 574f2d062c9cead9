/* SPDX-License-Identifier: BSD-3-Clause */
/* sysmon: the watching thread; its doors are declared in sched/mstart.h. */
#ifndef GAMP_SCHED_SYSMON_H
#define GAMP_SCHED_SYSMON_H

#include "sched/mstart.h"

#endif
