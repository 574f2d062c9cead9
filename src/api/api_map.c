/* SPDX-License-Identifier: BSD-3-Clause */
/* api_map: the door of gamp_map in gamp/sync.h. What needs memory is tried first, leaves the
 * runtime to get it, and is tried again: meanwhile another may have stored the key. */
#include "api/api_map.h"
#include "sched/entry.h"
#include "sync/mapmem.h"
#include <errno.h>
#include <gamp/panic.h>

gamp_map *gamp_map_new(void)
{
    return map_new();
}

void gamp_map_free(gamp_map *m)
{
    if (m)
        map_free(m);
}

static bool load(const struct mapkey *k, void **value)
{
    bool there;

    gamp_enter();
    there = map_load(k, value);
    gamp_leave();
    return there;
}

bool gamp_map_load(gamp_map *m, gamp_bytes key, void **value)
{
    struct mapkey k = map_key(m, key);
    void *found;

    if (!load(&k, &found))
        return false;
    if (value)
        *value = found;
    return true;
}

/* Without memory for a larger table the map is slower, and asks again. */
static void grow(const struct mapkey *k, uint32_t bits)
{
    struct mapmem mem = {.bits = bits};

    if (mapmem_table(&mem) < 0)
        return;
    gamp_enter();
    map_grow(k, &mem);
    gamp_leave();
    mapmem_put(&mem);
}

static int set(const struct mapkey *k, void *value, bool replace, void **previous)
{
    struct mapmem mem = {0};
    uint32_t bits;
    int was;

    for (;;) {
        gamp_enter();
        was = map_set(k, value, replace, &mem, previous);
        gamp_leave();
        if (was != -EAGAIN)
            break;
        if (mapmem_node(&mem, k) < 0 || (mem.bits && mapmem_table(&mem) < 0)) {
            was = -ENOMEM;
            break;
        }
    }
    bits = mem.bits;
    mapmem_put(&mem);
    if (was == 0 && bits)
        grow(k, bits);
    return was;
}

int gamp_map_store(gamp_map *m, gamp_bytes key, void *value)
{
    int was = gamp_map_swap(m, key, value, NULL);

    return was < 0 ? was : 0;
}

int gamp_map_swap(gamp_map *m, gamp_bytes key, void *value, void **previous)
{
    struct mapkey k = map_key(m, key);
    void *found = NULL;
    int was = set(&k, value, true, &found);

    if (was >= 0 && previous)
        *previous = found;
    return was;
}

int gamp_map_load_or_store(gamp_map *m, gamp_bytes key, void *value, void **actual)
{
    struct mapkey k = map_key(m, key);
    void *found = value;
    int was = load(&k, &found) ? 1 : set(&k, value, false, &found);

    if (was >= 0 && actual)
        *actual = found;
    return was;
}

bool gamp_map_load_and_delete(gamp_map *m, gamp_bytes key, void **value)
{
    struct mapkey k = map_key(m, key);
    struct mapmem mem = {0};
    void *found;
    bool there;

    /* Most of those that are not there need no lock. */
    if (!load(&k, &found))
        return false;
    gamp_enter();
    there = map_delete(&k, &found, &mem);
    gamp_leave();
    mapmem_put(&mem);
    if (there && value)
        *value = found;
    return there;
}

bool gamp_map_delete(gamp_map *m, gamp_bytes key)
{
    return gamp_map_load_and_delete(m, key, NULL);
}

bool gamp_map_compare_and_swap(gamp_map *m, gamp_bytes key, void *old_value, void *new_value)
{
    struct mapkey k = map_key(m, key);
    bool swapped;

    gamp_enter();
    swapped = map_compare_and_swap(&k, old_value, new_value);
    gamp_leave();
    return swapped;
}

/* A walk holds one pin at a time, given back however fn ends. */
struct walk {
    struct mapnode *at;
};

static void walk_end(struct walk *w)
{
    if (!w->at)
        return;
    gamp_enter();
    map_unpin(w->at);
    gamp_leave();
}

static bool walk_next(struct walk *w, struct mapshard *s)
{
    struct mapnode *from = w->at;

    gamp_enter();
    w->at = map_next(s, from);
    if (from)
        map_unpin(from);
    gamp_leave();
    return w->at != NULL;
}

void gamp_map_range(gamp_map *m, bool (*fn)(gamp_bytes key, void *value, void *arg), void *arg)
{
    struct walk w = {NULL};

    gamp_defer(walk_end, &w);
    for (int i = 0; i < MAP_SHARDS; i++)
        while (walk_next(&w, &m->shard[i])) {
            gamp_bytes key = {w.at->key, w.at->len};

            if (!fn(key, load_acquire(&w.at->value), arg))
                return;
        }
}
