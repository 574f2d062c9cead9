/* SPDX-License-Identifier: BSD-3-Clause */
/* range: which bytes a Range field asks for (RFC 9110, section 14). */
#ifndef HTTPD_RANGE_H
#define HTTPD_RANGE_H

#include "text.h"

/* A field with more ranges than this is ignored: the whole file is the shorter answer. */
enum { RANGE_MAX = 32 };

struct range {
    uint64_t first, last; /* positions of the first and the last byte; first <= last < size */
};

enum range_verdict {
    RANGE_IGNORE,        /* answer as if there were no Range: 200 */
    RANGE_PARTIAL,       /* 206 with *n ranges, at least one */
    RANGE_UNSATISFIABLE, /* 416 */
};

/* What a Range field's value asks of a file of `size` bytes. Fills ranges[0..*n), in the order
 * asked for; ranges that together exceed the file, which takes overlaps, are sorted and merged, so
 * that no answer is longer than the file and its frames. */
enum range_verdict range_parse(struct text value, uint64_t size, struct range ranges[RANGE_MAX],
                               size_t *n);

#endif
