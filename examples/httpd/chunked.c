/* SPDX-License-Identifier: BSD-3-Clause */
/* chunked: see chunked.h. */
#include "chunked.h"

void chunked_init(struct chunked *c)
{
    memset(c, 0, sizeof *c);
}

/* A digit of the size; sizes above 2^60 are refused before they could wrap. */
static int take_digit(struct chunked *c, char ch)
{
    int digit = text_hex(ch);
    if (digit < 0)
        return -1;
    if (c->left >> 56)
        return -2;
    c->left = c->left * 16 + (unsigned)digit;
    c->state = CHUNKED_DIGITS;
    return 0;
}

static int size_known(struct chunked *c, uint64_t max)
{
    if (c->left > max || c->total + c->left > max)
        return -2;
    c->total += c->left;
    c->state = c->left ? CHUNKED_DATA : CHUNKED_TRAILER;
    return 0;
}

static int expect(struct chunked *c, char ch, char wanted, enum chunked_state next)
{
    c->state = next;
    return ch == wanted ? 0 : -1;
}

/* A byte of the text up to CR, which leads to `lf`. */
static int take_text(struct chunked *c, char ch, enum chunked_state lf)
{
    if (ch == '\r')
        c->state = lf;
    else if (!text_is(ch, CHAR_VALUE))
        return -1;
    return 0;
}

/* One byte that is not data. */
static int take_byte(struct chunked *c, char ch, uint64_t max)
{
    switch (c->state) {
    case CHUNKED_SIZE:
        c->left = 0;
        return take_digit(c, ch);
    case CHUNKED_DIGITS:
        if (ch == '\r')
            c->state = CHUNKED_SIZE_LF;
        else if (ch == ';')
            c->state = CHUNKED_EXTENSION;
        else if (ch == ' ' || ch == '\t')
            c->state = CHUNKED_SPACE;
        else
            return take_digit(c, ch);
        return 0;
    case CHUNKED_SPACE:
        if (ch == ';')
            c->state = CHUNKED_EXTENSION;
        return ch == ';' || ch == ' ' || ch == '\t' ? 0 : -1;
    case CHUNKED_EXTENSION:
        return take_text(c, ch, CHUNKED_SIZE_LF);
    case CHUNKED_SIZE_LF:
        return ch == '\n' ? size_known(c, max) : -1;
    case CHUNKED_DATA_CR:
        return expect(c, ch, '\r', CHUNKED_DATA_LF);
    case CHUNKED_DATA_LF:
        return expect(c, ch, '\n', CHUNKED_SIZE);
    case CHUNKED_TRAILER:
        c->state = ch == '\r' ? CHUNKED_END_LF : CHUNKED_TRAILER_NAME;
        return ch == '\r' || text_is(ch, CHAR_TOKEN) ? 0 : -1;
    case CHUNKED_TRAILER_NAME:
        if (ch == ':')
            c->state = CHUNKED_TRAILER_VALUE;
        return ch == ':' || text_is(ch, CHAR_TOKEN) ? 0 : -1;
    case CHUNKED_TRAILER_VALUE:
        return take_text(c, ch, CHUNKED_TRAILER_LF);
    case CHUNKED_TRAILER_LF:
        return expect(c, ch, '\n', CHUNKED_TRAILER);
    case CHUNKED_END_LF:
        return expect(c, ch, '\n', CHUNKED_DONE);
    case CHUNKED_DATA:
    case CHUNKED_DONE:
        break;
    }
    return -1;
}

ssize_t chunked_take(struct chunked *c, const char *p, size_t n, uint64_t max)
{
    size_t i = 0;
    while (i < n && c->state != CHUNKED_DONE) {
        if (c->state == CHUNKED_DATA) {
            size_t step = n - i < c->left ? n - i : (size_t)c->left;
            i += step;
            c->left -= step;
            if (c->left == 0)
                c->state = CHUNKED_DATA_CR;
            continue;
        }
        int r = ++c->overhead > CHUNKED_OVERHEAD_MAX ? -1 : take_byte(c, p[i++], max);
        if (r)
            return r;
    }
    return (ssize_t)i;
}
