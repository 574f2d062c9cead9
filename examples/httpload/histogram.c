/* SPDX-License-Identifier: BSD-3-Clause */
/* histogram: see histogram.h. */
#include "histogram.h"

static unsigned bucket_of(uint64_t v)
{
    if (v < 32)
        return (unsigned)v;
    unsigned shift = 58 - (unsigned)__builtin_clzll(v); /* leaves 6 bits, the highest of them 1 */
    unsigned b = (shift + 1) * 32 + (unsigned)(v >> shift) - 32;
    return b < HISTOGRAM_BUCKETS ? b : HISTOGRAM_BUCKETS - 1;
}

/* The largest value of a bucket. */
static uint64_t top_of(unsigned b)
{
    if (b < 32)
        return b;
    unsigned shift = b / 32 - 1;
    return ((uint64_t)(b % 32 + 33) << shift) - 1;
}

void histogram_add(struct histogram *h, int64_t ns)
{
    uint64_t v = ns > 0 ? (uint64_t)ns : 0;
    h->buckets[bucket_of(v)]++;
    h->count++;
    if (v > h->max)
        h->max = v;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    for (unsigned b = 0; b < HISTOGRAM_BUCKETS; b++)
        into->buckets[b] += from->buckets[b];
    into->count += from->count;
    if (from->max > into->max)
        into->max = from->max;
}

int64_t histogram_percentile(const struct histogram *h, double percent)
{
    uint64_t wanted = (uint64_t)((double)h->count * percent / 100 + 0.5), seen = 0;
    for (unsigned b = 0; b < HISTOGRAM_BUCKETS; b++) {
        seen += h->buckets[b];
        if (seen && seen >= wanted) {
            uint64_t top = top_of(b);
            return (int64_t)(top < h->max ? top : h->max);
        }
    }
    return 0;
}
