/* SPDX-License-Identifier: BSD-3-Clause */
/* path: from the path of a URI to a path below the root, and back.
 *
 * The result is relative to the root, without a leading slash, without empty, "." or ".." segments,
 * and ends in '/' where the URI meant a directory: "" is the root itself. Decoding comes first,
 * so that "%2e%2e" and "..%2f" are what they look like after it. */
#ifndef HTTPD_PATH_H
#define HTTPD_PATH_H

#include "text.h"

/* A path longer than the kernel takes names nothing: 414. */
enum { PATH_ROOM = 4096 };

/* Decodes and normalises. Writes a NUL-terminated path to out and returns its length, or minus
 * the status: 400 for a malformed escape or a NUL, 403 for a path that climbs above the root,
 * 414 when it does not fit. */
int path_resolve(struct text encoded, char out[PATH_ROOM]);

/* Writes a path as it may stand in a URI, '/' kept; every other byte that is not unreserved is
 * escaped. Returns the length; needs room for three times the path's. */
size_t path_encode(struct text path, char *out);

#endif
