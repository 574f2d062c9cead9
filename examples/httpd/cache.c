/* SPDX-License-Identifier: BSD-3-Clause */
/* cache: see cache.h. */
#include "cache.h"

#include <stdlib.h>
#include <unistd.h>

#include "head.h"

/* A change within so long before the look at the file may be followed by one with the same time
 * stamp: the kernel's clock ticks each 10 ms at the slowest, and file systems that keep whole
 * seconds, of up to two, show it by their nanoseconds. */
#define TICK_NS 20000000
#define COARSE_SECONDS 3

static uint64_t hash_of(struct text path)
{
    uint64_t h = 0x9e3779b97f4a7c15u ^ path.n;
    for (size_t i = 0; i < path.n; i++)
        h = (h ^ (unsigned char)path.p[i]) * 0x100000001b3u;
    return h ^ h >> 29;
}

static struct cache_shard *shard_of(struct cache *c, uint64_t hash)
{
    return &c->shards[hash >> 32 & (CACHE_SHARDS - 1)];
}

void cached_unref(struct cached *c)
{
    if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
        free(c);
}

static size_t cost(const struct cached *c)
{
    return sizeof *c + c->head.n + c->body.n + c->path.n + 1;
}

/* The list by use, newest first. The shard's lock is held, as in all that follow. */
static void use_unlink(struct cache_shard *s, struct cached *c)
{
    if (c == s->newest)
        s->newest = c->older;
    else
        c->newer->older = c->older;
    if (c == s->oldest)
        s->oldest = c->newer;
    else
        c->older->newer = c->newer;
}

static void use_first(struct cache_shard *s, struct cached *c)
{
    c->newer = NULL;
    c->older = s->newest;
    if (s->newest)
        s->newest->newer = c;
    else
        s->oldest = c;
    s->newest = c;
}

static struct cached *find(const struct cache_shard *s, uint64_t hash, struct text path)
{
    struct cached *c = s->buckets[hash & (CACHE_BUCKETS - 1)];
    while (c && (c->hash != hash || !text_eq(c->path, path)))
        c = c->next;
    return c;
}

/* Takes c, which is in it, out of the shard, and its reference with it. */
static void take_out(struct cache_shard *s, struct cached *c)
{
    struct cached **at = &s->buckets[c->hash & (CACHE_BUCKETS - 1)];
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    use_unlink(s, c);
    s->bytes -= cost(c);
    cached_unref(c);
}

static void insert(struct cache *cache, struct cached *c)
{
    struct cache_shard *s = shard_of(cache, c->hash);
    gamp_mutex_lock(&s->lock);
    struct cached *old = find(s, c->hash, c->path);
    if (old)
        take_out(s, old);
    while (s->oldest && s->bytes + cost(c) > CACHE_SHARD_BYTES)
        take_out(s, s->oldest);
    struct cached **bucket = &s->buckets[c->hash & (CACHE_BUCKETS - 1)];
    c->next = *bucket;
    *bucket = c;
    use_first(s, c);
    s->bytes += cost(c);
    cached_ref(c);
    gamp_mutex_unlock(&s->lock);
}

static struct cached *lookup(struct cache_shard *s, uint64_t hash, struct text path)
{
    gamp_mutex_lock(&s->lock);
    struct cached *c = find(s, hash, path);
    if (c) {
        cached_ref(c);
        if (s->newest != c) {
            use_unlink(s, c);
            use_first(s, c);
        }
    }
    gamp_mutex_unlock(&s->lock);
    return c;
}

struct cached *cache_find(struct cache *cache, const struct root *root, struct text path)
{
    uint64_t hash = hash_of(path);
    struct cache_shard *s = shard_of(cache, hash);
    struct cached *c = lookup(s, hash, path);
    struct stat st;
    struct version v;
    if (!c)
        return NULL;
    if (root_stat(root, path.p, &st) == 0) {
        version_of(&st, &v);
        if (version_equal(&v, &c->version))
            return c;
    }
    gamp_mutex_lock(&s->lock);
    if (find(s, hash, path) == c)
        take_out(s, c);
    gamp_mutex_unlock(&s->lock);
    cached_unref(c);
    return NULL;
}

/* Is a change after `now` certain to show in the version? */
static bool settled(const struct version *v, struct timespec now)
{
    int64_t age =
        (int64_t)(now.tv_sec - v->changed.tv_sec) * 1000000000 + now.tv_nsec - v->changed.tv_nsec;
    return age > (v->changed.tv_nsec ? TICK_NS : COARSE_SECONDS * INT64_C(1000000000));
}

static struct cached *cached_new(struct text path, const struct version *v, time_t now)
{
    char head[HEAD_ROOM];
    struct entity e;
    entity_of(v, path, now, &e);
    size_t head_len = (size_t)(head_whole(head, &e) - head);
    struct cached *c = malloc(sizeof *c + head_len + e.size + path.n + 1);
    if (!c)
        return NULL;
    atomic_init(&c->refs, 1);
    c->hash = hash_of(path);
    c->version = *v;
    c->entity = e;
    c->head = (struct text){c->bytes, head_len};
    c->body = (struct text){c->bytes + head_len, e.size};
    c->path = (struct text){c->body.p + e.size, path.n};
    memcpy(c->bytes, head, head_len);
    memcpy(c->bytes + head_len + e.size, path.p, path.n + 1);
    return c;
}

struct cached *cache_load(struct cache *cache, struct text path, int fd, const struct stat *before,
                          struct timespec now)
{
    struct version v, after;
    struct stat st;
    version_of(before, &v);
    struct cached *c = cached_new(path, &v, now.tv_sec);
    if (!c)
        return NULL;
    size_t got = 0;
    ssize_t n = 1;
    while (got < c->body.n && n > 0) {
        n = pread(fd, (char *)c->body.p + got, c->body.n - got, (off_t)got);
        got += n > 0 ? (size_t)n : 0;
    }
    if (got == c->body.n && fstat(fd, &st) == 0) {
        version_of(&st, &after);
        if (version_equal(&v, &after)) {
            if (settled(&v, now) && c->entity.dated)
                insert(cache, c);
            return c;
        }
    }
    cached_unref(c);
    return NULL;
}

void cache_clear(struct cache *cache)
{
    for (unsigned i = 0; i < CACHE_SHARDS; i++) {
        for (struct cached *c = cache->shards[i].newest, *older; c; c = older) {
            older = c->older;
            cached_unref(c);
        }
    }
    memset(cache, 0, sizeof *cache);
}
