/* SPDX-License-Identifier: BSD-3-Clause */
#include "os/linux/vm.h"
#include "base/atomic.h"
#include "os/linux/sys.h"
#include <errno.h>
#include <sys/mman.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

static uint32_t guard_kind;

static void *map(size_t n, int flags)
{
    long r = sys_call(SYS_mmap, NULL, n, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

    return r < 0 && r > -4096 ? NULL : (void *)r;
}

void *vm_map(size_t n)
{
    return map(n, 0);
}

void *vm_reserve(size_t n, size_t align)
{
    size_t extra = align > PAGE ? align : 0;
    char *p = map(n + extra, MAP_NORESERVE);
    char *at;

    if (!p)
        return NULL;
    at = (char *)(((uintptr_t)p + (align - 1)) & ~(uintptr_t)(align - 1));
    if (at > p)
        vm_unmap(p, (size_t)(at - p));
    if (at + n < p + n + extra)
        vm_unmap(at + n, (size_t)(p + n + extra - (at + n)));
    sys_call(SYS_madvise, at, n, MADV_NOHUGEPAGE);
    return at;
}

void vm_unmap(void *p, size_t n)
{
    sys_call(SYS_munmap, p, n);
}

void *vm_remap(void *p, size_t old, size_t n)
{
    long r = sys_call(SYS_mremap, p, old, n, MREMAP_MAYMOVE);

    return r < 0 && r > -4096 ? NULL : (void *)r;
}

void vm_unused(void *p, size_t n)
{
    sys_call(SYS_madvise, p, n, MADV_DONTNEED);
}

/* qemu-user answers 0 to any madvise and installs nothing, so the effect is what counts: a
 * system call that reads a guarded page fails with EFAULT. */
static enum guard_kind probe(void)
{
    enum guard_kind kind = GUARD_PROTECT;
    char *p = map(PAGE, 0);

    if (!p)
        return kind;
    if (sys_call(SYS_madvise, p, PAGE, MADV_GUARD_INSTALL) == 0) {
        int fds[2];

        if (sys_call(SYS_pipe2, fds, 0) == 0) {
            if (sys_write(fds[1], p, 1) == -EFAULT)
                kind = GUARD_LIGHT;
            sys_close(fds[0]);
            sys_close(fds[1]);
        }
    }
    vm_unmap(p, PAGE);
    return kind;
}

enum guard_kind vm_guard_kind(void)
{
    /* Relaxed: racing probes find the same answer. */
    enum guard_kind kind = load_relaxed(&guard_kind);

    if (kind == GUARD_UNKNOWN) {
        kind = probe();
        store_relaxed(&guard_kind, kind);
    }
    return kind;
}

void vm_guard_force(enum guard_kind kind)
{
    store_relaxed(&guard_kind, kind);
}

int vm_guard(void *p, size_t n)
{
    if (vm_guard_kind() == GUARD_LIGHT)
        return (int)sys_call(SYS_madvise, p, n, MADV_GUARD_INSTALL);
    return (int)sys_call(SYS_mprotect, p, n, PROT_NONE);
}

void vm_unguard(void *p, size_t n)
{
    if (vm_guard_kind() == GUARD_LIGHT)
        sys_call(SYS_madvise, p, n, MADV_GUARD_REMOVE);
    else
        sys_call(SYS_mprotect, p, n, PROT_READ | PROT_WRITE);
}
