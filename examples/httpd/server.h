/* SPDX-License-Identifier: BSD-3-Clause */
/* server: accepts connections, knows those that live, and ends them in good order. */
#ifndef HTTPD_SERVER_H
#define HTTPD_SERVER_H

#include <stdatomic.h>

#include <gamp.h>

#include "accesslog.h"
#include "site.h"

struct conn;

struct server {
    /* Constant while it serves. */
    int listener;
    gamp_duration head_time, idle_time;
    struct accesslog *log; /* NULL: none */

    struct site site;
    atomic_bool stopping;

    gamp_mutex lock; /* of what follows */
    struct conn *conns;
    size_t live; /* connections, and server_accept, which alone makes more */
    uint64_t accepted, requests;
    bool draining;      /* server_stop has been here */
    gamp_chan *drained; /* closed when then none lives any more */
};

/* Room for the connections that the descriptor limit allows. 0 or -errno. The server is zero
 * before, but for what is constant. */
int server_init(struct server *s, const char *root);
void server_free(struct server *s);

/* Accepts until server_stop. A goroutine's function. */
void server_accept(struct server *s);

/* No connection is accepted any more, and those without a request end. Those with one go on;
 * s->drained tells when all have ended. */
void server_stop(struct server *s);

/* After server_stop: ends the connections that are left, in the middle of what they do. */
void server_cut(struct server *s);

static inline bool server_stopping(struct server *s)
{
    return atomic_load_explicit(&s->stopping, memory_order_seq_cst);
}

#endif
