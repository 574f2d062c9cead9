/* SPDX-License-Identifier: BSD-3-Clause */
/* condition: the preconditions of a request (RFC 9110, section 13). */
#ifndef HTTPD_CONDITION_H
#define HTTPD_CONDITION_H

#include <time.h>

#include "request.h"

/* What a resource is compared by. A generated page has neither. */
struct validators {
    struct text etag; /* strong, with its quotes; empty: none */
    bool dated;       /* modified says something */
    time_t modified;
};

/* 0 to go on, 304 or 412. For GET and HEAD. */
int condition_check(const struct request *r, const struct validators *v, time_t now);

/* Does If-Range, if there is one, allow a part? */
bool condition_range(const struct request *r, const struct validators *v, time_t now);

#endif
