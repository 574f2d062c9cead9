/* SPDX-License-Identifier: BSD-3-Clause */
/* unixpath: the files that unix listeners have made, to be removed when those are closed. */
#ifndef GAMP_STD_UNIXPATH_H
#define GAMP_STD_UNIXPATH_H

#include "base/compiler.h"

/* fd was bound to path just now. Best effort: without memory the file stays. Outside the
 * runtime. */
void unixpath_bound(int fd, const char *path);
/* fd is about to be closed. */
void unixpath_closing(int fd);

#endif
