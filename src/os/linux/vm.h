/* SPDX-License-Identifier: BSD-3-Clause */
/* vm: address space and pages. */
#ifndef GAMP_OS_VM_H
#define GAMP_OS_VM_H

#include "base/compiler.h"

#define PAGE 4096u

/* Zeroed pages that count against memory only when touched; NULL when there are none. */
void *vm_map(size_t n);
/* Larger pieces, uncommitted, aligned to align (a power of two), without transparent huge pages. */
void *vm_reserve(size_t n, size_t align);
void vm_unmap(void *p, size_t n);
/* Moves or extends a mapping of vm_map; NULL when it cannot, the old one then stays. */
void *vm_remap(void *p, size_t old, size_t n);
/* Gives the pages back; they read as zeroes afterwards. */
void vm_unused(void *p, size_t n);

/* How guards are made on this machine, found out by trying:
 * GUARD_LIGHT is MADV_GUARD_INSTALL (Linux 6.13), which splits no mapping, GUARD_PROTECT
 * mprotect, which costs two mappings of vm.max_map_count each. */
enum guard_kind { GUARD_UNKNOWN, GUARD_LIGHT, GUARD_PROTECT };
enum guard_kind vm_guard_kind(void);
void vm_guard_force(enum guard_kind kind); /* for tests */
/* Makes any access to the range a fault. 0 or -errno (-ENOMEM: no more mappings). */
int vm_guard(void *p, size_t n);
void vm_unguard(void *p, size_t n);

#endif
