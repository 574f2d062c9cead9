/* SPDX-License-Identifier: BSD-3-Clause */
/* site: the files below the root, and how many of them may be open. */
#ifndef HTTPD_SITE_H
#define HTTPD_SITE_H

#include <gamp.h>

#include "cache.h"
#include "entity.h"
#include "root.h"

/* Listings that are made, or too long to be copied and on their way, at once. */
enum { SITE_PAGES_MAX = 16 };

/* Descriptors are shared out at the start: `files` permits are for files and directories that are
 * open, the others are for connections. So a server at its limit can still open what the clients
 * that it has accepted ask for. */
struct site {
    struct root root;
    struct cache cache;
    gamp_sem files;
    gamp_sem pages;
};

/* 0 or -errno. A site is zero before. */
int site_open(struct site *s, const char *root, int files);
void site_close(struct site *s);

/* A file that is to be sent: in memory, or open. */
struct file {
    struct cached *cached; /* or NULL */
    int fd;                /* or -1; it then holds one of the site's permits */
    struct entity entity;
};

enum { FILE_DIRECTORY = 1 };

/* Looks in the cache alone. The path ends in NUL, as in site_file_open. */
bool site_file_find(struct site *s, struct text path, struct file *f);

/* Opens a file with a permit that the caller has taken, and gives the permit back if none is needed
 * further. 0; FILE_DIRECTORY, nothing is then open; -errno: -EXDEV when the path leads outside the
 * root, -EACCES for what is no regular file. */
int site_file_open(struct site *s, struct text path, struct file *f);

void site_file_close(struct site *s, struct file *f);

#endif
