/* SPDX-License-Identifier: BSD-3-Clause */
/* sysmem: memory of the runtime's own that is never given back: records of g, m, p. Carved from
 * large mappings, zeroed, 64-byte aligned. */
#ifndef GAMP_MEM_SYSMEM_H
#define GAMP_MEM_SYSMEM_H

#include "base/compiler.h"

/* NULL when out of memory. */
void *persistentalloc(size_t n);
/* In the child of a fork: another thread of the parent's may have been in here. */
void persistent_after_fork(void);
uint64_t persistent_bytes(void);

#endif
