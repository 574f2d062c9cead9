/* SPDX-License-Identifier: BSD-3-Clause */
/* site: see site.h. */
#include "site.h"

#include <time.h>
#include <unistd.h>

int site_open(struct site *s, const char *root, int files, int places)
{
    gamp_sem_init(&s->files, files);
    gamp_sem_init(&s->places, places);
    gamp_sem_init(&s->pages, SITE_PAGES_MAX);
    return root_open(&s->root, root);
}

void site_close(struct site *s)
{
    cache_clear(&s->cache);
    root_close(&s->root);
}

gamp_sem *site_permit(struct site *s, gamp_time until)
{
    if (gamp_sem_tryacquire(&s->files, 1))
        return &s->files;
    if (gamp_sem_tryacquire(&s->places, 1))
        return &s->places;
    return until && gamp_sem_acquire_until(&s->files, 1, until) == 0 ? &s->files : NULL;
}

bool site_file_find(struct site *s, struct text path, struct file *f)
{
    f->fd = -1;
    f->cached = cache_find(&s->cache, &s->root, path);
    if (f->cached)
        f->entity = f->cached->entity;
    return f->cached != NULL;
}

/* What the open descriptor is; f takes it, or its content. */
static int take_open(struct site *s, struct text path, struct file *f, int fd, struct timespec now)
{
    struct stat st;
    struct version v;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return FILE_DIRECTORY;
    if (!S_ISREG(st.st_mode))
        return -EACCES;
    if (st.st_size <= CACHE_FILE_MAX) {
        f->cached = cache_load(&s->cache, path, fd, &st, now);
        if (f->cached) {
            f->entity = f->cached->entity;
            return 0;
        }
    }
    version_of(&st, &v);
    entity_of(&v, path, now.tv_sec, &f->entity);
    f->fd = fd;
    return 0;
}

int site_file_open(struct site *s, struct text path, gamp_sem *permit, struct file *f)
{
    struct timespec now;
    f->cached = NULL;
    f->fd = -1;
    f->permit = permit;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    int result = root_open_file(&s->root, path.p);
    if (result >= 0) {
        int fd = result;
        result = take_open(s, path, f, fd, now);
        if (f->fd < 0)
            close(fd);
    }
    if (f->fd < 0)
        gamp_sem_release(permit, 1);
    return result;
}

void site_file_close(struct file *f)
{
    if (f->cached)
        cached_unref(f->cached);
    if (f->fd >= 0) {
        close(f->fd);
        gamp_sem_release(f->permit, 1);
    }
}
