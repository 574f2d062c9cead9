/* SPDX-License-Identifier: BSD-3-Clause */
/* cache: small files kept in memory with the head of their answer, so that a request for one costs
 * a stat in place of open, stat, read and close.
 *
 * A kept file is compared with the path's stat at every use: never is an old content served. Two
 * changes within one tick of the file system's clock look alike to stat, so a file is kept only
 * once its last change lies clearly before the moment it was read.
 *
 * Memory is bounded: CACHE_SHARDS * CACHE_SHARD_BYTES for what is kept; what is thrown out lives on
 * while a response refers to it. Each shard has its own lock, list by use and hash table.
 *
 * Rejected: keeping descriptors (they count against the connections'); checking once a second (a
 * client that has just written a file is to get it); inotify (not on every file system). */
#ifndef HTTPD_CACHE_H
#define HTTPD_CACHE_H

#include <stdatomic.h>

#include <gamp.h>

#include "entity.h"
#include "root.h"

enum {
    CACHE_FILE_MAX = 32768,
    CACHE_SHARDS = 16,
    CACHE_SHARD_BYTES = 1 << 20,
    CACHE_BUCKETS = 256,
};

/* A file in memory. Constant from the moment it is shared, but for the links and the count. */
struct cached {
    atomic_uint refs;
    struct cached *next;          /* in its bucket; under the shard's lock, as newer and older */
    struct cached *newer, *older; /* by use */
    uint64_t hash;
    struct version version;
    struct entity entity;
    struct text head; /* of a 200, up to the fields that vary */
    struct text body, path;
    char bytes[]; /* head, body, path, one after the other */
};

struct cache_shard {
    gamp_mutex lock;
    size_t bytes;
    struct cached *newest, *oldest;
    struct cached *buckets[CACHE_BUCKETS];
};

struct cache {
    struct cache_shard shards[CACHE_SHARDS];
};

/* A reference to what is kept for a path, if the file is still as it was; else NULL. The path ends
 * in NUL. */
struct cached *cache_find(struct cache *c, const struct root *root, struct text path);

/* Reads an open file of at most CACHE_FILE_MAX bytes and keeps it if that is safe. A reference, or
 * NULL when it could not be read as one version. `now` is a moment before its stat was taken. */
struct cached *cache_load(struct cache *c, struct text path, int fd, const struct stat *st,
                          struct timespec now);

/* Lets go of all that is kept; not while in use. */
void cache_clear(struct cache *c);

static inline void cached_ref(struct cached *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
}
void cached_unref(struct cached *c);

#endif
