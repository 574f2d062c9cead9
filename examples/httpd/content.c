/* SPDX-License-Identifier: BSD-3-Clause */
/* content: see content.h. */
#include "content.h"

#include <stdlib.h>

#include "condition.h"
#include "listing.h"
#include "path.h"
#include "range.h"

#define INDEX "index.html"

/* A page shows this many names. */
enum { NAMES_MAX = 10000 };

/* How long a request waits for others to close their files before it is told to come back, and the
 * pauses when the system itself has no descriptor left. */
#define PATIENCE (5 * GAMP_SECOND)
#define PAUSE_MIN (5 * GAMP_MILLISECOND)
#define PAUSE_MAX (200 * GAMP_MILLISECOND)

static int status_of(int err)
{
    switch (-err) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG:
        return 404;
    case EACCES:
    case EPERM:
    case EXDEV:
    case ENXIO:
    case ENODEV:
        return 403;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ETIMEDOUT:
        return 503;
    default:
        return 500;
    }
}

static void reply_error(struct exchange *x, int err)
{
    int status = status_of(err);
    reply_status(x, status, status == 503 ? TEXT("Retry-After: 1\r\n") : TEXT(""));
}

/* A permit to open something, or NULL. What was gathered goes out before a wait: other clients'
 * speed is not this one's business. */
static gamp_sem *permit(struct exchange *x, gamp_time until)
{
    gamp_sem *p = site_permit(x->site, 0);
    if (p)
        return p;
    out_flush(x->out);
    return site_permit(x->site, until);
}

/* After an attempt to open that gave err: is there to be another one? Then a while has passed. */
static bool again(struct exchange *x, int err, gamp_duration *pause, gamp_time until)
{
    if ((err != -EMFILE && err != -ENFILE) || gamp_now() >= until)
        return false;
    out_flush(x->out);
    gamp_sleep(*pause);
    *pause = 2 * *pause < PAUSE_MAX ? 2 * *pause : PAUSE_MAX;
    return true;
}

/* 0, FILE_DIRECTORY or -errno. */
static int file_open(struct exchange *x, struct text path, struct file *f)
{
    if (site_file_find(x->site, path, f))
        return 0;
    gamp_time until = gamp_now() + PATIENCE;
    gamp_duration pause = PAUSE_MIN;
    int r;
    do {
        gamp_sem *p = permit(x, until);
        r = p ? site_file_open(x->site, path, p, f) : -ETIMEDOUT;
    } while (again(x, r, &pause, until));
    return r;
}

/* A page of the directory, or -errno. */
static int page_make(struct exchange *x, struct text path, struct text *page)
{
    gamp_time until = gamp_now() + PATIENCE;
    gamp_duration pause = PAUSE_MIN;
    struct text name = {path.p, path.n - (path.n > 0)}; /* without its slash */
    int r;
    do {
        gamp_sem *p = permit(x, until);
        if (!p)
            return -ETIMEDOUT;
        int fd = root_open_file(&x->site->root, path.p);
        r = fd < 0 ? fd : listing_make(fd, name, NAMES_MAX, page);
        gamp_sem_release(p, 1);
    } while (again(x, r, &pause, until));
    return r;
}

void content_bytes(struct exchange *x, struct file *f, uint64_t offset, uint64_t n)
{
    if (f->cached)
        out_cached(x->out, f->cached, offset, n);
    else
        out_file(x->out, f->fd, offset, n);
}

static void whole(struct exchange *x, struct file *f)
{
    char *p = out_reserve(x->out, HEAD_ROOM);
    p = f->cached ? head_text(p, f->cached->head) : head_whole(p, &f->entity);
    reply_head_end(x, p, 200, f->entity.size);
    if (reply_has_body(x))
        content_bytes(x, f, 0, f->entity.size);
}

/* "Content-Range: bytes 0-99/1000" */
static char *content_range(char *p, const struct range *r, uint64_t size)
{
    p = head_text(p, TEXT("Content-Range: bytes "));
    if (r) {
        p = head_decimal(p, r->first);
        p = head_text(p, TEXT("-"));
        p = head_decimal(p, r->last);
    } else {
        p = head_text(p, TEXT("*"));
    }
    p = head_decimal(head_text(p, TEXT("/")), size);
    return head_text(p, TEXT("\r\n"));
}

static void part(struct exchange *x, struct file *f, const struct range *r)
{
    uint64_t n = r->last - r->first + 1;
    char *p = head_status(out_reserve(x->out, HEAD_ROOM), 206);
    p = head_field(p, TEXT("Content-Type: "), f->entity.type);
    p = content_range(p, r, f->entity.size);
    p = head_length(p, n);
    p = head_entity(p, &f->entity);
    reply_head_end(x, p, 206, n);
    content_bytes(x, f, r->first, n);
}

