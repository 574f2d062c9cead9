/* SPDX-License-Identifier: BSD-3-Clause */
/* mime: the content type that a file's name tells. */
#ifndef HTTPD_MIME_H
#define HTTPD_MIME_H

#include "text.h"

/* By the extension after the last dot of the last segment, whatever its case; a name without one
 * that is known is "application/octet-stream". Text is taken for UTF-8. */
struct text mime_type(struct text path);

#endif
