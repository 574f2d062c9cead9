/* SPDX-License-Identifier: BSD-3-Clause */
/* accesslog: see accesslog.h. */
#include "accesslog.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "date.h"
#include "head.h"

#define ACCESSLOG_PATIENCE GAMP_SECOND
/* Lines wait this long for company before they are written. */
#define ACCESSLOG_GATHER (100 * GAMP_MILLISECOND)

/* The peer may have been anything to the client; quotes and control characters are escaped, so that
 * a line is a line whatever the request was. */
static char *put_escaped(char *p, const char *end, struct text t)
{
    for (size_t i = 0; i < t.n && end - p > 4; i++) {
        unsigned char c = (unsigned char)t.p[i];
        if (c >= ' ' && c < 0x7f && c != '"' && c != '\\') {
            *p++ = (char)c;
        } else {
            *p++ = '\\';
            *p++ = 'x';
            *p++ = "0123456789abcdef"[c >> 4];
            *p++ = "0123456789abcdef"[c & 15];
        }
    }
    return p;
}

static char *put_two(char *p, int v)
{
    *p++ = (char)('0' + v / 10);
    *p++ = (char)('0' + v % 10);
    return p;
}

/* "[10/Oct/2000:13:55:36 +0000]" */
static char *put_time(char *p, time_t t)
{
    struct date d = date_of(t);
    *p++ = '[';
    p = put_two(p, d.day);
    *p++ = '/';
    p = head_text(p, (struct text){date_month_names[d.month - 1], 3});
    *p++ = '/';
    p = put_two(put_two(p, d.year / 100), d.year % 100);
    *p++ = ':';
    p = put_two(p, d.hour);
    *p++ = ':';
    p = put_two(p, d.minute);
    *p++ = ':';
    p = put_two(p, d.second);
    return head_text(p, TEXT(" +0000]"));
}

/* host - - [time] "request line" status bytes */
static size_t format(char out[ACCESSLOG_LINE_MAX], const char *peer, struct text line, int status,
                     uint64_t body)
{
    char *p = head_text(out, (struct text){peer, strlen(peer)});
    p = head_text(p, TEXT(" - - "));
    p = put_time(p, time(NULL));
    p = head_text(p, TEXT(" \""));
    p = line.n ? put_escaped(p, out + ACCESSLOG_LINE_MAX - 64, line) : head_text(p, TEXT("-"));
    p = head_text(p, TEXT("\" "));
    p = head_decimal(p, (uint64_t)status);
    p = head_text(p, TEXT(" "));
    p = head_decimal(p, body);
    *p++ = '\n';
    return (size_t)(p - out);
}

/* Makes room for n bytes in the buffer that is being filled; false: drop the line. The lock is
 * held. */
static bool make_room(struct accesslog *log, size_t n)
{
    gamp_time until = GAMP_NEVER;
    while (log->n + n > ACCESSLOG_ROOM) {
        if (log->stalled || log->ended)
            return false;
        if (until == GAMP_NEVER)
            until = gamp_now() + ACCESSLOG_PATIENCE;
        gamp_cond_signal(&log->filled);
        if (gamp_cond_wait_until(&log->emptied, &log->lock, until) == -ETIMEDOUT)
            log->stalled = true;
    }
    return true;
}

void accesslog_put(struct accesslog *log, const char *peer, struct text line, int status,
                   uint64_t body)
{
    char text[ACCESSLOG_LINE_MAX];
    size_t n = format(text, peer, line, status, body);
    gamp_mutex_lock(&log->lock);
    if (make_room(log, n)) {
        memcpy(log->buf[log->fill] + log->n, text, n);
        if (log->n == 0 || log->n + n > ACCESSLOG_ROOM / 2)
            gamp_cond_signal(&log->filled);
        log->n += n;
    } else {
        log->dropped++;
    }
    gamp_mutex_unlock(&log->lock);
}

/* All of it, or up to an error that no second try would mend. */
static void write_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t w = gamp_write(fd, p, n);
        if (w < 0)
            return;
        p += w;
        n -= (size_t)w;
    }
}

static void writer(struct accesslog *log)
{
    gamp_mutex_lock(&log->lock);
    for (;;) {
        while (log->n == 0 && !log->ending)
            gamp_cond_wait(&log->filled, &log->lock);
        if (log->n == 0)
            break;
        gamp_time until = gamp_now() + ACCESSLOG_GATHER;
        while (log->n < ACCESSLOG_ROOM / 2 && !log->ending)
            if (gamp_cond_wait_until(&log->filled, &log->lock, until) == -ETIMEDOUT)
                break;
        const char *full = log->buf[log->fill];
        size_t n = log->n;
        log->fill ^= 1;
        log->n = 0;
        gamp_cond_broadcast(&log->emptied);
        gamp_mutex_unlock(&log->lock);
        write_all(log->fd, full, n);
        gamp_mutex_lock(&log->lock);
        log->stalled = false;
    }
    log->ended = true;
    gamp_cond_broadcast(&log->emptied);
    gamp_mutex_unlock(&log->lock);
}

int accesslog_start(struct accesslog *log)
{
    return gamp_go_with(GAMP_OPTIONS(.name = "access log"), writer, log);
}

uint64_t accesslog_end(struct accesslog *log, gamp_time until)
{
    gamp_mutex_lock(&log->lock);
    log->ending = true;
    gamp_cond_signal(&log->filled);
    while (!log->ended)
        if (gamp_cond_wait_until(&log->emptied, &log->lock, until) == -ETIMEDOUT)
            break;
    uint64_t lost = log->dropped;
    gamp_mutex_unlock(&log->lock);
    return lost;
}
