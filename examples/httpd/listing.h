/* SPDX-License-Identifier: BSD-3-Clause */
/* listing: a page with the names in a directory, each a link, in order of their bytes. */
#ifndef HTTPD_LISTING_H
#define HTTPD_LISTING_H

#include "text.h"

/* A page is not made longer than this. */
enum { LISTING_BYTES_MAX = 4 << 20 };

/* Makes the page of an open directory, which it closes. path is what the client calls it, without
 * slashes at the ends; empty for the root. At most `max` names are read; a page from which some are
 * missing says so. 0, the page then is to be freed; or -errno. */
int listing_make(int dir, struct text path, size_t max, struct text *page);

#endif
