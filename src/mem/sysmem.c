/* SPDX-License-Identifier: BSD-3-Clause */
#include "mem/sysmem.h"
#include "lock/mutex.h"
#include "os/linux/vm.h"

enum { CHUNK = 1 << 20 };

static struct {
    struct mutex lock;
    char *at, *end;
    uint64_t bytes; /* atomic */
} persistent = {.lock = MUTEX_INIT(LOCK_MEM)};

static void *carve(size_t n)
{
    char *p = persistent.at;

    if ((size_t)(persistent.end - p) < n) {
        p = vm_map(CHUNK);
        if (!p)
            return NULL;
        persistent.end = p + CHUNK;
        fetch_add_relaxed(&persistent.bytes, CHUNK);
    }
    persistent.at = p + n;
    return p;
}

void *persistentalloc(size_t n)
{
    void *p;

    n = (n + 63) & ~(size_t)63;
    if (n >= CHUNK / 4) {
        p = vm_map((n + PAGE - 1) & ~(size_t)(PAGE - 1));
        if (p)
            fetch_add_relaxed(&persistent.bytes, n);
        return p;
    }
    lock(&persistent.lock);
    p = carve(n);
    unlock(&persistent.lock);
    return p;
}

void persistent_after_fork(void)
{
    mutex_init(&persistent.lock, LOCK_MEM);
    persistent.at = persistent.end = NULL;
}

uint64_t persistent_bytes(void)
{
    return load_relaxed(&persistent.bytes);
}
