/* SPDX-License-Identifier: BSD-3-Clause */
/* select: see select.h. */
#include "sync/select.h"
#include "sched/choice.h"
#include "sync/selectfd.h"

static bool before(const struct selchan *a, const struct selchan *b)
{
    return (uintptr_t)a->c < (uintptr_t)b->c;
}

static void sift_down(struct selchan *o, uint32_t at, uint32_t n)
{
    struct selchan moving = o[at];

    for (;;) {
        uint32_t child = 2 * at + 1;

        if (child >= n)
            break;
        if (child + 1 < n && before(&o[child], &o[child + 1]))
            child++;
        if (!before(&moving, &o[child]))
            break;
        o[at] = o[child];
        at = child;
    }
    o[at] = moving;
}

/* In place, without recursion: there may be many on a small stack. */
static void heap_sort(struct selchan *o, uint32_t n)
{
    for (uint32_t i = n / 2; i-- > 0;)
        sift_down(o, i, n);
    while (n > 1) {
        struct selchan top = o[0];

        n--;
        o[0] = o[n];
        o[n] = top;
        sift_down(o, 0, n);
    }
}

/* One more channel, in order when there are few. */
static always_inline void add_chan(struct selchan *order, uint32_t at, bool few, const gamp_case *k,
                                   uint32_t i)
{
    struct gamp_chan *c = k->chan;

    if (likely(few))
        for (; at > 0 && (uintptr_t)c < (uintptr_t)order[at - 1].c; at--)
            order[at] = order[at - 1];
    order[at].c = c;
    order[at].i = i;
    order[at].send = k->kind == GAMP_CASE_SEND;
}

static always_inline bool bad_elem(const gamp_case *k)
{
    return (k->size != k->chan->elem_size && k->size != GAMP_SIZE_UNCHECKED_) ||
           (!k->elem && k->kind == GAMP_CASE_SEND && k->chan->elem_size);
}

static enum select_error add_other(struct selector *s, const gamp_case *k, uint32_t i)
{
    switch (k->kind) {
    case GAMP_CASE_READABLE:
    case GAMP_CASE_WRITABLE:
        s->nfds++;
        break;
    case GAMP_CASE_AT:
        s->timed = true;
        s->until = MIN(s->until, k->at);
        break;
    case GAMP_CASE_DEFAULT:
        if (s->deflt >= 0)
            return SELECT_DEFAULTS;
        s->deflt = (int)i;
        break;
    default:
        return SELECT_BAD_KIND;
    }
    return SELECT_OK;
}

enum select_error select_init(struct selector *s, const gamp_case *cases, uint32_t n,
                              struct selcase *waits, struct selchan *order, uint32_t *bad)
{
    uint32_t nchans = 0;

    s->cases = cases;
    s->waits = waits;
    s->order = order;
    s->n = n;
    s->nfds = 0;
    s->deflt = -1;
    s->timed = false;
    s->until = NEVER;
    s->left = NULL;
    for (uint32_t i = 0; i < n; i++) {
        const gamp_case *k = &cases[i];
        enum select_error err = SELECT_OK;

        if (unlikely(!is_chan(k)))
            err = add_other(s, k, i);
        else if (k->chan && unlikely(bad_elem(k)))
            err = SELECT_SIZE;
        else if (k->chan)
            add_chan(order, nchans++, n <= SELECT_FEW, k, i);
        if (unlikely(err != SELECT_OK)) {
            *bad = i;
            return err;
        }
    }
    s->nchans = nchans;
    if (n > SELECT_FEW)
        heap_sort(order, nchans);
    return SELECT_OK;
}

/* A draw among those that are offered one after the other. */
struct draw {
    uint32_t found;
    int choice; /* the case; -1: none */
};

static always_inline void offer(struct draw *d, uint32_t i)
{
    if (++d->found == 1 || sched_rand(d->found) == 0)
        d->choice = (int)i;
}

static noinline void draw_others(struct selector *s, struct draw *d)
{
    int64_t now = s->timed ? nanotime() : 0;

    for (uint32_t i = 0; i < s->n; i++) {
        const gamp_case *k = &s->cases[i];

        if ((k->kind == GAMP_CASE_AT && k->at <= now) || (is_fd(k) && s->waits[i].fd_ready))
            offer(d, i);
    }
}

/* Draws one of the cases that look ready; -1: none does. */
static always_inline int draw(struct selector *s)
{
    struct draw d = {0, -1};

    for (uint32_t i = 0; i < s->nchans; i++) {
        const struct selchan *o = &s->order[i];

        if (o->send ? chan_send_looks_ready(o->c) : chan_recv_looks_ready(o->c))
            offer(&d, o->i);
    }
    if (unlikely(s->timed || s->nfds))
        draw_others(s, &d);
    return d.choice;
}

