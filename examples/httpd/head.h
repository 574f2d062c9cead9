/* SPDX-License-Identifier: BSD-3-Clause */
/* head: writes the head of a response piece by piece. The caller has made room: HEAD_ROOM bytes do
 * for everything here but the text of a location. */
#ifndef HTTPD_HEAD_H
#define HTTPD_HEAD_H

#include "date.h"
#include "entity.h"

enum { HEAD_ROOM = 1024 };

static inline char *head_text(char *p, struct text t)
{
    memcpy(p, t.p, t.n);
    return p + t.n;
}

/* Each returns where the next piece goes. */
char *head_decimal(char *p, uint64_t v);
/* The status line, and the fields that every response has but the date. */
char *head_status(char *p, int status);
/* "name: value"; name with its ": ". */
char *head_field(char *p, struct text name, struct text value);
char *head_length(char *p, uint64_t length);
/* The validators, and that ranges are served. */
char *head_entity(char *p, const struct entity *e);
/* Everything up to the fields that vary of a response with the whole entity. */
char *head_whole(char *p, const struct entity *e);

/* "404 Not Found" */
struct text head_reason(int status);

#endif
