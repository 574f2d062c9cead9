/* SPDX-License-Identifier: BSD-3-Clause */
/* load: see load.h. A connection gathers its results by itself and adds them up at its end. */
#include "load.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>

#include "response.h"

/* Connections and answers may come so long after the end; then the server is said to have timed
 * out. */
#define PATIENCE (2 * GAMP_SECOND)
/* Between attempts to connect that fail. */
#define PAUSE (10 * GAMP_MILLISECOND)

struct results {
    struct histogram latency;
    uint64_t bytes, connect_errors, read_errors, write_errors, timeouts, bad_statuses;
};

struct client {
    struct load *load;
    struct results results;
    int fd;
    struct response response;
    size_t start, end; /* buf[start..end) has been read and not looked at */
    char buf[16384];
};

/* The rest of one response. 0, or -errno; -EPIPE when the stream ended too soon. */
static int read_response(struct client *c)
{
    struct response *r = &c->response;
    response_init(r);
    while (r->state != RESPONSE_DONE) {
        if (c->start == c->end) {
            ssize_t n = gamp_read(c->fd, c->buf, sizeof c->buf);
            if (n == 0)
                return response_ends(r) ? 0 : -EPIPE;
            if (n < 0)
                return (int)n;
            c->results.bytes += (uint64_t)n;
            c->start = 0;
            c->end = (size_t)n;
        }
        ssize_t took = response_take(r, c->buf + c->start, c->end - c->start);
        if (took < 0)
            return -EPROTO;
        c->start += (size_t)took;
    }
    return 0;
}

static void count_error(uint64_t *errors, struct results *r, int err)
{
    *(err == -ETIMEDOUT ? &r->timeouts : errors) += 1;
}

/* Sends a batch of requests and reads the answers. False: the connection is over. */
static bool batch(struct client *c)
{
    struct load *l = c->load;
    gamp_time sent = gamp_now();
    int err = gamp_write_full(c->fd, l->request, l->request_len);
    if (err) {
        count_error(&c->results.write_errors, &c->results, err);
        return false;
    }
    for (int i = 0; i < l->pipeline; i++) {
        err = read_response(c);
        if (err) {
            count_error(&c->results.read_errors, &c->results, err);
            return false;
        }
        histogram_add(&c->results.latency, gamp_now() - sent);
        c->results.bad_statuses += c->response.status >= 400;
        if (c->response.close)
            return false;
    }
    return true;
}

static void one_connection(struct client *c)
{
    int one = 1;
    c->fd = gamp_dial("tcp", c->load->address, c->load->end + PATIENCE);
    if (c->fd < 0) {
        count_error(&c->results.connect_errors, &c->results, c->fd);
        gamp_sleep(PAUSE);
        return;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    gamp_set_deadline(c->fd, c->load->end + PATIENCE);
    c->start = c->end = 0;
    while (gamp_now() < c->load->end && batch(c))
        ;
    gamp_close(c->fd);
}

static void add_up(struct load *l, const struct results *r)
{
    gamp_mutex_lock(&l->lock);
    histogram_merge(&l->latency, &r->latency);
    l->bytes += r->bytes;
    l->connect_errors += r->connect_errors;
    l->read_errors += r->read_errors;
    l->write_errors += r->write_errors;
    l->timeouts += r->timeouts;
    l->bad_statuses += r->bad_statuses;
    gamp_mutex_unlock(&l->lock);
}

void load_connection(struct load *l)
{
    struct client *c = calloc(1, sizeof *c);
    if (!c) {
        struct results none = {.connect_errors = 1};
        add_up(l, &none);
        return;
    }
    c->load = l;
    /* Once in any case: what cannot be reached is told however short the time was. */
    do
        one_connection(c);
    while (gamp_now() < l->end);
    add_up(l, &c->results);
    free(c);
}
