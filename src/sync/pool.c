/* SPDX-License-Identifier: BSD-3-Clause */
/* pool: see pool.h. */
#include "sync/pool.h"
#include "base/race.h"
#include "sched/schedt.h"
#include "sync/objmem.h"
#include <string.h>

struct poollocal *pool_local(struct gpool *p)
{
    /* Acquire pairs with the CAS below. */
    struct poollocal *l = load_acquire(&p->local), *made;
    uint32_t n = (uint32_t)MAX(load_relaxed(&gomaxprocs), ncpu);
    size_t bytes;

    if (l)
        return l;
    n = MAX(n, 1);
    bytes = sizeof *l + (n + 1) * sizeof l->shelf[0];
    made = objmem_aligned(_Alignof(struct poollocal), bytes);
    if (!made)
        return NULL;
    memset(made, 0, bytes);
    made->n = n;
    for (uint32_t i = 0; i <= n; i++)
        mutex_init(&made->shelf[i].lock, LOCK_LEAF);
    if (cas_acqrel(&p->local, NULL, made))
        return made;
    objmem_free(made);
    return load_acquire(&p->local);
}

static struct poolshelf *own_shelf(struct poollocal *l)
{
    struct p *pp = getm()->p;

    return &l->shelf[pp ? (uint32_t)pp->id % l->n : l->n];
}

bool pool_put(struct poollocal *l, void *x, struct poolchunk **chunk)
{
    struct poolshelf *s = own_shelf(l);
    struct poolchunk *c;

    race_release(x);
    /* Release pairs with the exchange of get. */
    if (load_relaxed(&s->one) == NULL && cas_release(&s->one, NULL, x))
        return true;
    lock(&s->lock);
    c = s->chunks;
    if (!c || c->n == POOL_CHUNK) {
        c = s->spare;
        if (c)
            s->spare = c->next;
        else if ((c = *chunk) != NULL)
            *chunk = NULL;
        else {
            unlock(&s->lock);
            return false;
        }
        c->n = 0;
        c->next = s->chunks;
        s->chunks = c;
        store_relaxed(&s->nchunks, s->nchunks + 1);
    }
    c->items[c->n++] = x;
    unlock(&s->lock);
    return true;
}

static void *take(struct poolshelf *s)
{
    struct poolchunk *c;
    void *x = NULL;

    /* Relaxed: what is seen too late is found by the next get. */
    if (load_relaxed(&s->one) != NULL && (x = xchg_acquire(&s->one, NULL)) != NULL)
        return x;
    if (load_relaxed(&s->nchunks) == 0)
        return NULL;
    lock(&s->lock);
    c = s->chunks;
    if (c) {
        x = c->items[--c->n];
        if (c->n == 0) {
            s->chunks = c->next;
            store_relaxed(&s->nchunks, s->nchunks - 1);
            c->next = s->spare;
            s->spare = c;
        }
    }
    unlock(&s->lock);
    return x;
}

void *pool_get(struct poollocal *l)
{
    struct poolshelf *own = own_shelf(l);
    void *x = take(own);
    uint32_t at = (uint32_t)(own - l->shelf);

    for (uint32_t i = 0; !x && i < l->n; i++) {
        at = at == l->n ? 0 : at + 1;
        x = take(&l->shelf[at]);
    }
    if (x)
        race_acquire(x);
    return x;
}

static void free_chunks(struct poolchunk *c, void (*free_fn)(void *))
{
    while (c) {
        struct poolchunk *next = c->next;

        while (free_fn && c->n > 0) {
            race_acquire(c->items[c->n - 1]);
            free_fn(c->items[--c->n]);
        }
        objmem_free(c);
        c = next;
    }
}

void pool_dispose(struct poollocal *l, void (*free_fn)(void *))
{
    for (uint32_t i = 0; i <= l->n; i++) {
        struct poolshelf *s = &l->shelf[i];

        if (free_fn && s->one) {
            race_acquire(s->one);
            free_fn(s->one);
        }
        free_chunks(s->chunks, free_fn);
        free_chunks(s->spare, NULL);
    }
    objmem_free(l);
}
