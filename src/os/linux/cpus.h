/* SPDX-License-Identifier: BSD-3-Clause */
/* cpus: how many processors the process may use. */
#ifndef GAMP_OS_CPUS_H
#define GAMP_OS_CPUS_H

#include "base/compiler.h"

/* CPUs in the affinity mask, at most what the cgroup's quota pays for (rounded up, at
 * least 2 when the mask has 2, as Go does); at least 1. Reads /proc and /sys by system calls. */
int cpus_available(void);
/* CPUs in the affinity mask alone. */
int cpus_affinity(void);
/* The quota in thousandths of a CPU from the files below root ("" in use), 0: none. For tests. */
int64_t cpus_quota(const char *root);

#endif
