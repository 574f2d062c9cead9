/* SPDX-License-Identifier: BSD-3-Clause */
/* entity: what a file is to HTTP: its type, its length, and the validators that tell one version of
 * it from another. */
#ifndef HTTPD_ENTITY_H
#define HTTPD_ENTITY_H

#include <sys/stat.h>

#include "condition.h"
#include "text.h"

enum { ENTITY_ETAG_MAX = 56 }; /* three numbers of 16 hexadecimal digits, dashes, quotes */

/* What stat said of a file. Versions that compare equal have the same content, unless it changed
 * twice within one tick of the file system's clock. */
struct version {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec modified, changed;
};

struct entity {
    struct text type;
    uint64_t size;
    bool dated; /* false while the file claims to be from the future: no date is given then */
    time_t modified;
    uint8_t etag_len;
    char etag[ENTITY_ETAG_MAX];
};

void version_of(const struct stat *st, struct version *v);
bool version_equal(const struct version *a, const struct version *b);

/* The entity tag is strong: file number, length and time of modification in nanoseconds. */
void entity_of(const struct version *v, struct text path, time_t now, struct entity *e);

struct validators entity_validators(const struct entity *e);

#endif
