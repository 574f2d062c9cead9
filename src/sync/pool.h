/* SPDX-License-Identifier: BSD-3-Clause */
/* pool: objects kept for reuse. Go's sync.Pool, but it forgets nothing: there is no collector to
 * give the memory back, and what was put has an owner's free function.
 *
 *   local ->  shelf of P 0    one      the last object put, for the next get: one exchange
 *             shelf of P 1    chunks   the others, a stack of arrays, under the shelf's lock
 *             ...
 *             shelf of those without a P
 *
 * A P has the shelf of its number, modulo their count, which is fixed at the first use; nothing
 * depends on it but speed: every shelf may be used by anyone, so a change of the number of Ps
 * loses nothing. get looks at its own shelf, then at all others.
 *
 * Chunks are memory of malloc, had and freed outside the runtime; so put enters with a chunk in
 * hand when the first try has found none with room. */
#ifndef GAMP_SYNC_POOL_H
#define GAMP_SYNC_POOL_H

#include "lock/mutex.h"
#include <gamp/sync.h>

enum { POOL_CHUNK = 62 };

struct poolchunk {
    struct poolchunk *next;
    uint64_t n;
    void *items[POOL_CHUNK];
};

struct poolshelf {
    void *one;                /* atomic */
    struct mutex lock;        /* LOCK_LEAF; guards the rest */
    uint32_t nchunks;         /* with something in them; atomic for readers */
    struct poolchunk *chunks; /* the first has room, or is NULL; those behind it are full */
    struct poolchunk *spare;  /* empty ones */
} cacheline_aligned;

struct poollocal {
    uint32_t n; /* shelves of Ps; one more follows */
    struct poolshelf shelf[];
};

/* What a gamp_pool is inside. */
struct gpool {
    struct poollocal *local; /* atomic; made by the first put */
    void *(*new_fn)(void);
    void (*free_fn)(void *);
};
_Static_assert(sizeof(struct gpool) <= sizeof(gamp_pool), "the public struct has room");

/* Outside the runtime. NULL: out of memory. */
struct poollocal *pool_local(struct gpool *p);
/* Inside. *chunk is an empty chunk in hand, or NULL; it is taken when it is needed. false: it
 * would be needed and there is none. */
bool pool_put(struct poollocal *l, void *x, struct poolchunk **chunk);
void *pool_get(struct poollocal *l);
/* Outside, nobody else uses it: frees l, and what is in it by free_fn unless that is NULL. */
void pool_dispose(struct poollocal *l, void (*free_fn)(void *));

#endif
