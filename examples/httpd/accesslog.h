/* SPDX-License-Identifier: BSD-3-Clause */
/* accesslog: a line for each request in the common log format, gathered in memory and written by
 * one goroutine, so that lines never mix and a request costs no system call for its line.
 *
 * Two buffers take turns: requests fill one while the other is written. When both are full,
 * requests wait for the writer; when it stands still for ACCESSLOG_PATIENCE (a pipe that nobody
 * reads), lines are dropped until it moves, and counted: a server must not stop serving because
 * its log does. */
#ifndef HTTPD_ACCESSLOG_H
#define HTTPD_ACCESSLOG_H

#include <gamp.h>

#include "text.h"

enum { ACCESSLOG_ROOM = 1 << 16, ACCESSLOG_LINE_MAX = 4096 };

struct accesslog {
    int fd;
    gamp_mutex lock; /* of all below */
    gamp_cond filled, emptied;
    bool ending;  /* the writer shall end when all is written */
    bool ended;   /* it has */
    bool stalled; /* requests do not wait for it */
    uint64_t dropped;
    unsigned fill; /* the buffer that is being filled */
    size_t n;      /* bytes in it */
    char buf[2][ACCESSLOG_ROOM];
};

/* Starts the writer. 0 or -errno. The log is zero before, but for fd. */
int accesslog_start(struct accesslog *log);

/* One line. line is the request line as it came, or empty. */
void accesslog_put(struct accesslog *log, const char *peer, struct text line, int status,
                   uint64_t body);

/* Writes what is there, waits for it at most until the point. Returns how many lines were lost. */
uint64_t accesslog_end(struct accesslog *log, gamp_time until);

#endif