static void unsatisfiable(struct exchange *x, const struct file *f)
{
    char field[64];
    size_t n = (size_t)(content_range(field, NULL, f->entity.size) - field);
    reply_status(x, 416, (struct text){field, n});
}

/* Kept out of line: its frame would be that of every request, and stack memory once touched stays a
 * connection's. */
static __attribute__((noinline)) void not_modified(struct exchange *x, const struct file *f)
{
    char fields[HEAD_ROOM];
    size_t n = (size_t)(head_entity(fields, &f->entity) - fields);
    reply_status(x, 304, (struct text){fields, n});
}

/* Ranges are defined for GET alone. */
static enum range_verdict ranges_of(const struct exchange *x, const struct file *f,
                                    const struct validators *v, time_t now,
                                    struct range ranges[RANGE_MAX], size_t *n)
{
    const struct request *r = x->request;
    if (r->method != METHOD_GET || r->count[FIELD_RANGE] != 1 || !condition_range(r, v, now))
        return RANGE_IGNORE;
    return range_parse(r->first[FIELD_RANGE], f->entity.size, ranges, n);
}

static void file_serve(struct exchange *x, struct file *f)
{
    struct validators v = entity_validators(&f->entity);
    struct range ranges[RANGE_MAX];
    size_t n = 0;
    time_t now = reply_now();
    switch (condition_check(x->request, &v, now)) {
    case 304:
        not_modified(x, f);
        return;
    case 412:
        reply_status(x, 412, TEXT(""));
        return;
    }
    switch (ranges_of(x, f, &v, now, ranges, &n)) {
    case RANGE_IGNORE:
        whole(x, f);
        break;
    case RANGE_UNSATISFIABLE:
        unsatisfiable(x, f);
        break;
    case RANGE_PARTIAL:
        if (n == 1)
            part(x, f, ranges);
        else
            multipart_serve(x, f, ranges, n);
        break;
    }
}

/* The directory lacks its slash: relative links on its page would go wrong. The location begins
 * with exactly one slash, so it never names another host. */
static void redirect(struct exchange *x, struct text path)
{
    struct text query = x->request->query;
    char *field = malloc(32 + 3 * path.n + query.n), *p = field;
    if (!field) {
        reply_error(x, -ENOMEM);
        return;
    }
    p = head_text(p, TEXT("Location: /"));
    p += path_encode(path, p);
    p = head_text(p, TEXT("/"));
    p = head_field(p, query, TEXT(""));
    reply_status(x, 301, (struct text){field, (size_t)(p - field)});
    free(field);
}

static void page_serve(struct exchange *x, struct text page)
{
    struct validators none = {0};
    int status = condition_check(x->request, &none, 0);
    if (status)
        reply_status(x, status, TEXT(""));
    else
        reply_page(x, page);
    if (page.n > OUT_ROOM - HEAD_ROOM) /* it was not copied */
        out_flush(x->out);
}

/* Pages may be long: only so many are made, or on their way, at once. */
static void listing_serve(struct exchange *x, struct text path)
{
    struct text page;
    gamp_sem *pages = &x->site->pages;
    if (!gamp_sem_tryacquire(pages, 1)) {
        out_flush(x->out);
        if (gamp_sem_acquire_until(pages, 1, gamp_now() + PATIENCE)) {
            reply_error(x, -ETIMEDOUT);
            return;
        }
    }
    int r = page_make(x, path, &page);
    if (r) {
        reply_error(x, r);
    } else {
        page_serve(x, page);
        free((char *)page.p);
    }
    gamp_sem_release(pages, 1);
}

void content_serve(struct exchange *x)
{
    struct file f;
    int n = path_resolve(x->request->path, x->path);
    if (n < 0) {
        reply_status(x, -n, TEXT(""));
        return;
    }
    struct text path = {x->path, (size_t)n};
    bool directory = n == 0 || x->path[n - 1] == '/';
    if (directory) {
        memcpy(x->path + n, INDEX, sizeof INDEX);
        path.n += sizeof INDEX - 1;
    }
    int r = file_open(x, path, &f);
    if (r == 0) {
        file_serve(x, &f);
        site_file_close(&f);
    } else if (directory && (r == -ENOENT || r == FILE_DIRECTORY)) {
        x->path[n] = '\0';
        listing_serve(x, (struct text){x->path, (size_t)n});
    } else if (r == FILE_DIRECTORY) {
        redirect(x, path);
    } else {
        reply_error(x, r);
    }
}
