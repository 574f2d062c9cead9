/* SPDX-License-Identifier: BSD-3-Clause */
/* map: see map.h. This file is about one shard's list and table; mapmem.c makes and frees. */
#include "sync/map.h"
#include "base/race.h"
#include "base/throw.h"
#include "sync/grace.h"
#include "sync/maphash.h"
#include <errno.h>

enum {
    LOAD = 2,       /* keys a bucket, above which the table doubles */
    DEAD_MANY = 32, /* of a shard, at which it is tried to free some */
    LINK_AHEAD = 2, /* buckets put into the list with each key that is stored */
};

struct maplink map_end = {.next = &map_end, .pos = UINT64_MAX};

/* ---- the list ---- */

static struct maplink *bucket(const struct maptable *t, uint64_t b)
{
    int top;

    if (b < MAP_FIRST)
        return &t->segs[0][b];
    top = 63 - __builtin_clzll(b);
    return &t->segs[top - MAP_FIRST_BITS + 1][b - ((uint64_t)1 << top)];
}

/* Seqcst: see grace.h. */
static struct maplink *next_of(const struct maplink *l)
{
    return load_seqcst(&l->next);
}

/* The bucket where a key of the position is to be looked for, or one that it was split from. */
static struct maplink *bucket_for(const struct maptable *t, uint64_t pos)
{
    uint64_t b = bits_reverse(pos & ~(uint64_t)1) & (((uint64_t)1 << t->bits) - 1);

    for (;;) {
        struct maplink *l = bucket(t, b);

        if (next_of(l))
            return l;
        b &= ~((uint64_t)1 << (63 - __builtin_clzll(b)));
    }
}

/* How the key compares with a link of the list. */
static int compare(uint64_t pos, const void *key, size_t len, struct maplink *l)
{
    struct mapnode *n;

    if (pos != l->pos)
        return pos < l->pos ? -1 : 1;
    n = mapnode_of(l);
    if (len != n->len)
        return len < n->len ? -1 : 1;
    return key_compare(key, n->key, len);
}

/* The first link that is not before the key; *before is the one that leads to it. *found: it is
 * the key's. */
static struct maplink *seek(struct maplink *from, uint64_t pos, const void *key, size_t len,
                            struct maplink **before, bool *found)
{
    struct maplink *l;
    int c = 1;

    for (;;) {
        l = next_of(from);
        c = compare(pos, key, len, l);
        if (c <= 0)
            break;
        from = l;
    }
    *before = from;
    *found = c == 0;
    return l;
}

/* NULL: it is not there. Under the shard's lock or in a reader's section. */
static struct mapnode *find(struct maptable *t, const struct mapkey *k, struct maplink **before)
{
    bool found;
    struct maplink *l =
        seek(bucket_for(t, k->pos), k->pos, k->bytes.ptr, k->bytes.len, before, &found);

    return found ? mapnode_of(l) : NULL;
}

bool map_load(const struct mapkey *k, void **value)
{
    uint32_t *counter = grace_enter();
    struct maptable *t = load_seqcst(&k->shard->table);
    struct maplink *before;
    struct mapnode *n = t ? find(t, k, &before) : NULL;

    if (n) {
        *value = load_acquire(&n->value);
        race_acquire(&n->value);
    } else {
        race_acquire(k->shard);
    }
    grace_leave(counter);
    return n != NULL;
}

/* ---- writers; the shard's lock is held ---- */

/* Puts the bucket into the list. */
static void link_bucket(struct maptable *t, uint64_t b)
{
    struct maplink *l = bucket(t, b), *before;
    uint64_t pos = bits_reverse(b);

    if (l->next)
        return;
    l->pos = pos;
    before = bucket_for(t, pos);
    while (before->next->pos < pos)
        before = before->next;
    /* Release: from here on readers begin at it, by way of the table, though the list does not
     * lead to it. */
    store_release(&l->next, before->next);
    store_release(&before->next, l);
}

static void link_ahead(struct mapshard *s, struct maptable *t)
{
    for (int i = 0; i < LINK_AHEAD && s->linked < (uint64_t)1 << t->bits; i++)
        link_bucket(t, s->linked++);
}

static void bury(struct mapshard *s, struct mapdead *d)
{
    /* For who frees it: after all that was done to it under the lock. */
    race_acquire(s);
    race_release(d);
    d->next = NULL;
    d->ticket = s->ticket = grace_ticket();
    *s->dead_end = d;
    s->dead_end = &d->next;
    s->ndead++;
}

