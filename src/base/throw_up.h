/* SPDX-License-Identifier: BSD-3-Clause */
/* throw_up: what throw calls on a higher floor; src/sched/fatal.c defines it. Prints the
 * goroutines' stacks as GAMPTRACEBACK asks and ends the process with the status. */
#ifndef GAMP_BASE_THROW_UP_H
#define GAMP_BASE_THROW_UP_H

#include "base/compiler.h"

_Noreturn void throw_report(const char *message);

#endif
