/* SPDX-License-Identifier: BSD-3-Clause */
/* futex: sleeping on a word of memory, private to the process. */
#ifndef GAMP_OS_FUTEX_H
#define GAMP_OS_FUTEX_H

#include "base/compiler.h"

/* Sleeps while *addr == val, until the point until on the monotonic clock (NEVER: no limit).
 * 0 woken (also without a wake), -EAGAIN the value differs, -EINTR, -ETIMEDOUT. */
int futex_wait(const uint32_t *addr, uint32_t val, int64_t until);
/* At most n; answers how many were woken. */
int futex_wake(const uint32_t *addr, int n);

#endif
