/* SPDX-License-Identifier: BSD-3-Clause */
/* cpu: chooses the architecture's own header. Each gives: getg, setg (the thread's current g),
 * thism, setthism (the thread's m: the same while it is attached), cpu_pause, cpu_ticks (a cheap
 * monotonic-enough counter), cpu_sp, and ARCH_* constants of the stack frame that switch.S
 * builds. */
#ifndef GAMP_ARCH_CPU_H
#define GAMP_ARCH_CPU_H

#if defined(__x86_64__)
#include "arch/amd64/cpu_amd64.h"
#elif defined(__aarch64__)
#include "arch/arm64/cpu_arm64.h"
#else
#error "gamp knows amd64 and arm64"
#endif

#endif
