/* SPDX-License-Identifier: BSD-3-Clause */
/* text: see text.h. */
#include "text.h"

#define T CHAR_TOKEN
#define V CHAR_VALUE
#define U CHAR_TARGET
#define H CHAR_HOST
#define P CHAR_PLAIN
#define ALNUM (T | V | U | H | P)
#define SUB (V | U | H) /* sub-delims that are no token characters */

/* RFC 9110, 5.6.2 (tokens) and 5.5 (values); RFC 3986, 2.2, 2.3 and 3.2.2. */
const uint8_t text_class[256] = {
    ['\t'] = V,
    [' '] = V,
    ['!'] = T | V | U | H,
    ['"'] = V | U,
    ['#'] = T | V,
    ['$'] = T | V | U | H,
    ['%'] = T | V | U | H,
    ['&'] = T | V | U | H,
    ['\''] = T | V | U | H,
    ['('] = SUB,
    [')'] = SUB,
    ['*'] = T | V | U | H,
    ['+'] = T | V | U | H,
    [','] = SUB,
    ['-'] = ALNUM,
    ['.'] = ALNUM,
    ['/'] = V | U,
    ['0' ... '9'] = ALNUM,
    [':'] = V | U,
    [';'] = SUB,
    ['<'] = V | U,
    ['='] = SUB,
    ['>'] = V | U,
    ['?'] = V | U,
    ['@'] = V | U,
    ['A' ... 'Z'] = ALNUM,
    ['['] = V | U,
    ['\\'] = V | U,
    [']'] = V | U,
    ['^'] = T | V | U,
    ['_'] = ALNUM,
    ['`'] = T | V | U,
    ['a' ... 'z'] = ALNUM,
    ['{'] = V | U,
    ['|'] = T | V | U,
    ['}'] = V | U,
    ['~'] = ALNUM,
    [0x80 ... 0xff] = V | U,
};

bool text_all(struct text t, unsigned class)
{
    for (size_t i = 0; i < t.n; i++)
        if (!text_is(t.p[i], class))
            return false;
    return true;
}

bool text_eq_nocase(struct text t, struct text lower)
{
    if (t.n != lower.n)
        return false;
    for (size_t i = 0; i < t.n; i++) {
        char c = t.p[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c + 32);
        if (c != lower.p[i])
            return false;
    }
    return true;
}

struct text text_trim(struct text t)
{
    while (t.n && (t.p[0] == ' ' || t.p[0] == '\t')) {
        t.p++;
        t.n--;
    }
    while (t.n && (t.p[t.n - 1] == ' ' || t.p[t.n - 1] == '\t'))
        t.n--;
    return t;
}

bool text_list_next(struct text *list, struct text *element)
{
    while (list->n) {
        size_t end = 0;
        bool quoted = false;
        while (end < list->n && (quoted || list->p[end] != ',')) {
            if (list->p[end] == '"')
                quoted = !quoted;
            end++;
        }
        *element = text_trim((struct text){list->p, end});
        end += end < list->n;
        list->p += end;
        list->n -= end;
        if (element->n)
            return true;
    }
    return false;
}

bool text_number(struct text t, uint64_t *value)
{
    uint64_t v = 0;
    for (size_t i = 0; i < t.n; i++) {
        unsigned digit = (unsigned)(unsigned char)t.p[i] - '0';
        if (digit > 9)
            return false;
        if (__builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, digit, &v))
            v = UINT64_MAX;
    }
    *value = v;
    return t.n > 0;
}

int text_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
