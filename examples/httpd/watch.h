/* SPDX-License-Identifier: BSD-3-Clause */
/* watch: time limits on a connection that cost nothing while it is busy.
 *
 * A limit of its own for each read and write would mean a timer set anew several times a request.
 * Instead the descriptor's deadline is left to run out, which it does once in WATCH_STEP; only the
 * call that meets it compares the true limit with the clock, and sets the next deadline. */
#ifndef HTTPD_WATCH_H
#define HTTPD_WATCH_H

#include <gamp.h>

#define WATCH_STEP GAMP_SECOND

/* Call it when an operation gave -ETIMEDOUT. 0: try again; -ETIMEDOUT: the limit has passed. */
static inline int watch_extend(int fd, gamp_time limit)
{
    gamp_time now = gamp_now(), step = now + WATCH_STEP;
    if (now >= limit)
        return -ETIMEDOUT;
    return gamp_set_deadline(fd, step < limit ? step : limit);
}

#endif
