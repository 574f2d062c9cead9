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

enum { LINE = 12 };

/* What the rest of the search depends on. Compared as bytes, so all of it is kept defined. */
struct state {
    uint64_t came, over;
    struct queue q[LINEAR_CHANS];
    uint8_t nline;
    uint8_t line[LINE]; /* operations, in the order in which they came */
    uint8_t pad;
};
_Static_assert(sizeof(struct state) == 48, "no padding");

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

static uint64_t bit(int i)
{
    return UINT64_C(1) << i;
}

static bool has_case(const struct linear_op *op, int kind, int chan)
{
    for (int i = 0; i < op->ncases; i++)
        if (op->cases[i].kind == kind && op->cases[i].chan == chan)
            return true;
    return false;
}

/* The place in line of the first that sends to the channel, or receives; or -1. */
static int first_in_line(const struct search *f, const struct state *s, int kind, int chan)
{
    for (int i = 0; i < s->nline; i++)
        if (has_case(&f->h->op[s->line[i]], kind, chan))
            return i;
    return -1;
}

static void leave_line(struct state *s, int at)
{
    s->over |= bit(s->line[at]);
    s->nline--;
    memmove(&s->line[at], &s->line[at + 1], (size_t)(s->nline - at));
    s->line[s->nline] = 0;
}

static bool is_ready(const struct search *f, const struct state *s, int kind, int chan)
{
    const struct queue *q = &s->q[chan];

    if (q->closed)
        return true;
    if (kind == LINEAR_SEND)
        return q->n < f->h->cap[chan] || first_in_line(f, s, LINEAR_RECV, chan) >= 0;
    return q->n > 0 || first_in_line(f, s, LINEAR_SEND, chan) >= 0;
}

static bool any_ready(const struct search *f, const struct state *s, const struct linear_op *op)
{
    for (int i = 0; i < op->ncases; i++)
        if (is_ready(f, s, op->cases[i].kind, op->cases[i].chan))
            return true;
    return false;
}

static bool may_panic(const struct state *s, const struct linear_op *op)
{
    for (int i = 0; i < op->ncases; i++)
        if (op->cases[i].kind != LINEAR_RECV && s->q[op->cases[i].chan].closed)
            return true;
    return false;
}

/* Did the operation end by this case? */
static bool was(const struct linear_op *op, enum linear_outcome outcome, int kind, int chan)
{
    return op->outcome == outcome && op->cases[op->which].kind == kind &&
           op->cases[op->which].chan == chan;
}

static void push(struct queue *q, uint8_t value)
{
    q->value[q->n++] = value;
}

static void pop(struct queue *q)
{
    q->n--;
    memmove(q->value, q->value + 1, LINEAR_CAP - 1);
    q->value[LINEAR_CAP - 1] = 0;
}

static bool send(const struct search *f, struct state *s, int chan, uint8_t value)
{
    int at = first_in_line(f, s, LINEAR_RECV, chan);
    const struct linear_op *other;

    if (s->q[chan].closed)
        return false;
    if (at < 0) {
        if (s->q[chan].n >= f->h->cap[chan])
            return false;
        push(&s->q[chan], value);
        return true;
    }
    other = &f->h->op[s->line[at]];
    if (!was(other, LINEAR_DONE, LINEAR_RECV, chan) || other->cases[other->which].value != value)
        return false;
    leave_line(s, at);
    return true;
}

static bool recv(const struct search *f, struct state *s, int chan, uint8_t value)
{
    int at = first_in_line(f, s, LINEAR_SEND, chan);
    struct queue *q = &s->q[chan];
    uint8_t next = 0;

    if (at >= 0) {
        const struct linear_op *other = &f->h->op[s->line[at]];

        if (!was(other, LINEAR_DONE, LINEAR_SEND, chan))
            return false;
        next = other->cases[other->which].value;
        leave_line(s, at);
    }
    if (q->n == 0)
        return at >= 0 && next == value;
    if (q->value[0] != value)
        return false;
    pop(q);
    if (at >= 0)
        push(q, next);
    return true;
}

