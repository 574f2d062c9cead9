/* SPDX-License-Identifier: BSD-3-Clause */
/* sema: see sema.h. A waiter's record lies on its stack. */
#include "sync/sema.h"
#include "lock/mutex.h"
#include "os/linux/clock.h"
#include "sched/choice.h"
#include "sched/solo.h"
#include "sync/sudog.h"

enum { BUCKETS = 251 };

struct waiter {
    struct g *g;
    uint32_t *addr;
    struct waiter *next, *prev; /* of the same address; prev of the first is NULL */
    /* Of the first alone. */
    struct waiter *last;
    struct waiter *parent, *left, *right;
    uint32_t priority;
    /* Of timed ones. */
    bool timed;
    bool queued;
    uint32_t ticket;
};

static struct bucket {
    struct mutex lock; /* LOCK_SEMA; the tree, its waiters and the words of its addresses */
    struct waiter *root;
} cacheline_aligned buckets[BUCKETS] = {
    [0 ... BUCKETS - 1] = {.lock = MUTEX_INIT(LOCK_SEMA)},
};

static struct bucket *bucket_of(const uint32_t *addr)
{
    return &buckets[((uintptr_t)addr >> 3) % BUCKETS];
}

/* The link that points at w. */
static struct waiter **link_to(struct bucket *b, struct waiter *w)
{
    if (!w->parent)
        return &b->root;
    return w->parent->left == w ? &w->parent->left : &w->parent->right;
}

static void set_parent(struct waiter *child, struct waiter *parent)
{
    if (child)
        child->parent = parent;
}

/* x's child on one side takes x's place, and x becomes its child on the other. */
static void rotate(struct bucket *b, struct waiter *x, bool right_up)
{
    struct waiter *y = right_up ? x->right : x->left;

    *link_to(b, x) = y;
    y->parent = x->parent;
    x->parent = y;
    if (right_up) {
        x->right = y->left;
        set_parent(x->right, x);
        y->left = x;
    } else {
        x->left = y->right;
        set_parent(x->left, x);
        y->right = x;
    }
}

/* w takes the place of old in the tree, as the first of the address. */
static void replace(struct bucket *b, struct waiter *old, struct waiter *w)
{
    *link_to(b, old) = w;
    w->parent = old->parent;
    w->left = old->left;
    w->right = old->right;
    set_parent(w->left, w);
    set_parent(w->right, w);
    w->priority = old->priority;
}

static struct waiter *find(struct bucket *b, const uint32_t *addr)
{
    struct waiter *w = b->root;

    while (w && w->addr != addr)
        w = (uintptr_t)addr < (uintptr_t)w->addr ? w->left : w->right;
    return w;
}

static void insert(struct bucket *b, struct waiter *w)
{
    struct waiter **link = &b->root;

    w->parent = w->left = w->right = NULL;
    w->priority = sched_rand(UINT32_MAX);
    while (*link) {
        w->parent = *link;
        link =
            (uintptr_t)w->addr < (uintptr_t)w->parent->addr ? &w->parent->left : &w->parent->right;
    }
    *link = w;
    while (w->parent && w->parent->priority > w->priority)
        rotate(b, w->parent, w->parent->right == w);
}

static void enqueue(struct bucket *b, struct waiter *w, bool lifo)
{
    struct waiter *first = find(b, w->addr);

    w->next = w->prev = NULL;
    w->queued = true;
    if (!first) {
        w->last = w;
        insert(b, w);
    } else if (lifo) {
        replace(b, first, w);
        w->last = first->last;
        w->next = first;
        first->prev = w;
    } else {
        w->prev = first->last;
        first->last->next = w;
        first->last = w;
    }
}

static void remove_node(struct bucket *b, struct waiter *w)
{
    while (w->left || w->right)
        rotate(b, w, !w->left || (w->right && w->right->priority < w->left->priority));
    *link_to(b, w) = NULL;
}

static void dequeue(struct bucket *b, struct waiter *w)
{
    w->queued = false;
    if (w->prev) {
        w->prev->next = w->next;
        if (w->next)
            w->next->prev = w->prev;
        else
            find(b, w->addr)->last = w->prev;
    } else if (w->next) {
        replace(b, w, w->next);
        w->next->last = w->last;
        w->next->prev = NULL;
    } else {
        remove_node(b, w);
    }
}

/* The first in line whose wait the caller now has the right to end. */
static struct waiter *pop(struct bucket *b, uint32_t *addr)
{
    struct waiter *w;

    while ((w = find(b, addr)) != NULL) {
        dequeue(b, w);
        if (!w->timed || wait_claim(w->g, w->ticket))
            return w;
    }
    return NULL;
}

static bool take_token(uint32_t *addr)
{
    /* Relaxed: only touched under the bucket's lock. */
    uint32_t n = load_relaxed(addr);

    if (n == 0)
        return false;
    store_relaxed(addr, n - 1);
    return true;
}

void semacquire(uint32_t *addr, bool lifo, enum waitreason reason)
{
    struct bucket *b = bucket_of(addr);
    struct waiter w;

    lock_solo(&b->lock);
    if (take_token(addr)) {
        unlock_solo(&b->lock);
        return;
    }
    w.g = getg();
    w.addr = addr;
    w.timed = false;
    enqueue(b, &w, lifo);
    goparkunlock_solo(&b->lock, reason);
}

bool semacquire_until(uint32_t *addr, bool lifo, enum waitreason reason, int64_t until)
{
    struct bucket *b = bucket_of(addr);
    struct waiter w;

    if (until == NEVER) {
        semacquire(addr, lifo, reason);
        return true;
    }
    lock_solo(&b->lock);
    if (take_token(addr)) {
        unlock_solo(&b->lock);
        return true;
    }
    w.g = getg();
    w.addr = addr;
    w.timed = true;
    w.ticket = wait_begin(w.g);
    enqueue(b, &w, lifo);
    if (gopark_until(commit_unlock, &b->lock, reason, until, w.ticket))
        return true;
    lock_solo(&b->lock);
    if (w.queued)
        dequeue(b, &w);
    unlock_solo(&b->lock);
    return false;
}

void semrelease(uint32_t *addr, bool handoff)
{
    struct bucket *b = bucket_of(addr);
    struct g *gp = NULL;
    struct waiter *w;

    lock_solo(&b->lock);
    w = pop(b, addr);
    if (w)
        gp = w->g;
    else
        store_relaxed(addr, load_relaxed(addr) + 1);
    unlock_solo(&b->lock);
    if (!gp)
        return;
    if (handoff)
        goready_handoff(gp);
    else
        goready(gp);
}

void semrelease_n(uint32_t *addr, uint32_t n)
{
    struct bucket *b = bucket_of(addr);
    struct waiter *list = NULL, **tail = &list, *w;

    if (n == 1) {
        semrelease(addr, false);
        return;
    }
    lock_solo(&b->lock);
    for (; n > 0 && (w = pop(b, addr)) != NULL; n--) {
        *tail = w;
        tail = &w->next;
    }
    *tail = NULL;
    if (n > 0)
        store_relaxed(addr, load_relaxed(addr) + n);
    unlock_solo(&b->lock);
    while ((w = list) != NULL) {
        list = w->next;
        if (list)
            goready_tail(w->g);
        else
            goready(w->g);
    }
}
