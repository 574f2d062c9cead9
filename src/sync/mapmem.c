/* SPDX-License-Identifier: BSD-3-Clause */
/* mapmem: the map's memory: made and freed outside the runtime. See map.h. */
#include "sync/mapmem.h"
#include "base/race.h"
#include "os/linux/clock.h"
#include "os/linux/sys.h"
#include "sync/elem.h"
#include "sync/maphash.h"
#include "sync/objmem.h"
#include <errno.h>

struct gamp_map *map_new(void)
{
    struct gamp_map *m = objmem_aligned(_Alignof(struct gamp_map), sizeof *m);

    if (!m)
        return NULL;
    memset(m, 0, sizeof *m);
    if (sys_call(SYS_getrandom, &m->seed, sizeof m->seed, 0) != (long)sizeof m->seed)
        m->seed = (uint64_t)nanotime() ^ (uintptr_t)m;
    for (int i = 0; i < MAP_SHARDS; i++) {
        mutex_init(&m->shard[i].lock, LOCK_SYNC);
        m->shard[i].dead_end = &m->shard[i].dead;
    }
    return m;
}

static void free_dead(struct mapdead *d)
{
    while (d) {
        struct mapdead *next = d->next;

        race_acquire(d);
        objmem_free(d);
        d = next;
    }
}

void map_free(struct gamp_map *m)
{
    for (int i = 0; i < MAP_SHARDS; i++) {
        struct mapshard *s = &m->shard[i];
        struct maptable *t = s->table;

        free_dead(s->dead);
        if (!t)
            continue;
        for (struct maplink *l = t->segs[0][0].next, *next; l != &map_end; l = next) {
            next = l->next;
            if (l->pos & 1) {
                race_acquire(&mapnode_of(l)->value);
                objmem_free(mapnode_of(l));
            }
        }
        for (uint32_t k = 0; k < map_segments(t->bits); k++)
            objmem_free(t->segs[k]);
        objmem_free(t);
    }
    objmem_free(m);
}

struct mapkey map_key(struct gamp_map *m, gamp_bytes bytes)
{
    uint64_t h = hash_bytes(m->seed, bytes.ptr, bytes.len);

    return (struct mapkey){.bytes = bytes,
                           .shard = &m->shard[h % MAP_SHARDS],
                           .pos = bits_reverse(h >> MAP_SHARD_BITS) | 1};
}

int mapmem_node(struct mapmem *mem, const struct mapkey *k)
{
    size_t bytes;

    if (mem->node)
        return 0;
    if (__builtin_add_overflow(sizeof *mem->node, k->bytes.len, &bytes))
        return -ENOMEM;
    mem->node = objmem_alloc(bytes);
    if (!mem->node)
        return -ENOMEM;
    *mem->node = (struct mapnode){.len = k->bytes.len};
    elem_copy(mem->node->key, k->bytes.ptr, k->bytes.len);
    return 0;
}

int mapmem_table(struct mapmem *mem)
{
    uint32_t last = map_segments(mem->bits) - 1;
    size_t bytes = (last ? (size_t)1 << (mem->bits - 1) : MAP_FIRST) * sizeof(struct maplink);
    struct maptable *t = objmem_alloc(offsetof(struct maptable, segs[last + 1]));

    if (!t)
        return -ENOMEM;
    *t = (struct maptable){.bits = mem->bits};
    t->segs[last] = objmem_alloc(bytes);
    if (!t->segs[last]) {
        objmem_free(t);
        return -ENOMEM;
    }
    memset(t->segs[last], 0, bytes);
    if (last == 0)
        t->segs[0][0].next = &map_end;
    mem->table = t;
    return 0;
}

void mapmem_put(struct mapmem *mem)
{
    if (mem->node)
        objmem_free(mem->node);
    if (mem->table) {
        objmem_free(mem->table->segs[map_segments(mem->table->bits) - 1]);
        objmem_free(mem->table);
    }
    free_dead(mem->dead);
    *mem = (struct mapmem){0};
}
