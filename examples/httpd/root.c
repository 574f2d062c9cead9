/* SPDX-License-Identifier: BSD-3-Clause */
/* root: see root.h. errno is read straight after the call that set it, and no call of gamp comes
 * between them in any function here; so libc's own will do, and the file needs no runtime. */
#define _GNU_SOURCE
#include "root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* O_NONBLOCK: opening a fifo does not wait; on files it means nothing. */
enum { OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

/* A rename anywhere during the resolution of ".." makes openat2 give up with EAGAIN. */
enum { RACES_MAX = 16 };

static int open_beneath(int dir, const char *path, uint64_t resolve)
{
    struct open_how how = {.flags = OPEN_FLAGS, .resolve = RESOLVE_BENEATH | resolve};
    for (int i = 0;; i++) {
        long fd = syscall(SYS_openat2, dir, path[0] ? path : ".", &how, sizeof how);
        if (fd >= 0)
            return (int)fd;
        int err = errno;
        if ((err != EAGAIN && err != EINTR) || i == RACES_MAX)
            return -err;
    }
}

/* Opens one segment after the other, following no link. */
static int open_by_segments(int root, const char *path)
{
    char segment[NAME_MAX + 1];
    int dir = root;
    for (;;) {
        size_t n = strcspn(path, "/");
        bool last = path[n] == '\0';
        if (n > NAME_MAX)
            n = NAME_MAX; /* cannot be: the path was resolved */
        memcpy(segment, path, n);
        segment[n] = '\0';
        int fd = openat(dir, n ? segment : ".",
                        O_NOFOLLOW | O_CLOEXEC | (last ? OPEN_FLAGS : O_PATH | O_DIRECTORY));
        int err = errno;
        if (dir != root)
            close(dir);
        if (fd < 0 || last)
            return fd < 0 ? -err : fd;
        dir = fd;
        path += n + 1;
    }
}

/* Where the directory is now; the length or -errno. */
static ssize_t root_path(int fd, char out[PATH_MAX])
{
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, out, PATH_MAX - 1);
    if (n < 0)
        return -errno;
    out[n] = '\0';
    return n;
}

/* Resolves all links first, then opens what they lead to, if that is below the root. */
static int open_resolved(const struct root *root, const char *path)
{
    char from[PATH_MAX], real[PATH_MAX], whole[2 * PATH_MAX];
    ssize_t n = root_path(root->fd, from);
    if (n < 0)
        return (int)n;
    snprintf(whole, sizeof whole, "%s/%s", from, path);
    if (!realpath(whole, real))
        return -errno;
    size_t len = n == 1 ? 0 : (size_t)n; /* "/" is every path's beginning */
    if (strncmp(real, from, len) != 0 || (real[len] != '/' && real[len] != '\0'))
        return -EXDEV;
    const char *below = real[len] ? real + len + 1 : real + len;
    return root->has_openat2 ? open_beneath(root->fd, below, RESOLVE_NO_SYMLINKS)
                             : open_by_segments(root->fd, below);
}

int root_open(struct root *root, const char *path)
{
    root->fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root->fd < 0)
        return -errno;
    int fd = open_beneath(root->fd, "", 0);
    root->has_openat2 = fd >= 0;
    if (fd < 0)
        fd = open_by_segments(root->fd, "");
    if (fd < 0) {
        root_close(root);
        return fd;
    }
    close(fd);
    return 0;
}

void root_close(struct root *root)
{
    close(root->fd);
    root->fd = -1;
}

int root_open_file(const struct root *root, const char *path)
{
    int fd = -EXDEV;
    if (root->has_openat2)
        fd = open_beneath(root->fd, path, RESOLVE_NO_MAGICLINKS);
    return fd == -EXDEV ? open_resolved(root, path) : fd;
}

int root_stat(const struct root *root, const char *path, struct stat *st)
{
    return fstatat(root->fd, path[0] ? path : ".", st, 0) == 0 ? 0 : -errno;
}
