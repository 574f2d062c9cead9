/* SPDX-License-Identifier: BSD-3-Clause */
/* context: see context.h. Locks: tree->lock, then the timers', a channel's, the scheduler's. */
#include "std/context.h"
#include "base/atomic.h"
#include "base/race.h"
#include "os/linux/clock.h"
#include "sched/entry.h"
#include "sync/chan.h"
#include "sync/objmem.h"

/* A canceler and its tree's lists, in one piece of memory: nobody below outlives it. */
struct root {
    struct canceler canceler;
    struct context_tree tree;
};

/* Steps of a cancel between two moments at which others may have the lock. */
enum { STEPS = 64 };

gamp_context context_background = {.refs = 1, .deadline = NEVER};

/* One fewer; true: it was the last. */
static bool drop(uint32_t *count)
{
    /* Acquire and release: the last one sees what the others did. */
    race_release(count);
    if (fetch_add_acqrel(count, (uint32_t)-1) != 1)
        return false;
    race_acquire(count);
    return true;
}

bool context_is_canceler(const gamp_context *c)
{
    return c->canceler && c == &c->canceler->base;
}

static void list_splice_tail(struct list *to, struct list *from)
{
    if (list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

/* With the lock. The first one wins; its children are to follow. */
static void mark(struct canceler *c, int err, int cause)
{
    if (load_relaxed(&c->err) != 0)
        return;
    store_relaxed(&c->cause, cause);
    race_release(c);
    store_release(&c->err, err);
    timer_stop(&c->timer);
    list_del(&c->link);
    list_add_tail(&c->tree->closing, &c->link);
    list_splice_tail(&c->tree->work, &c->children);
}

/* The canceler above; only for one that has one. */
static struct canceler *above(const struct canceler *c)
{
    return c->base.parent->canceler;
}

/* With the lock, which is let go now and then; both lists are empty when it returns. */
static void finish_cancels(struct context_tree *tree)
{
    for (unsigned step = 1;; step++) {
        if (!list_empty(&tree->work)) {
            struct canceler *c = container_of(tree->work.next, struct canceler, link);
            struct canceler *up = above(c);

            /* Relaxed: what is above was marked under this lock. */
            mark(c, load_relaxed(&up->err), load_relaxed(&up->cause));
        } else if (!list_empty(&tree->closing)) {
            struct canceler *c = container_of(tree->closing.next, struct canceler, link);

            list_del(&c->link);
            chantryclose(c->done);
        } else {
            return;
        }
        if (step % STEPS == 0) {
            unlock(&tree->lock);
            lock(&tree->lock);
        }
    }
}

void context_cancel(struct canceler *c, int cause)
{
    lock(&c->tree->lock);
    mark(c, -ECANCELED, cause != 0 ? cause : -ECANCELED);
    finish_cancels(c->tree);
    unlock(&c->tree->lock);
}

/* Outside the runtime: nobody but the caller knows of c. Returns its parent, with the reference. */
static gamp_context *destroy(struct canceler *c)
{
    gamp_context *parent = c->base.parent;

    gamp_chan_unref(c->done);
    objmem_free(c);
    return parent;
}

static void dispose(struct late *l)
{
    context_unref(destroy(container_of(l, struct canceler, late)));
}

/* The timer's function. It may come when the last reference has gone, but its owner's part holds
 * the memory, and that holds the parent and the tree. */
static void deadline_came(void *arg, uintptr_t seq, int64_t now)
{
    struct canceler *c = arg;

    (void)seq;
    (void)now;
    lock(&c->tree->lock);
    mark(c, -ETIMEDOUT, -ETIMEDOUT);
    finish_cancels(c->tree);
    unlock(&c->tree->lock);
    if (drop(&c->owners))
        late_add(&c->late, dispose);
}

/* Inside the runtime. Joins the tree. */
static void attach(struct canceler *c, gamp_time at)
{
    struct canceler *up = above(c);

    lock(&c->tree->lock);
    if (up && load_relaxed(&up->err) != 0)
        mark(c, load_relaxed(&up->err), load_relaxed(&up->cause));
    else if (up)
        list_add_tail(&up->children, &c->link);
    if (load_relaxed(&c->err) == 0 && at != NEVER) {
        if (at <= nanotime())
            mark(c, -ETIMEDOUT, -ETIMEDOUT);
        else
            timer_start(&c->timer);
    }
    if (load_relaxed(&c->err) != 0)
        finish_cancels(c->tree);
    unlock(&c->tree->lock);
}

static struct canceler *alloc_canceler(const gamp_context *parent)
{
    bool is_root = !parent->canceler;
    struct canceler *c;

    late_run();
    c = objmem_alloc(is_root ? sizeof(struct root) : sizeof *c);

    if (!c)
        return NULL;
    *c = (struct canceler){.owners = 1, .done = gamp_chan_new(0, 0)};
    if (!c->done) {
        objmem_free(c);
        return NULL;
    }
    if (is_root) {
        c->tree = &container_of(c, struct root, canceler)->tree;
        mutex_init(&c->tree->lock, LOCK_CONTEXT);
        list_init(&c->tree->work);
        list_init(&c->tree->closing);
    } else {
        c->tree = parent->canceler->tree;
    }
    list_init(&c->link);
    list_init(&c->children);
    return c;
}

gamp_context *context_new_canceler(gamp_context *parent, gamp_time at)
{
    struct canceler *c = alloc_canceler(parent);

    if (!c)
        return NULL;
    c->base = (gamp_context){.refs = 1, .parent = context_ref(parent), .canceler = c};
    c->base.deadline = MIN(at, parent->deadline);
    c->timer = (struct timer){.when = at, .f = deadline_came, .arg = c, .refs = &c->owners};
    gamp_enter();
    /* A deadline above that is nearer, or the same, comes down from there. */
    attach(c, at < parent->deadline ? at : NEVER);
    gamp_leave();
    return &c->base;
}

gamp_context *context_new_value(gamp_context *parent, const void *key, void *value)
{
    gamp_context *c = objmem_alloc(sizeof *c);

    if (!c)
        return NULL;
    *c = (gamp_context){.refs = 1,
                        .is_value = true,
                        .parent = context_ref(parent),
                        .canceler = parent->canceler,
                        .deadline = parent->deadline,
                        .key = key,
                        .value = value};
    return c;
}

gamp_context *context_ref(gamp_context *c)
{
    /* Relaxed: the caller has a reference already. */
    if (c != &context_background)
        fetch_add_relaxed(&c->refs, 1);
    return c;
}

/* The last reference has gone: nobody is below. Returns the parent if its reference is free now. */
static gamp_context *bury(struct canceler *c)
{
    gamp_enter();
    lock(&c->tree->lock);
    /* Should a cancel from above be under way, done is still closed for those who hold it alone. */
    finish_cancels(c->tree);
    timer_stop(&c->timer);
    list_del(&c->link);
    unlock(&c->tree->lock);
    gamp_leave();
    late_run();
    return drop(&c->owners) ? destroy(c) : NULL;
}

void context_unref(gamp_context *c)
{
    /* By a loop: a chain of parents may go with it. */
    while (c && c != &context_background) {
        if (!drop(&c->refs))
            return;
        if (c->is_value) {
            gamp_context *parent = c->parent;

            objmem_free(c);
            c = parent;
        } else {
            c = bury(c->canceler);
        }
    }
}
