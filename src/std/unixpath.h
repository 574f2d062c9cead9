/* SPDX-License-Identifier: BSD-3-Clause */
/* unixpath: the files that unix listeners have made, to be removed when those are closed. */
#ifndef GAMP_STD_UNIXPATH_H
#define GAMP_STD_UNIXPATH_H

#include "base/compiler.h"

struct unixpath;

/* All outside the runtime. A record for path, before anything is bound to it; NULL: no memory. */
struct unixpath *unixpath_new(const char *path);
/* The path was bound just now. */
void unixpath_made(struct unixpath *u);
/* It listens as fd, which has the record from now on. */
void unixpath_listens(struct unixpath *u, int fd);
/* It came to nothing: removes the file, if it was made, and frees the record (NULL: nothing). */
void unixpath_drop(struct unixpath *u);
/* fd is about to be closed. */
void unixpath_closing(int fd);

#endif
