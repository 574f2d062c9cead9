/* SPDX-License-Identifier: BSD-3-Clause */
/* root: opens files below one directory and never anything outside it, whatever links there are and
 * whoever renames them meanwhile.
 *
 * The kernel sees to it: openat2 with RESOLVE_BENEATH resolves and opens in one step. It refuses
 * absolute links even when they lead back inside; such a path is resolved to where it really leads,
 * compared with the root's own path, and then opened anew without following any link, so that a
 * change in between gives an error and not a file from elsewhere. The same way serves kernels and
 * emulators without openat2.
 *
 * Rejected: realpath and open (a link swapped in between escapes), chroot (needs root). */
#ifndef HTTPD_ROOT_H
#define HTTPD_ROOT_H

#include <stdbool.h>
#include <sys/stat.h>

struct root {
    int fd;
    bool has_openat2;
};

/* 0 or -errno; -ENOTDIR when it is no directory. */
int root_open(struct root *root, const char *path);
void root_close(struct root *root);

/* Opens a path as path_resolve gives it for reading: a descriptor, -EXDEV when it leads outside, or
 * what open says. Never waits for a fifo's other end. */
int root_open_file(const struct root *root, const char *path);

/* What a path leads to now; 0 or -errno. It may tell of a file outside: compare, never serve. */
int root_stat(const struct root *root, const char *path, struct stat *st);

#endif
