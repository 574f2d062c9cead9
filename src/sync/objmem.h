/* SPDX-License-Identifier: BSD-3-Clause */
/* objmem: memory of objects that live longer than a call: channels, a map's nodes. It comes from
 * libc's malloc, so that the program's own tools and allocator see it.
 *
 * Outside the runtime alone: a goroutine that preemption stopped may hold malloc's locks, and
 * waiting for them inside could keep it from ever going on. errno stays as it was. */
#ifndef GAMP_SYNC_OBJMEM_H
#define GAMP_SYNC_OBJMEM_H

#include "base/compiler.h"

void *objmem_alloc(size_t n); /* NULL when there is none */
void *objmem_aligned(size_t align, size_t n);
void objmem_free(void *p);

#endif
