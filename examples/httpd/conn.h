/* SPDX-License-Identifier: BSD-3-Clause */
/* conn: one connection, from its acceptance to its end, in straight-line code on a goroutine of its
 * own: wait for a head, read the body, answer, and so on.
 *
 *              first byte            head complete          answered
 *      idle ---------------> head ------------------> busy ---------+
 *        ^                    | -t: 408                             |
 *        | -k: close          +--> linger --> closed <--- close ----+
 *        +----------------------------------------------------------+  keep-alive
 *
 * Memory: while it is idle for longer than WATCH_STEP, a connection has its goroutine's stack and
 * nothing else; struct work comes with the first byte of a request. */
#ifndef HTTPD_CONN_H
#define HTTPD_CONN_H

#include <stdatomic.h>

#include <gamp.h>

struct server;
struct work;

enum { CONN_PEER_MAX = 64 };

struct conn {
    int fd;
    struct server *server;
    struct work *work; /* NULL while idle */
    bool fresh;        /* no request has come yet */
    uint64_t requests;
    char peer[CONN_PEER_MAX]; /* for the log */

    /* The server's; under its lock. */
    struct conn *next, *prev;
    /* Waits for a request that has not begun: the server may shut its reading side down. */
    atomic_bool idle;
};

/* Serves the connection until its end. Does not close the descriptor. */
void conn_serve(struct conn *c);

/* Tells a client that there is no memory to serve it. Does not wait. */
void conn_refuse(int fd);

#endif
