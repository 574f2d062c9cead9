/* SPDX-License-Identifier: BSD-3-Clause */
/* throw: the end of the process for a broken invariant of the runtime itself ("fatal error: "),
 * as Go's throw. A mistake of the program's is a panic instead (sched/panic.h). */
#ifndef GAMP_BASE_THROW_H
#define GAMP_BASE_THROW_H

#include "base/compiler.h"

_Noreturn void throw(const char *format, ...) printf_like(1, 2) cold_path;

#define invariant(cond)                                                                            \
    do {                                                                                           \
        if (unlikely(!(cond)))                                                                     \
            throw("%s:%d: broken invariant: %s", __FILE__, __LINE__, #cond);                       \
    } while (0)

#ifdef GAMP_DEBUG
#define debug_invariant(cond) invariant(cond)
#else
#define debug_invariant(cond) ((void)sizeof(!(cond)))
#endif

#endif
