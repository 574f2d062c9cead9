/* SPDX-License-Identifier: BSD-3-Clause */
/* select: see select.h. */
#include "sync/select.h"
#include "sched/choice.h"
#include "sync/selectfd.h"

static uintptr_t address(const struct selector *s, uint32_t i)
{
    return (uintptr_t)s->cases[i].chan;
}

static void sift_down(struct selector *s, uint32_t at, uint32_t n)
{
    uint32_t *o = s->order, moving = o[at];

    for (;;) {
        uint32_t child = 2 * at + 1;

        if (child >= n)
            break;
        if (child + 1 < n && address(s, o[child]) < address(s, o[child + 1]))
            child++;
        if (address(s, moving) >= address(s, o[child]))
            break;
        o[at] = o[child];
        at = child;
    }
    o[at] = moving;
}

/* In place, without recursion: there may be many on a small stack. */
static void heap_sort(struct selector *s)
{
    uint32_t n = s->nchans;

    for (uint32_t i = n / 2; i-- > 0;)
        sift_down(s, i, n);
    while (n > 1) {
        uint32_t top = s->order[0];

        n--;
        s->order[0] = s->order[n];
        s->order[n] = top;
        sift_down(s, 0, n);
    }
}

static always_inline void add_chan(struct selector *s, uint32_t i)
{
    uint32_t at = s->nchans++;

    if (likely(s->n <= SELECT_FEW))
        for (; at > 0 && address(s, s->order[at - 1]) > address(s, i); at--)
            s->order[at] = s->order[at - 1];
    s->order[at] = i;
}