/* With the channel locked. -EAGAIN: it was not ready. */
static always_inline int try_case(const gamp_case *k, struct sudog **partner)
{
    int err;

    *partner = NULL;
    if (k->kind == GAMP_CASE_SEND)
        return chan_put(k->chan, k->elem, partner);
    if (k->kind != GAMP_CASE_RECV)
        return 0;
    err = chan_take(k->chan, k->elem, partner);
    if (err != -EAGAIN && k->ok)
        *k->ok = err == 0;
    return err;
}

/* The first of the next channel in order, after those of one at i. */
static always_inline uint32_t next_chan(const struct selector *s, uint32_t i)
{
    struct gamp_chan *here = s->order[i].c;

    do
        i++;
    while (i < s->nchans && s->order[i].c == here);
    return i;
}

static void lock_all(struct selector *s)
{
    for (uint32_t i = 0; i < s->nchans; i = next_chan(s, i))
        lock_solo(&s->order[i].c->lock);
}

static void unlock_all(struct selector *s)
{
    uint32_t i = 0, n = s->nchans;

    while (i < n) {
        struct gamp_chan *c = s->order[i].c;

        /* After the last one is unlocked s may be gone. */
        i = next_chan(s, i);
        unlock_solo(&c->lock);
    }
}

static bool commit_unlock_all(struct g *gp, void *arg)
{
    struct selector *s = arg;
    /* With descriptors the gate keeps s until it is opened; else s may be gone with the last lock.
     * */
    bool gate = s->nfds > 0;

    (void)gp;
    unlock_all(s);
    if (gate)
        pollgate_parked(&s->gate);
    return true;
}

static noinline void shuffle(struct selchan *p, uint32_t n)
{
    for (; n > 1; n--) {
        uint32_t i = sched_rand(n);
        struct selchan moved = p[i];

        p[i] = p[n - 1];
        p[n - 1] = moved;
    }
}

static always_inline struct waitq *queue_of(const struct selchan *o)
{
    return o->send ? &o->c->sendq : &o->c->recvq;
}

/* With all locked. */
static always_inline void queue_all(struct selector *s, struct g *gp, uint32_t ticket)
{
    uint32_t next;

    for (uint32_t i = 0; i < s->nchans; i = next) {
        next = next_chan(s, i);
        if (unlikely(next - i > 1))
            shuffle(s->order + i, next - i);
        for (uint32_t j = i; j < next; j++) {
            const struct selchan *o = &s->order[j];
            struct selcase *w = &s->waits[o->i];

            w->elem_size = o->c->elem_size;
            w->sg.g = gp;
            w->sg.elem = s->cases[o->i].elem;
            w->sg.ticket = ticket;
            w->sg.alone = false;
            w->sg.comes = next - i > 1;
            w->sg.success = false;
            waitq_add(queue_of(o), &w->sg);
        }
        s->order[i].c->comers += next - i;
        race_release(&s->order[i].c->lock);
    }
}

/* Takes back those sudogs of order[i..next), of one channel, that are still in their queues. With
 * the lock; true: as chan_came. */
static always_inline bool unqueue(struct selector *s, uint32_t i, uint32_t next,
                                  const struct selcase *woken)
{
    bool mine = false;

    for (; i < next; i++) {
        struct selcase *w = &s->waits[s->order[i].i];

        if (w != woken && w->sg.queued)
            waitq_remove(queue_of(&s->order[i]), &w->sg);
        mine = chan_came(s->order[i].c);
    }
    return mine;
}

/* After the park. woken: the case that was done, NULL: none. */
static always_inline void unqueue_all(struct selector *s, const struct selcase *woken)
{
    uint32_t next;

    for (uint32_t i = 0; i < s->nchans; i = next) {
        struct gamp_chan *c = s->order[i].c;
        bool mine;

        next = next_chan(s, i);
        if (next == i + 1 && &s->waits[s->order[i].i] == woken)
            continue;
        lock_solo(&c->lock);
        mine = unqueue(s, i, next, woken);
        unlock_solo(&c->lock);
        if (unlikely(mine)) {
            c->nextfree = s->left;
            s->left = c;
        }
    }
}

/* What is left to do for the case that somebody did. */
static int finish(struct selector *s, struct selcase *w, bool *closed)
{
    const gamp_case *k = &s->cases[w - s->waits];

    if (is_chan(k)) {
        if (w->sg.success) {
            if (RACE_TSAN)
                race_sync(w->sg.elem);
        } else if (k->kind == GAMP_CASE_SEND) {
            *closed = true;
        } else {
            race_acquire(&k->chan->closed);
            if (k->elem)
                elem_zero(k->elem, w->elem_size);
        }
        if (k->kind == GAMP_CASE_RECV && k->ok)
            *k->ok = w->sg.success;
    }
    return (int)(k - s->cases);
}

