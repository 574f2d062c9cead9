/* SPDX-License-Identifier: BSD-3-Clause */
/* range: see range.h. */
#include "range.h"

enum spec { SPEC_INVALID, SPEC_OUTSIDE, SPEC_INSIDE };

/* int-range = first-pos "-" [ last-pos ], suffix-range = "-" suffix-length */
static enum spec spec_parse(struct text t, uint64_t size, struct range *r)
{
    const char *dash = memchr(t.p, '-', t.n);
    if (!dash)
        return SPEC_INVALID;
    struct text before = {t.p, (size_t)(dash - t.p)};
    struct text after = {dash + 1, t.n - before.n - 1};
    uint64_t first, last = UINT64_MAX;
    if (before.n == 0) {
        uint64_t suffix;
        if (!text_number(after, &suffix))
            return SPEC_INVALID;
        if (suffix == 0 || size == 0)
            return SPEC_OUTSIDE;
        *r = (struct range){suffix < size ? size - suffix : 0, size - 1};
        return SPEC_INSIDE;
    }
    if (!text_number(before, &first) || (after.n && !text_number(after, &last)) || last < first)
        return SPEC_INVALID;
    if (first >= size)
        return SPEC_OUTSIDE;
    *r = (struct range){first, last < size ? last : size - 1};
    return SPEC_INSIDE;
}

/* Sorts by the first position and merges what overlaps or touches. */
static size_t merge(struct range *ranges, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct range r = ranges[i];
        size_t at = i;
        for (; at > 0 && ranges[at - 1].first > r.first; at--)
            ranges[at] = ranges[at - 1];
        ranges[at] = r;
    }
    size_t last = 0;
    for (size_t i = 1; i < n; i++) {
        if (ranges[i].first > ranges[last].last + 1)
            ranges[++last] = ranges[i];
        else if (ranges[i].last > ranges[last].last)
            ranges[last].last = ranges[i].last;
    }
    return last + 1;
}

enum range_verdict range_parse(struct text value, uint64_t size, struct range ranges[RANGE_MAX],
                               size_t *n)
{
    struct text element;
    uint64_t sum = 0;
    size_t seen = 0;
    const char *equals = memchr(value.p, '=', value.n);
    *n = 0;
    if (!equals ||
        !text_eq_nocase((struct text){value.p, (size_t)(equals - value.p)}, TEXT("bytes")))
        return RANGE_IGNORE;
    value = (struct text){equals + 1, value.n - (size_t)(equals + 1 - value.p)};
    while (text_list_next(&value, &element)) {
        struct range r;
        if (++seen > RANGE_MAX)
            return RANGE_IGNORE;
        switch (spec_parse(element, size, &r)) {
        case SPEC_INVALID:
            return RANGE_IGNORE;
        case SPEC_OUTSIDE:
            break;
        case SPEC_INSIDE:
            ranges[(*n)++] = r;
            sum += r.last - r.first + 1;
            break;
        }
    }
    if (seen == 0)
        return RANGE_IGNORE;
    if (*n == 0)
        return RANGE_UNSATISFIABLE;
    if (sum > size)
        *n = merge(ranges, *n);
    return RANGE_PARTIAL;
}
