/* SPDX-License-Identifier: BSD-3-Clause */
/* objmem: see objmem.h. Functions of their own, so that no address of errno outlives one. The
 * barriers tell clang, which takes malloc for a function that leaves errno alone, that it was
 * changed: it would drop the store that puts it back. */
#include "sync/objmem.h"
#include <errno.h>
#include <stdlib.h>

noinline void *objmem_alloc(size_t n)
{
    int saved = errno;
    void *p = malloc(n);

    compiler_barrier();
    errno = saved;
    return p;
}

noinline void *objmem_aligned(size_t align, size_t n)
{
    int saved = errno;
    /* aligned_alloc wants a multiple. */
    void *p = aligned_alloc(align, (n + align - 1) / align * align);

    compiler_barrier();
    errno = saved;
    return p;
}

noinline void objmem_free(void *p)
{
    int saved = errno;

    free(p);
    compiler_barrier();
    errno = saved;
}