/* The clock ended the wait: one of the points that have come. */
static int draw_time(struct selector *s)
{
    int64_t now = nanotime();
    struct draw d = {0, -1};

    now = MAX(now, s->until);
    for (uint32_t i = 0; i < s->n; i++)
        if (s->cases[i].kind == GAMP_CASE_AT && s->cases[i].at <= now)
            offer(&d, i);
    return d.choice;
}

/* locked: all are, and come free. */
static always_inline int wait(struct selector *s, uint32_t ticket, bool locked, bool *closed)
{
    struct g *gp = getg();
    bool timeout = false;
    struct selcase *woken;

    queue_all(s, gp, ticket);
    if (unlikely(s->nfds) && !pollgate_close(&s->gate)) {
        /* A descriptor came first; the sudogs go before anybody can see them. */
        unqueue(s, 0, s->nchans, NULL);
        unlock_all(s);
        woken = gp->run.param;
    } else {
        /* The clock may end the wait before the commit: it may look at s only where something
         * waits for it. */
        enum waitreason reason = s->n ? WAIT_SELECT : WAIT_SELECT_NO_CASES;

        if (!locked && likely(s->until == NEVER)) {
            if (is_solo())
                gopark_solo_here(NULL, reason);
            else
                gopark(NULL, NULL, reason);
        } else if (locked && likely(s->until == NEVER && s->nchans)) {
            gopark_here(commit_unlock_all, s, reason);
        } else {
            timeout = !gopark_until(locked && (s->nchans || s->nfds) ? commit_unlock_all : NULL, s,
                                    reason, s->until, ticket);
        }
        woken = timeout ? NULL : gp->run.param;
        unqueue_all(s, woken);
    }
    return woken ? finish(s, woken, closed) : draw_time(s);
}

/* Done with the case: the result for err of try_case. */
static int done(int choice, int err, struct sudog *partner, const gamp_case *k, bool *closed)
{
    if (partner)
        sudog_wake(partner);
    *closed = err == -EPIPE && k->kind == GAMP_CASE_SEND;
    return choice;
}

static int try_unlocked(struct selector *s, bool *closed)
{
    int choice = draw(s), err = 0;
    struct sudog *partner = NULL;
    const gamp_case *k;

    if (choice < 0)
        /* Of one channel it was true at one moment that it was not ready. */
        return s->nchans <= 1 ? s->deflt : -1;
    k = &s->cases[choice];
    if (is_chan(k)) {
        lock_solo(&k->chan->lock);
        err = try_case(k, &partner);
        unlock_solo(&k->chan->lock);
    }
    return err == -EAGAIN ? -1 : done(choice, err, partner, k, closed);
}

/* While nobody else touches the channels: does one of the cases that are ready. -1: none is. */
static always_inline int try_ready(struct selector *s, int *err, struct sudog **partner)
{
    int choice;

    /* A waiter that was claimed elsewhere makes its channel look ready until it is popped. */
    while ((choice = draw(s)) >= 0) {
        *err = try_case(&s->cases[choice], partner);
        if (likely(*err != -EAGAIN))
            break;
    }
    return choice;
}

/* Locks all and draws among what is ready now, the default last. -1: none, and all stay locked. */
static int try_locked(struct selector *s, bool *closed)
{
    struct sudog *partner;
    int choice, err;

    lock_all(s);
    choice = try_ready(s, &err, &partner);
    if (choice >= 0 || s->deflt >= 0)
        unlock_all(s);
    return choice >= 0 ? done(choice, err, partner, &s->cases[choice], closed) : s->deflt;
}

/* On a solo P, with channels and points in time only: no lock is needed before it parks. */
static always_inline int select_solo(struct selector *s, bool *closed)
{
    struct sudog *partner;
    int err, choice = try_ready(s, &err, &partner);
    struct g *gp;

    if (choice >= 0)
        return done(choice, err, partner, &s->cases[choice], closed);
    if (s->deflt >= 0)
        return s->deflt;
    gp = getg();
    gp->run.param = NULL;
    return wait(s, wait_begin(gp), false, closed);
}

int select_go(struct selector *s, bool *closed)
{
    uint32_t ticket;
    int choice;

    *closed = false;
    if (is_solo() && likely(!s->nfds))
        return select_solo(s, closed);
    if (unlikely(s->nfds))
        selectfd_look(s);
    choice = try_unlocked(s, closed);
    if (choice >= 0)
        return choice;
    if (s->deflt >= 0)
        return try_locked(s, closed);
    ticket = wait_begin(getg());
    getg()->run.param = NULL;
    if (unlikely(s->nfds))
        selectfd_arm(s, ticket);
    choice = try_locked(s, closed);
    if (choice < 0)
        choice = wait(s, ticket, true, closed);
    if (unlikely(s->nfds))
        selectfd_disarm(s);
    return choice;
}
