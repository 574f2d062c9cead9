/* SPDX-License-Identifier: BSD-3-Clause */
/* linear: see linear.h. */
#include "harness/linear.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE = 1 << 16 };

struct queue {
    uint8_t n;
    bool closed;
    uint8_t value[LINEAR_CAP];
};

/* What the rest of the search depends on. Compared as bytes, so all of it is kept defined. */
struct state {
    uint64_t done;
    struct queue q[LINEAR_CHANS];
};

struct search {
    const struct linear_history *h;
    struct state failed[TABLE];
    bool used[TABLE];
    int kept;
};

static int by_begin(const void *a, const void *b)
{
    const struct linear_op *x = a, *y = b;

    return x->begin < y->begin ? -1 : x->begin > y->begin;
}

static uint64_t hash(const struct state *s)
{
    const unsigned char *p = (const unsigned char *)s;
    uint64_t h = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < sizeof *s; i++)
        h = (h ^ p[i]) * UINT64_C(1099511628211);
    return h ^ h >> 29;
}

/* The place of s, or of the free one for it. */
static int place(const struct search *f, const struct state *s)
{
    int i = (int)(hash(s) % TABLE);

    while (f->used[i] && memcmp(&f->failed[i], s, sizeof *s) != 0)
        i = (i + 1) % TABLE;
    return i;
}

static bool full(const struct search *f, const struct state *s, int chan)
{
    return s->q[chan].n >= f->h->cap[chan];
}

/* No case of the operation can go on. */
static bool none_ready(const struct search *f, const struct state *s, const struct linear_op *op)
{
    for (int i = 0; i < op->ncases; i++) {
        int c = op->cases[i].chan;
        bool unready =
            op->cases[i].kind == LINEAR_SEND ? f->h->cap[c] == 0 || full(f, s, c) : s->q[c].n == 0;

        if (s->q[c].closed || !unready)
            return false;
    }
    return true;
}

static bool may_panic(const struct state *s, const struct linear_op *op)
{
    for (int i = 0; i < op->ncases; i++)
        if (op->cases[i].kind != LINEAR_RECV && s->q[op->cases[i].chan].closed)
            return true;
    return false;
}

static bool do_case(const struct search *f, struct state *s, int kind, int chan, uint8_t value)
{
    struct queue *q = &s->q[chan];

    if (kind == LINEAR_RECV) {
        if (q->n == 0 || q->value[0] != value)
            return false;
        memmove(q->value, q->value + 1, LINEAR_CAP - 1);
        q->value[LINEAR_CAP - 1] = 0;
        q->n--;
        return true;
    }
    if (q->closed)
        return false;
    if (kind == LINEAR_CLOSE) {
        q->closed = true;
        return true;
    }
    if (full(f, s, chan))
        return false;
    q->value[q->n++] = value;
    return true;
}

/* One operation by itself. */
static bool step(const struct search *f, struct state *s, const struct linear_op *op)
{
    int kind = op->cases[op->which].kind, chan = op->cases[op->which].chan;

    switch (op->outcome) {
    case LINEAR_DONE:
        return do_case(f, s, kind, chan, op->cases[op->which].value);
    case LINEAR_CLOSED:
        return kind == LINEAR_RECV && s->q[chan].closed && s->q[chan].n == 0;
    case LINEAR_PANICKED:
        return may_panic(s, op);
    case LINEAR_NOTHING:
        return none_ready(f, s, op);
    default:
        return true;
    }
}

/* a sends what b receives, without a buffer. */
static bool meet(const struct search *f, const struct state *s, const struct linear_op *a,
                 const struct linear_op *b)
{
    int chan = a->cases[a->which].chan;

    return a->outcome == LINEAR_DONE && b->outcome == LINEAR_DONE && f->h->cap[chan] == 0 &&
           !s->q[chan].closed && a->cases[a->which].kind == LINEAR_SEND &&
           b->cases[b->which].kind == LINEAR_RECV && b->cases[b->which].chan == chan &&
           a->cases[a->which].value == b->cases[b->which].value;
}

/* Only what began before the first end of those left can be next. */
static int candidates(const struct search *f, const struct state *s, int *out)
{
    uint64_t first_end = UINT64_MAX;
    int n = 0;

    for (int i = 0; i < f->h->n; i++)
        if (!(s->done >> i & 1) && f->h->op[i].end < first_end)
            first_end = f->h->op[i].end;
    for (int i = 0; i < f->h->n && f->h->op[i].begin < first_end; i++)
        if (!(s->done >> i & 1))
            out[n++] = i;
    return n;
}

static enum linear_verdict search(struct search *f, const struct state *s);

static enum linear_verdict search_pairs(struct search *f, const struct state *s, const int *c,
                                        int n, int i)
{
    const struct linear_op *op = f->h->op;

    for (int j = 0; j < n; j++) {
        struct state next = *s;
        enum linear_verdict v;

        if (j == i || !meet(f, s, &op[c[i]], &op[c[j]]))
            continue;
        next.done |= UINT64_C(1) << c[i] | UINT64_C(1) << c[j];
        v = search(f, &next);
        if (v != LINEAR_NO)
            return v;
    }
    return LINEAR_NO;
}

static enum linear_verdict search(struct search *f, const struct state *s)
{
    int c[LINEAR_OPS], n = candidates(f, s, c), at;

    if (n == 0)
        return LINEAR_YES;
    if (f->used[place(f, s)])
        return LINEAR_NO;
    for (int i = 0; i < n; i++) {
        struct state next = *s;
        enum linear_verdict v = LINEAR_NO;

        next.done |= UINT64_C(1) << c[i];
        if (step(f, &next, &f->h->op[c[i]]))
            v = search(f, &next);
        if (v == LINEAR_NO)
            v = search_pairs(f, s, c, n, i);
        if (v != LINEAR_NO)
            return v;
    }
    if (++f->kept > TABLE / 4 * 3)
        return LINEAR_TOO_WIDE;
    at = place(f, s);
    f->failed[at] = *s;
    f->used[at] = true;
    return LINEAR_NO;
}

enum linear_verdict linear_check(struct linear_history *h)
{
    struct search *f = calloc(1, sizeof *f);
    enum linear_verdict v;
    struct state s;

    if (!f)
        return LINEAR_TOO_WIDE;
    memset(&s, 0, sizeof s);
    qsort(h->op, (size_t)h->n, sizeof h->op[0], by_begin);
    f->h = h;
    v = search(f, &s);
    free(f);
    return v;
}

void linear_print(const struct linear_history *h)
{
    static const char *const kinds[] = {"send", "recv", "close"};
    static const char *const outcomes[] = {"done", "closed", "panicked", "nothing", "anyway"};

    fprintf(stderr, "capacities %d %d %d\n", h->cap[0], h->cap[1], h->cap[2]);
    for (int i = 0; i < h->n; i++) {
        const struct linear_op *op = &h->op[i];

        fprintf(stderr, "%4llu-%-4llu", (unsigned long long)op->begin, (unsigned long long)op->end);
        for (int k = 0; k < op->ncases; k++)
            fprintf(stderr, " %s%s(c%d, %d)", k == op->which ? "*" : "", kinds[op->cases[k].kind],
                    op->cases[k].chan, op->cases[k].value);
        fprintf(stderr, " %s\n", outcomes[op->outcome]);
    }
}
