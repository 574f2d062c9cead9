/* SPDX-License-Identifier: BSD-3-Clause */
/* histogram: counts of durations, exact to a thirty-second part. Buckets 0 to 31 are nanoseconds;
 * from there on each doubling has 32 of its own. */
#ifndef HTTPLOAD_HISTOGRAM_H
#define HTTPLOAD_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 40 * 32 }; /* the last holds all beyond 4.6 hours */

struct histogram {
    uint64_t count, max;
    uint32_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, int64_t ns);
void histogram_merge(struct histogram *into, const struct histogram *from);
/* The duration that `percent` of a hundred do not exceed; 0 of nothing. */
int64_t histogram_percentile(const struct histogram *h, double percent);

#endif
