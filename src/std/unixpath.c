/* SPDX-License-Identifier: BSD-3-Clause */
#include "std/unixpath.h"
#include "os/linux/sys.h"
#include "sched/entry.h"
#include "sched/polldesc.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct unixpath {
    struct unixpath *next;
    int fd;
    uint32_t seq; /* of the listener's registration */
    int pid;      /* a forked child does not remove its parent's */
    dev_t dev;
    ino_t ino;
    char path[];
};

static struct mutex paths_lock = MUTEX_INIT(LOCK_LEAF);
static struct unixpath *paths; /* paths_lock */
static uint32_t count;         /* atomic; listeners are few, closes are many */

static int path_stat(const char *path, struct stat *st)
{
    return (int)sys_call(SYS_newfstatat, AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
}

static uint32_t seq_of(int fd)
{
    struct polldesc *pd = polldesc_lookup(fd);

    return pd ? PD_SEQ(load_acquire(&pd->mu)) : 0;
}

struct unixpath *unixpath_new(const char *path)
{
    size_t n = strlen(path) + 1;
    struct unixpath *u = malloc(sizeof *u + n);

    if (!u)
        return NULL;
    *u = (struct unixpath){.fd = -1, .pid = sys_getpid()};
    memcpy(u->path, path, n);
    return u;
}

void unixpath_made(struct unixpath *u)
{
    struct stat st;

    if (path_stat(u->path, &st) < 0)
        return;
    u->dev = st.st_dev;
    u->ino = st.st_ino;
}

void unixpath_listens(struct unixpath *u, int fd)
{
    u->fd = fd;
    u->seq = seq_of(fd);
    gamp_enter();
    lock(&paths_lock);
    u->next = paths;
    paths = u;
    fetch_add_relaxed(&count, 1);
    unlock(&paths_lock);
    gamp_leave();
}

/* Inode 0, which is none, while nothing was made. */
void unixpath_drop(struct unixpath *u)
{
    struct stat st;

    if (u && u->ino != 0 && u->pid == sys_getpid() && path_stat(u->path, &st) == 0 &&
        st.st_dev == u->dev && st.st_ino == u->ino)
        sys_call(SYS_unlinkat, AT_FDCWD, u->path, 0);
    free(u);
}

void unixpath_closing(int fd)
{
    struct unixpath **at, *u;

    /* Relaxed: a listener's closer knows of its listening. */
    if (likely(load_relaxed(&count) == 0))
        return;
    gamp_enter();
    lock(&paths_lock);
    for (at = &paths; (u = *at) != NULL && u->fd != fd; at = &u->next)
        ;
    if (u) {
        *at = u->next;
        fetch_add_relaxed(&count, (uint32_t)-1);
    }
    unlock(&paths_lock);
    gamp_leave();
    if (u && u->seq != seq_of(fd))
        u->ino = 0; /* the number is another's: the listener was closed behind our back */
    unixpath_drop(u);
}