static bool close_chan(const struct search *f, struct state *s, int chan)
{
    if (s->q[chan].closed)
        return false;
    s->q[chan].closed = true;
    for (int i = 0; i < s->nline;) {
        const struct linear_op *op = &f->h->op[s->line[i]];
        bool sends = has_case(op, LINEAR_SEND, chan);

        if (!sends && !has_case(op, LINEAR_RECV, chan)) {
            i++;
            continue;
        }
        if (!was(op, LINEAR_CLOSED, LINEAR_RECV, chan) &&
            !(sends && op->outcome == LINEAR_PANICKED))
            return false;
        leave_line(s, i);
    }
    return true;
}

/* It comes when something can go on. */
static bool go_on(const struct search *f, struct state *s, const struct linear_op *op)
{
    int kind = op->cases[op->which].kind, chan = op->cases[op->which].chan;
    uint8_t value = op->cases[op->which].value;

    switch (op->outcome) {
    case LINEAR_DONE:
        return kind == LINEAR_SEND   ? send(f, s, chan, value)
               : kind == LINEAR_RECV ? recv(f, s, chan, value)
                                     : close_chan(f, s, chan);
    case LINEAR_CLOSED:
        return kind == LINEAR_RECV && s->q[chan].closed && s->q[chan].n == 0;
    case LINEAR_PANICKED:
        return may_panic(s, op);
    default:
        return op->outcome == LINEAR_ANYWAY;
    }
}

static bool come(const struct search *f, struct state *s, int i)
{
    const struct linear_op *op = &f->h->op[i];
    bool waits =
        op->cases[0].kind != LINEAR_CLOSE && op->outcome != LINEAR_ANYWAY && !any_ready(f, s, op);

    s->came |= bit(i);
    if (waits && op->outcome != LINEAR_NOTHING) {
        s->line[s->nline++] = (uint8_t)i;
        return s->nline < LINE;
    }
    s->over |= bit(i);
    if (waits || op->outcome == LINEAR_ANYWAY)
        return true;
    return !op->parked && go_on(f, s, op);
}

/* Only what began before the first end of those that are not over can be next, and before the last
 * moment at which one of those that have not come yet can have. */
static int candidates(const struct search *f, const struct state *s, int *out)
{
    const struct linear_op *op = f->h->op;
    uint64_t before = UINT64_MAX;
    int n = 0;

    for (int i = 0; i < f->h->n; i++) {
        if (!(s->over & bit(i)) && op[i].end < before)
            before = op[i].end;
        if (!(s->came & bit(i)) && op[i].parked && op[i].outcome < LINEAR_NOTHING &&
            op[i].parked < before)
            before = op[i].parked;
    }
    for (int i = 0; i < f->h->n && op[i].begin < before; i++)
        if (!(s->came & bit(i)))
            out[n++] = i;
    return n;
}

static enum linear_verdict search(struct search *f, const struct state *s)
{
    int c[LINEAR_OPS], n = candidates(f, s, c), at;

    if (s->over == (f->h->n == 64 ? UINT64_MAX : bit(f->h->n) - 1))
        return LINEAR_YES;
    if (f->used[place(f, s)])
        return LINEAR_NO;
    for (int i = 0; i < n; i++) {
        struct state next = *s;
        enum linear_verdict v = come(f, &next, c[i]) ? search(f, &next) : LINEAR_NO;

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
        if (op->parked)
            fprintf(stderr, " (in line %llu)", (unsigned long long)op->parked);
        for (int k = 0; k < op->ncases; k++)
            fprintf(stderr, " %s%s(c%d, %d)", k == op->which ? "*" : "", kinds[op->cases[k].kind],
                    op->cases[k].chan, op->cases[k].value);
        fprintf(stderr, " %s\n", outcomes[op->outcome]);
    }
}
