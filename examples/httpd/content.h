/* SPDX-License-Identifier: BSD-3-Clause */
/* content: answers GET and HEAD: the file that a path names, parts of it, or a page of a
 * directory. */
#ifndef HTTPD_CONTENT_H
#define HTTPD_CONTENT_H

#include "reply.h"

/* Answers x->request. Its body has been read before. */
void content_serve(struct exchange *x);

/* multipart.c: several ranges of a file in one answer, as multipart/byteranges (RFC 9110, 14.6). */
struct range;
void multipart_serve(struct exchange *x, struct file *f, const struct range *ranges, size_t n);

/* Bytes of a file, from memory or from the descriptor. */
void content_bytes(struct exchange *x, struct file *f, uint64_t offset, uint64_t n);

#endif
