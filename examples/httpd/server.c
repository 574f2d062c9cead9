/* SPDX-License-Identifier: BSD-3-Clause */
/* server: see server.h. */
#include "server.h"

#include <dirent.h>
#include <errno.h>
#include <sys/resource.h>

#include "conn.h"

/* While no descriptor is to be had: at first and at most. */
#define PAUSE_MIN (5 * GAMP_MILLISECOND)
#define PAUSE_MAX (200 * GAMP_MILLISECOND)

enum { SPARE_DESCRIPTORS = 4, FILES_MIN = 2, FILES_MAX = 1024 };

static int descriptors_open(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;
    if (!d)
        return 16;
    while (readdir(d))
        n++;
    closedir(d);
    return n - 3; /* ".", ".." and its own */
}

/* The soft limit is raised to the hard one; what it leaves is shared out. */
static void share_descriptors(int *files, int *places)
{
    struct rlimit limit = {1024, 1024};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        getrlimit(RLIMIT_NOFILE, &limit);
    }
    int all = limit.rlim_cur > 1 << 24 ? 1 << 24 : (int)limit.rlim_cur;
    int left = all - descriptors_open() - SPARE_DESCRIPTORS;
    *files = left / 8;
    if (*files < FILES_MIN)
        *files = FILES_MIN;
    if (*files > FILES_MAX)
        *files = FILES_MAX;
    *places = left - *files > 1 ? left - *files : 1;
}

int server_init(struct server *s, const char *root)
{
    int files, places;
    share_descriptors(&files, &places);
    atomic_init(&s->stopping, false);
    s->live = 1;
    s->drained = gamp_chan_new(0, 0);
    if (!s->drained)
        return -ENOMEM;
    int r = site_open(&s->site, root, files, places);
    if (r)
        gamp_chan_unref(s->drained);
    return r;
}

void server_free(struct server *s)
{
    /* Whoever closed `drained` did it under the lock: now he is done with it. */
    gamp_mutex_lock(&s->lock);
    gamp_mutex_unlock(&s->lock);
    site_close(&s->site);
    gamp_chan_unref(s->drained);
}

static void enrol(struct server *s, struct conn *c)
{
    gamp_mutex_lock(&s->lock);
    c->next = s->conns;
    if (s->conns)
        s->conns->prev = c;
    s->conns = c;
    gamp_mutex_unlock(&s->lock);
}

/* Before the descriptor is closed: server_stop must not find its number in other hands. */
static void leave(struct server *s, struct conn *c)
{
    gamp_mutex_lock(&s->lock);
    *(c->prev ? &c->prev->next : &s->conns) = c->next;
    if (c->next)
        c->next->prev = c->prev;
    s->requests += c->requests;
    gamp_mutex_unlock(&s->lock);
}

static void count(struct server *s)
{
    gamp_mutex_lock(&s->lock);
    s->accepted++;
    s->live++;
    gamp_mutex_unlock(&s->lock);
}

/* The last thing a connection, or server_accept, does: its place goes to another. */
static void uncount(struct server *s)
{
    gamp_sem_release(&s->site.places, 1);
    gamp_mutex_lock(&s->lock);
    if (--s->live == 0 && s->draining)
        gamp_chan_close(s->drained);
    gamp_mutex_unlock(&s->lock);
}

static void connection(struct server *s, int fd)
{
    struct conn c = {.fd = fd, .server = s, .fresh = true};
    if (s->log && gamp_peer_addr(fd, c.peer, sizeof c.peer) < 0)
        c.peer[0] = '-';
    char *port = strrchr(c.peer, ':');
    if (port)
        *port = '\0';
    enrol(s, &c);
    conn_serve(&c);
    leave(s, &c);
    gamp_close(fd);
    uncount(s);
}

/* Errors of one connection, which accept reports in its place, are nothing to wait for. */
static bool of_one(int err)
{
    return err == -ECONNABORTED || err == -EPROTO || err == -ENETDOWN || err == -ENETUNREACH ||
           err == -EHOSTDOWN || err == -EHOSTUNREACH || err == -ENOPROTOOPT || err == -EINTR;
}

void server_accept(struct server *s)
{
    gamp_duration pause = PAUSE_MIN;
    for (;;) {
        gamp_sem_acquire(&s->site.places, 1);
        int fd = server_stopping(s) ? -EBADF : gamp_accept(s->listener);
        if (fd >= 0) {
            pause = PAUSE_MIN;
            count(s);
            if (gamp_go_with(GAMP_OPTIONS(.name = "conn"), connection, s, fd) == 0)
                continue;
            conn_refuse(fd);
            gamp_close(fd);
            uncount(s);
            continue;
        }
        if (server_stopping(s))
            break;
        gamp_sem_release(&s->site.places, 1);
        if (!of_one(fd)) {
            gamp_sleep(pause);
            pause = 2 * pause < PAUSE_MAX ? 2 * pause : PAUSE_MAX;
        }
    }
    uncount(s);
}

void server_stop(struct server *s)
{
    atomic_store_explicit(&s->stopping, true, memory_order_seq_cst);
    gamp_close(s->listener);
    gamp_mutex_lock(&s->lock);
    for (struct conn *c = s->conns; c; c = c->next)
        if (atomic_load_explicit(&c->idle, memory_order_seq_cst))
            gamp_shutdown(c->fd, SHUT_RD);
    s->draining = true;
    if (s->live == 0)
        gamp_chan_close(s->drained);
    gamp_mutex_unlock(&s->lock);
    gamp_sem_release(&s->site.places, 1); /* server_accept may wait for a place */
}

void server_cut(struct server *s)
{
    gamp_mutex_lock(&s->lock);
    for (struct conn *c = s->conns; c; c = c->next)
        gamp_shutdown(c->fd, SHUT_RDWR);
    gamp_mutex_unlock(&s->lock);
}