/* Takes from the shard's dead those whose time has come. */
static void exhume(struct mapshard *s, struct mapmem *mem)
{
    struct mapdead **link = &s->dead, *d;

    if (s->ndead < DEAD_MANY)
        return;
    /* For the youngest: the oldest may be one that is long over, but pinned. */
    grace_poll(s->ticket);
    while ((d = *link) != NULL && grace_over(d->ticket)) {
        /* Relaxed: pinned in a section that is over by the grace period. Acquire pairs with the
         * last unpin. */
        if (load_acquire(&d->pins) != 0) {
            link = &d->next;
            continue;
        }
        *link = d->next;
        s->ndead--;
        d->next = mem->dead;
        mem->dead = d;
    }
    if (!*link)
        s->dead_end = link;
}

int map_set(const struct mapkey *k, void *value, bool replace, struct mapmem *mem, void **previous)
{
    struct mapshard *s = k->shard;
    struct maplink *before;
    struct mapnode *n;
    struct maptable *t;
    int was = 1;

    lock(&s->lock);
    t = s->table;
    if (!t && mem->table) {
        t = mem->table;
        mem->table = NULL;
        s->linked = 1;
        race_release(s);
        store_release(&s->table, t);
    }
    mem->bits = t ? 0 : MAP_FIRST_BITS;
    n = t ? find(t, k, &before) : NULL;
    if (n) {
        *previous = n->value;
        race_acquire(&n->value);
        if (replace) {
            race_release(&n->value);
            store_release(&n->value, value);
        }
    } else if (!t || !mem->node) {
        was = -EAGAIN;
    } else {
        n = mem->node;
        mem->node = NULL;
        n->value = value;
        n->link = (struct maplink){.next = before->next, .pos = k->pos};
        race_release(&n->value);
        store_release(&before->next, &n->link);
        link_ahead(s, t);
        if (++s->count > (uint64_t)LOAD << t->bits && t->bits < MAP_BITS_MAX)
            mem->bits = t->bits + 1;
        exhume(s, mem);
        was = 0;
    }
    unlock(&s->lock);
    return was;
}

void map_grow(const struct mapkey *k, struct mapmem *mem)
{
    struct mapshard *s = k->shard;
    struct maptable *t, *new = mem->table;

    lock(&s->lock);
    t = s->table;
    if (new->bits == t->bits + 1) {
        for (uint32_t i = 0; i < map_segments(t->bits); i++)
            new->segs[i] = t->segs[i];
        store_release(&s->table, new);
        mem->table = NULL;
        bury(s, &t->dead);
        race_release(s);
    }
    unlock(&s->lock);
}

bool map_delete(const struct mapkey *k, void **value, struct mapmem *mem)
{
    struct mapshard *s = k->shard;
    struct maplink *before;
    struct mapnode *n = NULL;

    lock(&s->lock);
    if (s->table)
        n = find(s->table, k, &before);
    if (n) {
        *value = n->value;
        race_acquire(&n->value);
        race_release(s);
        store_release(&n->dead.removed, 1);
        /* Its own link stays, for those who stand on it. */
        store_release(&before->next, n->link.next);
        s->count--;
        bury(s, &n->dead);
        exhume(s, mem);
    }
    unlock(&s->lock);
    return n != NULL;
}

bool map_compare_and_swap(const struct mapkey *k, void *old, void *value)
{
    struct mapshard *s = k->shard;
    struct maplink *before;
    struct mapnode *n = NULL;

    lock(&s->lock);
    if (s->table)
        n = find(s->table, k, &before);
    if (n) {
        race_acquire(&n->value);
        if (n->value == old) {
            race_release(&n->value);
            store_release(&n->value, value);
        } else {
            n = NULL;
        }
    }
    unlock(&s->lock);
    return n != NULL;
}

/* ---- walking ---- */

struct mapnode *map_next(struct mapshard *s, struct mapnode *from)
{
    uint32_t *counter = grace_enter();
    struct maptable *t = load_seqcst(&s->table);
    struct mapnode *n = NULL;
    struct maplink *l = &map_end, *before;
    bool found;

    if (t && !from) {
        l = next_of(bucket(t, 0));
    } else if (t && !load_seqcst(&from->dead.removed)) {
        /* It may be removed now; its link was right at a moment of this section. */
        l = next_of(&from->link);
    } else if (t) {
        l = seek(bucket_for(t, from->link.pos), from->link.pos, from->key, from->len, &before,
                 &found);
        /* The same key may have come again: it was had. */
        if (found)
            l = next_of(l);
    }
    while (!(l->pos & 1))
        l = next_of(l);
    if (l != &map_end) {
        n = mapnode_of(l);
        fetch_add_relaxed(&n->dead.pins, 1);
        race_acquire(&n->value);
    }
    grace_leave(counter);
    return n;
}

void map_unpin(struct mapnode *n)
{
    race_release(&n->dead);
    fetch_add_release(&n->dead.pins, (uint32_t)-1);
}