enum select_error select_init(struct selector *s, const gamp_case *cases, uint32_t n,
                              struct selcase *waits, uint32_t *order, uint32_t *bad)
{
    *s = (struct selector){
        .cases = cases, .waits = waits, .order = order, .n = n, .deflt = -1, .until = NEVER};
    for (uint32_t i = 0; i < n; i++) {
        const gamp_case *k = &cases[i];

        *bad = i;
        switch (k->kind) {
        case GAMP_CASE_SEND:
        case GAMP_CASE_RECV:
            if (!k->chan)
                break;
            if (unlikely((k->size != k->chan->elem_size && k->size != GAMP_SIZE_UNCHECKED_) ||
                         (k->kind == GAMP_CASE_SEND && !k->elem && k->chan->elem_size)))
                return SELECT_SIZE;
            add_chan(s, i);
            break;
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
    }
    if (n > SELECT_FEW)
        heap_sort(s);
    return SELECT_OK;
}

/* Draws one of the cases that look ready; -1: none does. */
static int draw(struct selector *s)
{
    int64_t now = s->timed ? nanotime() : 0;
    uint32_t found = 0;
    int choice = -1;

    for (uint32_t i = 0; i < s->n; i++) {
        const gamp_case *k = &s->cases[i];
        bool ready = false;

        if (k->kind == GAMP_CASE_RECV)
            ready = k->chan && chan_recv_looks_ready(k->chan);
        else if (k->kind == GAMP_CASE_SEND)
            ready = k->chan && chan_send_looks_ready(k->chan);
        else if (k->kind == GAMP_CASE_AT)
            ready = k->at <= now;
        else if (is_fd(k))
            ready = s->waits[i].fd_ready;
        if (ready && (++found == 1 || sched_rand(found) == 0))
            choice = (int)i;
    }
    return choice;
}

/* With the channel locked. -EAGAIN: it was not ready. */
static int try_case(const gamp_case *k, struct sudog **partner)
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

/* The next channel in order after the cases of one at i. */
static uint32_t next_chan(const struct selector *s, uint32_t i)
{
    uintptr_t here = address(s, s->order[i]);

    do
        i++;
    while (i < s->nchans && address(s, s->order[i]) == here);
    return i;
}

static struct gamp_chan *chan_at(const struct selector *s, uint32_t i)
{
    return s->cases[s->order[i]].chan;
}

static void lock_all(struct selector *s)
{
    for (uint32_t i = 0; i < s->nchans; i = next_chan(s, i))
        lock(&chan_at(s, i)->lock);
}

static void unlock_all(struct selector *s)
{
    uint32_t i = 0, n = s->nchans;

    while (i < n) {
        struct gamp_chan *c = chan_at(s, i);

        /* After the last one is unlocked s may be gone. */
        i = next_chan(s, i);
        unlock(&c->lock);
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

static void shuffle(uint32_t *p, uint32_t n)
{
    for (; n > 1; n--) {
        uint32_t i = sched_rand(n), moved = p[i];

        p[i] = p[n - 1];
        p[n - 1] = moved;
    }
}

static struct waitq *queue_of(const gamp_case *k)
{
    return k->kind == GAMP_CASE_SEND ? &k->chan->sendq : &k->chan->recvq;
}

/* With all locked. */
static void queue_all(struct selector *s, struct g *gp, uint32_t ticket)
{
    uint32_t next;

    for (uint32_t i = 0; i < s->nchans; i = next) {
        next = next_chan(s, i);
        shuffle(s->order + i, next - i);
        for (uint32_t j = i; j < next; j++) {
            const gamp_case *k = &s->cases[s->order[j]];
            struct selcase *w = &s->waits[s->order[j]];

            w->elem_size = k->chan->elem_size;
            w->sg.g = gp;
            w->sg.elem = k->elem;
            w->sg.ticket = ticket;
            w->sg.alone = false;
            w->sg.success = false;
            waitq_add(queue_of(k), &w->sg);
        }
        race_release(&chan_at(s, i)->lock);
    }
}

/* Takes back those sudogs of the cases order[i..next) that are still in their queues. With the
 * lock. */
static void unqueue(struct selector *s, uint32_t i, uint32_t next, const struct selcase *woken)
{
    for (; i < next; i++) {
        struct selcase *w = &s->waits[s->order[i]];

        if (w != woken && w->sg.queued)
            waitq_remove(queue_of(&s->cases[s->order[i]]), &w->sg);
    }
}

/* After the park. woken: the case that was done, NULL: none. */
static void unqueue_all(struct selector *s, const struct selcase *woken)
{
    uint32_t next;

    for (uint32_t i = 0; i < s->nchans; i = next) {
        struct gamp_chan *c = chan_at(s, i);

        next = next_chan(s, i);
        if (next == i + 1 && &s->waits[s->order[i]] == woken)
            continue;
        lock(&c->lock);
        unqueue(s, i, next, woken);
        unlock(&c->lock);
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
    int64_t now = MAX(nanotime(), s->until);
    uint32_t found = 0;
    int choice = -1;

    for (uint32_t i = 0; i < s->n; i++)
        if (s->cases[i].kind == GAMP_CASE_AT && s->cases[i].at <= now &&
            (++found == 1 || sched_rand(found) == 0))
            choice = (int)i;
    return choice;
}

/* All are locked, and come free. */
static int wait(struct selector *s, uint32_t ticket, bool *closed)
{
    struct g *gp = getg();
    bool timeout = false;
    struct selcase *woken;

    queue_all(s, gp, ticket);
    if (s->nfds && !pollgate_close(&s->gate)) {
        /* A descriptor came first; the sudogs go before anybody can see them. */
        unqueue(s, 0, s->nchans, NULL);
        unlock_all(s);
    } else {
        /* The clock may end the wait before the commit: it may look at s only where something
         * waits for it. */
        timeout = !gopark_until(s->nchans || s->nfds ? commit_unlock_all : NULL, s,
                                s->n ? WAIT_SELECT : WAIT_SELECT_NO_CASES, s->until, ticket);
    }
    woken = timeout ? NULL : gp->run.param;
    unqueue_all(s, woken);
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
        lock(&k->chan->lock);
        err = try_case(k, &partner);
        unlock(&k->chan->lock);
    }
    return err == -EAGAIN ? -1 : done(choice, err, partner, k, closed);
}

/* Locks all and draws among what is ready now, the default last. -1: none, and all stay locked. */
static int try_locked(struct selector *s, bool *closed)
{
    struct sudog *partner;
    int choice, err;

    lock_all(s);
    while ((choice = draw(s)) >= 0) {
        err = try_case(&s->cases[choice], &partner);
        if (err != -EAGAIN) {
            unlock_all(s);
            return done(choice, err, partner, &s->cases[choice], closed);
        }
    }
    if (s->deflt >= 0)
        unlock_all(s);
    return s->deflt;
}

int select_go(struct selector *s, bool *closed)
{
    uint32_t ticket;
    int choice;

    *closed = false;
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
        choice = wait(s, ticket, closed);
    if (unlikely(s->nfds))
        selectfd_disarm(s);
    return choice;
}
