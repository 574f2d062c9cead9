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

/* Whoever opens a file or a directory holds a permit meanwhile, so that a server at its limit of
 * descriptors can still open what the clients that it has accepted ask for: `files` are for that
 * alone; `places`, of which each connection holds one too, may be used while there are any. */
struct site {
    struct root root;
    struct cache cache;
    gamp_sem files, places;
    gamp_sem pages;
};

/* 0 or -errno. A site is zero before. */
int site_open(struct site *s, const char *root, int files, int places);
void site_close(struct site *s);

/* A permit for a descriptor: what is to be released once it is closed; NULL when none comes until
 * the point (0: at once). */
gamp_sem *site_permit(struct site *s, gamp_time until);

/* A file that is to be sent: in memory, or open. */
struct file {
    struct cached *cached; /* or NULL */
    int fd;                /* or -1 */
    gamp_sem *permit;      /* held while it is open */
    struct entity entity;
};

enum { FILE_DIRECTORY = 1 };

/* Looks in the cache alone. The path ends in NUL, as in site_file_open. */
bool site_file_find(struct site *s, struct text path, struct file *f);

/* Opens a file with a permit, which is released at once when none is needed further. 0;
 * FILE_DIRECTORY, nothing is then open; -errno: -EXDEV when the path leads outside the root,
 * -EACCES for what is no regular file. */
int site_file_open(struct site *s, struct text path, gamp_sem *permit, struct file *f);

void site_file_close(struct file *f);

#endif
