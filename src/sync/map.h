/* SPDX-License-Identifier: BSD-3-Clause */
/* map: a hash table from bytes to pointers; reading takes no lock. Go's sync.Map.
 *
 * 64 shards by the low bits of the hash, each with a lock for writers and a table of its own. A
 * shard's keys are one list, ordered by the other bits of the hash, reversed (and by the key where
 * those are equal). The keys of a bucket, for any power of two of buckets, are then next to each
 * other, and a bucket is a link in the list before them:
 *
 *   bucket 0             bucket 2      bucket 1              bucket 3        end
 *     |-> key -> key ----> |-> key ----> |-> key -> key -----> |-> key ---> |
 *
 * To double the buckets no key moves: the new ones are put into the list with keys that are stored.
 * (Shalev and Shavit, Split-Ordered Lists, JACM 2006; here with a lock for writers, which makes
 * removal plain.)
 *
 * Writers: everything under the shard's lock; links, values and the table are atomic for readers. A
 *          bucket's link is NULL until it is in the list; readers then begin at the bucket that it
 *          was split from.
 * Pairs:   release stores of links and tables with readers' loads: what they lead to is filled in.
 * Memory:  what is unlinked is freed after a grace period (sync/grace.h), by writers that come
 *          later. A node that is pinned (gamp_map_range calls the program with it) is kept until it
 *          is not; the pin was set inside a reader's section, so who frees after the grace period
 *          sees it. A node that left the list keeps its own link: whoever stands on it goes on.
 *
 * Functions stand inside the runtime; memory is had and freed outside (sync/mapmem.h). */
#ifndef GAMP_SYNC_MAP_H
#define GAMP_SYNC_MAP_H

#include "base/atomic.h"
#include "lock/mutex.h"
#include <gamp/sync.h>

enum { MAP_SHARDS = 64, MAP_SHARD_BITS = 6, MAP_FIRST = 8, MAP_FIRST_BITS = 3, MAP_BITS_MAX = 40 };

/* What waits for its grace period; at the start of what is freed. */
struct mapdead {
    struct mapdead *next; /* shard's lock */
    uint64_t ticket;
    uint32_t pins;    /* atomic */
    uint32_t removed; /* atomic; it has left the list */
};

struct maplink {
    struct maplink *next; /* atomic */
    uint64_t pos;         /* odd: a key's; even: a bucket's */
};

struct mapnode {
    struct mapdead dead;
    struct maplink link;
    void *value; /* atomic */
    size_t len;
    char key[];
};

/* segs[0] has the first 8 buckets, segs[k] as many as all before it together. Shared by the tables
 * that follow. */
struct maptable {
    struct mapdead dead;
    uint32_t bits; /* 1 << bits buckets */
    struct maplink *segs[];
};

struct mapshard {
    struct mutex lock; /* LOCK_SYNC */
    uint32_t ndead;
    struct maptable *table; /* atomic; NULL: nothing was ever stored */
    uint64_t count;
    uint64_t linked;                  /* buckets below it are in the list */
    uint64_t ticket;                  /* of the last that was unlinked */
    struct mapdead *dead, **dead_end; /* oldest first */
} cacheline_aligned;

/* The end of all lists: no key's position is as high. */
extern struct maplink map_end;

static inline struct mapnode *mapnode_of(struct maplink *l)
{
    return container_of(l, struct mapnode, link);
}

/* How many segments 1 << bits buckets lie in. */
static inline uint32_t map_segments(uint32_t bits)
{
    return bits - MAP_FIRST_BITS + 1;
}

struct gamp_map {
    uint64_t seed;
    struct mapshard shard[MAP_SHARDS];
};

struct mapkey {
    gamp_bytes bytes;
    struct mapshard *shard;
    uint64_t pos;
};

/* Memory in hand, and memory to be freed; from and to sync/mapmem.h. */
struct mapmem {
    struct mapnode *node;
    struct maptable *table;
    struct mapdead *dead;
    uint32_t bits; /* the shard wants a table of 1 << bits buckets; 0: it does not */
};

bool map_load(const struct mapkey *k, void **value);
/* 1: the key was there: *previous is its value, which is now value if replace. 0: it was stored.
 * -EAGAIN: that takes memory: a node, and a table if mem->bits says so; then again. */
int map_set(const struct mapkey *k, void *value, bool replace, struct mapmem *mem, void **previous);
/* Puts the table in hand in place of the shard's, if that is still the one before it. */
void map_grow(const struct mapkey *k, struct mapmem *mem);
bool map_delete(const struct mapkey *k, void **value, struct mapmem *mem);
bool map_compare_and_swap(const struct mapkey *k, void *old, void *value);
/* The key after `from` in the shard, or the first for NULL, pinned; NULL: none is left. */
struct mapnode *map_next(struct mapshard *s, struct mapnode *from);
void map_unpin(struct mapnode *n);

#endif
