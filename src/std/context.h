/* SPDX-License-Identifier: BSD-3-Clause */
/* context: trees of cancellation, deadlines and values.
 *
 *   background                     one object, uncounted
 *      \- root ------------.       a canceler right below it, with the tree's lock
 *          |- value         \
 *          |   \- canceler   }- tree: all below one root; parent links of any kind,
 *          \- canceler      /         children links from canceler to next canceler
 *
 * References (refs): of users, and of each child to its parent. The list of children holds none: a
 * child leaves it when its own last reference goes. So whoever has a reference may walk up freely,
 * and down under the tree's lock.
 *
 * A canceler is on one list (link): its parent canceler's children while alive; the tree's `work`
 * while a cancel above it is under way; `closing` once marked; none when done is closed. Invariant:
 * cancelled at all (err != 0) means, whenever the tree's lock is free and its work list empty, that
 * all below are; and done is closed only while work is empty. Everybody who cancels goes on until
 * both lists are empty, whoever filled them, so what is true of the whole tree when the last of
 * them returns is true of each one's part when he returns.
 *
 * err and cause are read without the lock. Pairs: mark's store_release(err) with load_acquire(err)
 * of context_err and context_cause, which then sees the cause too.
 *
 * Rejected: a lock for each node, taken downwards (recursion, and as many ranks as the tree is
 * deep); asking the ancestors at each err (the first cause could not win). */
#ifndef GAMP_STD_CONTEXT_H
#define GAMP_STD_CONTEXT_H

#include "base/list.h"
#include "lock/mutex.h"
#include "sched/timer.h"
#include "std/late.h"
#include <gamp/context.h>

struct canceler;

struct gamp_context {
    uint32_t refs; /* atomic; the rest is written once */
    bool is_value;
    struct gamp_context *parent; /* NULL: the background */
    struct canceler *canceler;   /* itself, or the nearest above that can be cancelled, or NULL */
    gamp_time deadline;          /* the nearest, here and above */
    const void *key;
    void *value;
};

struct context_tree {
    struct mutex lock;   /* LOCK_CONTEXT: the lists, and arming of timers */
    struct list work;    /* to be marked, because what is above them is */
    struct list closing; /* marked, done still open */
};

struct canceler {
    struct gamp_context base;
    uint32_t owners; /* atomic: one for refs > 0, one for each call of the timer's function */
    int err, cause;  /* atomic; written once, under the lock */
    gamp_chan *done;
    struct context_tree *tree;
    struct list link, children; /* tree->lock */
    struct timer timer;
    struct late late;
};

/* Outside the runtime. A child whose own deadline is at (GAMP_NEVER: none), its only reference the
 * caller's. NULL: no memory. */
gamp_context *context_new_canceler(gamp_context *parent, gamp_time at);
gamp_context *context_new_value(gamp_context *parent, const void *key, void *value);
/* Outside the runtime. */
void context_unref(gamp_context *c);

gamp_context *context_ref(gamp_context *c);
/* Inside the runtime; c can be cancelled. */
void context_cancel(struct canceler *c, int cause);
bool context_is_canceler(const gamp_context *c);

extern gamp_context context_background;

#endif
