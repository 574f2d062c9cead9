/* SPDX-License-Identifier: BSD-3-Clause */
/* load: connections that ask for one URL again and again, each on a goroutine of its own. */
#ifndef HTTPLOAD_LOAD_H
#define HTTPLOAD_LOAD_H

#include <gamp.h>

#include "histogram.h"

enum { LOAD_PIPELINE_MAX = 1024 };

/* What all connections do. Constant while they run, but for the results. */
struct load {
    const char *address; /* HOST:PORT */
    const char *request; /* `pipeline` requests */
    size_t request_len;
    int pipeline;
    gamp_time end;

    gamp_mutex lock; /* of the results */
    struct histogram latency;
    uint64_t bytes;
    uint64_t connect_errors, read_errors, write_errors, timeouts, bad_statuses;
};

/* A goroutine's function: one connection, made anew whenever the server ends it, until the end. */
void load_connection(struct load *l);

#endif
