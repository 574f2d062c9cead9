/* SPDX-License-Identifier: BSD-3-Clause */
/* entity: see entity.h. */
#include "entity.h"

#include "mime.h"

void version_of(const struct stat *st, struct version *v)
{
    v->dev = st->st_dev;
    v->ino = st->st_ino;
    v->size = st->st_size;
    v->modified = st->st_mtim;
    v->changed = st->st_ctim;
}

static bool time_equal(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool version_equal(const struct version *a, const struct version *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           time_equal(a->modified, b->modified) && time_equal(a->changed, b->changed);
}

static size_t hex(char *out, uint64_t v)
{
    size_t n = v ? (67 - (size_t)__builtin_clzll(v)) / 4 : 1;
    for (size_t i = n; i-- > 0; v >>= 4)
        out[i] = "0123456789abcdef"[v & 15];
    return n;
}

void entity_of(const struct version *v, struct text path, time_t now, struct entity *e)
{
    char *p = e->etag;
    e->type = mime_type(path);
    e->size = (uint64_t)v->size;
    e->modified = v->modified.tv_sec;
    e->dated = v->modified.tv_sec <= now;
    *p++ = '"';
    p += hex(p, (uint64_t)v->ino);
    *p++ = '-';
    p += hex(p, (uint64_t)v->size);
    *p++ = '-';
    p += hex(p, (uint64_t)v->modified.tv_sec * 1000000000u + (uint64_t)v->modified.tv_nsec);
    *p++ = '"';
    e->etag_len = (uint8_t)(p - e->etag);
}

struct validators entity_validators(const struct entity *e)
{
    return (struct validators){
        .etag = {e->etag, e->etag_len}, .dated = e->dated, .modified = e->modified};
}
