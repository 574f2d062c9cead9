/* SPDX-License-Identifier: BSD-3-Clause */
/* lockrank_up: where the ranks held by the calling thread are noted; src/sched/m.c defines it. */
#ifndef GAMP_LOCK_LOCKRANK_UP_H
#define GAMP_LOCK_LOCKRANK_UP_H

#include "base/compiler.h"

struct lockrank_held {
    int n;
    uint8_t rank[24];
};

struct lockrank_held *lockrank_held(void); /* NULL: a thread that is not attached; not checked */

#endif
