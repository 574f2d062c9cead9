/* SPDX-License-Identifier: BSD-3-Clause */
/* text: pieces of a message as pointer and length, and the small grammar that HTTP's fields share
 * (RFC 9110, section 5.6): tokens, comma separated lists, decimal numbers. Nothing is copied and
 * nothing ends in NUL; a piece lives as long as the buffer it points into. */
#ifndef HTTPD_TEXT_H
#define HTTPD_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text {
    const char *p;
    size_t n;
};

#define TEXT(literal) ((struct text){literal, sizeof(literal) - 1})

/* Classes of a byte. */
enum {
    CHAR_TOKEN = 1,  /* may stand in a token */
    CHAR_VALUE = 2,  /* may stand in a field's value: visible, space, tab, 0x80 and above */
    CHAR_TARGET = 4, /* may stand in a request's target: visible but '#', 0x80 and above */
    CHAR_HOST = 8,   /* may stand in a registered name or an IPv4 address */
    CHAR_PLAIN = 16, /* stands for itself in any part of a URI (RFC 3986's unreserved) */
};
extern const uint8_t text_class[256];

static inline bool text_is(char c, unsigned class)
{
    return text_class[(unsigned char)c] & class;
}

/* Are all bytes of that class? True of no bytes. */
bool text_all(struct text t, unsigned class);

static inline bool text_eq(struct text a, struct text b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* The letters' case does not matter; `lower` is in lower case. */
bool text_eq_nocase(struct text t, struct text lower);

/* Without spaces and tabs at either end. */
struct text text_trim(struct text t);

/* Takes the next element of a comma separated list off *list; empty elements are skipped. A comma
 * inside a quoted string separates nothing. False at the end. */
bool text_list_next(struct text *list, struct text *element);

/* Digits alone, at least one; a number that does not fit becomes UINT64_MAX. */
bool text_number(struct text t, uint64_t *value);

/* The value of a hexadecimal digit, -1 for any other byte. */
int text_hex(char c);

#endif
