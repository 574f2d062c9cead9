/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/pollwait.h"
#include "arch/cpu.h"
#include "base/throw.h"
#include "os/linux/clock.h"
#include "sched/deadline.h"
#include "sched/netpoll.h"
#include "sched/park.h"
#include "sched/pollthread.h"
#include "sched/schedt.h"
#include <errno.h>
#include <poll.h>

/* --- the operation that holds the lock ------------------------------------------------------- */

static uint32_t *short_seq(struct polldesc *pd, unsigned mode)
{
    return mode == PD_READ ? &pd->drained : &pd->full;
}

int pollwait_check(struct polldesc *pd, unsigned mode, uint32_t seq)
{
    uint64_t mu = load_seqcst(&pd->mu);
    int64_t deadline;

    if (unlikely(PD_SEQ(mu) != seq || (mu & (PDF_OPEN | PDF_CLOSING)) != PDF_OPEN))
        return -EBADF;
    deadline = load_seqcst(polldesc_deadline(pd, mode));
    if (unlikely(deadline != NEVER) && deadline <= nanotime())
        return -ETIMEDOUT;
    return 0;
}

/* The timer comes at the deadline of the mode, or before. */
static int arm(struct polldesc *pd, unsigned mode)
{
    int64_t deadline = load_seqcst(polldesc_deadline(pd, mode));
    int err;

    if (likely(deadline == NEVER || load_seqcst(&pd->twhen) <= deadline))
        return 0;
    lock(&pd->lock);
    err = deadline_arm(pd, load_relaxed(polldesc_deadline(pd, mode)));
    unlock(&pd->lock);
    return err;
}

static bool commit(struct g *gp, void *word)
{
    if (!cas_seqcst((uintptr_t *)word, PD_WAIT, (uintptr_t)gp))
        return false;
    netpollwaiters_add(1);
    return true;
}

static int wait_goroutine(struct polldesc *pd, unsigned mode, uint32_t seq)
{
    uintptr_t *word = polldesc_word(pd, mode);

    for (;;) {
        int err;

        if (!cas_seqcst(word, PD_NIL, PD_WAIT)) {
            /* Only an edge can have come in between: the lock is ours. */
            invariant(xchg_seqcst(word, PD_NIL) == PD_READY);
            return 0;
        }
        err = pollwait_check(pd, mode, seq);
        if (likely(!err))
            err = arm(pd, mode);
        if (likely(!err))
            gopark(commit, word, WAIT_IO);
        if (xchg_seqcst(word, PD_NIL) == PD_READY && !err)
            return PD_SEQ(load_acquire(&pd->mu)) == seq ? 0 : -EBADF;
        if (!err)
            err = pollwait_check(pd, mode, seq);
        if (err)
            return err;
    }
}

int pollwait_wait(struct polldesc *pd, unsigned mode, uint32_t seq)
{
    int err;

    if (unlikely(!is_parkable(getg()))) {
        err = pollwait_check(pd, mode, seq);
        return err ? err : pollthread_wait(pd, mode, seq);
    }
    return wait_goroutine(pd, mode, seq);
}

int pollwait_prepare(struct polldesc *pd, unsigned mode, uint32_t seq)
{
    uintptr_t *word = polldesc_word(pd, mode);
    uint32_t *shortly = short_seq(pd, mode);
    int err = pollwait_check(pd, mode, seq);

    if (unlikely(err))
        return err;
    if (*shortly == seq) {
        *shortly = 0;
        /* Acquire pairs with the poller's release: an end that came with the edge is seen with
         * it. */
        if (load_acquire(word) != PD_READY && !load_acquire(&pd->odd))
            return pollwait_wait(pd, mode, seq);
    }
    /* A full barrier before the call, when there is something to clear: were the store seen late,
     * it would wipe out the edge of what the call did not get. */
    if (load_relaxed(word) != PD_NIL)
        xchg_seqcst(word, PD_NIL);
    return 0;
}

/* The program may have closed it, and what has the number now would wake nobody. */
static int soft_renew(struct polldesc *pd, uint32_t seq)
{
    int err = polldesc_open(pd->fd, PD_SOFT, PD_TRAITS_UNKNOWN, false);

    return !err && PD_SEQ(load_acquire(&pd->mu)) != seq ? -ESTALE : err;
}

int pollwait_soft_check(struct polldesc *pd, unsigned mode, uint32_t seq)
{
    int64_t deadline = load_seqcst(polldesc_deadline(pd, mode));
    int err;

    if (likely(deadline == NEVER) || deadline > nanotime())
        return 0;
    err = soft_renew(pd, seq);
    return err ? err : -ETIMEDOUT;
}

int pollwait_soft(struct polldesc *pd, unsigned mode, uint32_t seq)
{
    const int events = mode == PD_READ ? POLLIN : POLLOUT;
    uintptr_t *word = polldesc_word(pd, mode);
    int err = pollwait_soft_check(pd, mode, seq);

    if (unlikely(err))
        return err;
    for (;;) {
        if (load_relaxed(word) != PD_NIL)
            xchg_seqcst(word, PD_NIL);
        if (poll_now(pd->fd, events) != 0)
            return 0;
        err = soft_renew(pd, seq);
        if (!err)
            err = pollwait_wait(pd, mode, seq);
        if (err)
            return err;
    }
}

void pollwait_short(struct polldesc *pd, unsigned mode, uint32_t seq)
{
    if (load_relaxed(&pd->traits) & mode)
        *short_seq(pd, mode) = seq;
}

/* --- waiters among others -------------------------------------------------------------------- */

void pollgate_init(struct pollgate *gate)
{
    mutex_init(&gate->lock, LOCK_GATE);
    gate->parked = gate->claimed = false;
}

bool pollgate_close(struct pollgate *gate)
{
    lock(&gate->lock);
    if (!gate->claimed)
        return true;
    unlock(&gate->lock);
    return false;
}

void pollgate_parked(struct pollgate *gate)
{
    gate->parked = true;
    unlock(&gate->lock);
}

void pollgate_leave(struct pollgate *gate)
{
    lock(&gate->lock);
    unlock(&gate->lock);
}

static bool gate_claimed(struct pollgate *gate)
{
    bool parked;

    lock(&gate->lock);
    parked = gate->parked;
    gate->claimed = true;
    unlock(&gate->lock);
    return parked;
}

/* pd->lock held, which also keeps the waiters' memory. */
void pollwait_wake(struct polldesc *pd, unsigned modes, bool deadline, struct gqueue *woken)
{
    for (struct list *l = pd->waits.next; l != &pd->waits; l = l->next) {
        struct pollwait *w = container_of(l, struct pollwait, link);

        if (w->thread || !(w->modes & modes) || (deadline && !w->deadlines) ||
            !wait_claim(w->g, w->ticket))
            continue;
        w->g->run.param = w->param;
        if (!gate_claimed(w->gate))
            continue;
        if (is_parkable(w->g))
            gqueue_push(woken, w->g);
        else
            goready(w->g);
    }
}

void pollwait_event(struct polldesc *pd, uint32_t seq, unsigned modes, struct gqueue *ready)
{
    lock(&pd->lock);
    if (PD_SEQ(load_relaxed(&pd->mu)) == seq)
        pollwait_wake(pd, modes, false, ready);
    unlock(&pd->lock);
}

void pollwait_evict(struct polldesc *pd, struct gqueue *woken)
{
    pollwait_wake(pd, PD_READ | PD_WRITE, false, woken);
    pollthread_kick(pd);
}

int pollwait_arm(int fd, struct pollwait *w)
{
    struct polldesc *pd;
    uint64_t mu;
    int err;

    w->pd = NULL;
    for (;;) {
        pd = polldesc_lookup(fd);
        mu = pd ? load_acquire(&pd->mu) : 0;
        if (!(mu & PDF_OPEN) || load_relaxed(&pd->kind) != PD_NONBLOCK) {
            /* Also for one that is registered softly: it may have come again as another. */
            err = polldesc_open(fd, PD_SOFT, PD_TRAITS_UNKNOWN, false);
            if (err < 0)
                return err;
            pd = polldesc_lookup(fd);
        }
        lock(&pd->lock);
        mu = load_relaxed(&pd->mu);
        if ((mu & PDF_OPEN) && !(mu & PDF_CLOSING) && load_relaxed(&pd->kind) != PD_FILE)
            break;
        unlock(&pd->lock);
        if (mu & PDF_CLOSING)
            return -EBADF;
        if (mu & PDF_OPEN)
            return 1;
    }
    w->pd = pd;
    w->seq = PD_SEQ(mu);
    list_add_tail(&pd->waits, &w->link);
    fetch_add_seqcst(&pd->nwaits, 1);
    unlock(&pd->lock);
    return 0;
}

int polldesc_select_arm(int fd, unsigned mode, struct pollwait *w)
{
    int err;

    w->modes = (uint8_t)mode;
    w->thread = false;
    w->deadlines = true;
    err = pollwait_arm(fd, w);
    if (err)
        return err;
    lock(&w->pd->lock);
    err = deadline_arm(w->pd, load_relaxed(polldesc_deadline(w->pd, mode)));
    unlock(&w->pd->lock);
    if (err) {
        pollwait_disarm(w);
        return err;
    }
    netpollwaiters_add(1);
    if (!is_parkable(w->g))
        netpoll_wanted();
    return 0;
}

void pollwait_disarm(struct pollwait *w)
{
    lock(&w->pd->lock);
    list_del(&w->link);
    fetch_add_seqcst(&w->pd->nwaits, (uint32_t)-1);
    unlock(&w->pd->lock);
    w->pd = NULL;
}

void polldesc_select_disarm(struct pollwait *w)
{
    if (!w->pd)
        return;
    pollwait_disarm(w);
    netpollwaiters_add(-1);
}

bool polldesc_ready(int fd, unsigned mode)
{
    struct polldesc *pd = polldesc_lookup(fd);
    uint64_t mu = pd ? load_acquire(&pd->mu) : 0;

    if ((mu & PDF_OPEN) && pollwait_check(pd, mode, PD_SEQ(mu)) != 0)
        return true;
    return poll_now(fd, mode == PD_READ ? POLLIN : POLLOUT) != 0;
}

/* --- gamp_fd_wait ---------------------------------------------------------------------------- */

static bool commit_gate(struct g *gp, void *gate)
{
    (void)gp;
    pollgate_parked(gate);
    return true;
}

static unsigned modes_of(int events)
{
    unsigned modes = 0;

    if (events & ~POLLOUT)
        modes |= PD_READ;
    if (events & POLLOUT)
        modes |= PD_WRITE;
    /* With neither asked for, errors are waited for; they come as either. */
    return modes ? modes : PD_READ;
}

/* One park. *now: what poll(2) gave after arming. 0; -ETIMEDOUT; -EBADF: closed meanwhile; or what
 * arming gave. */
static int events_park(int fd, int events, int64_t until, int *now)
{
    struct g *gp = getg();
    struct pollgate gate;
    struct pollwait w = {.g = gp, .gate = &gate, .modes = (uint8_t)modes_of(events)};
    struct polldesc *pd;
    uint64_t mu;
    int err;

    pollgate_init(&gate);
    w.ticket = wait_begin(gp);
    w.param = &w;
    gp->run.param = NULL;
    err = pollwait_arm(fd, &w);
    if (err)
        return err;
    pd = w.pd;
    netpollwaiters_add(1);
    *now = poll_now(fd, events);
    if (*now == 0 && pollgate_close(&gate) &&
        !gopark_until(commit_gate, &gate, WAIT_IO, until, w.ticket))
        err = -ETIMEDOUT;
    polldesc_select_disarm(&w);
    pollgate_leave(&gate);
    mu = load_acquire(&pd->mu);
    if (PD_SEQ(mu) != w.seq || (mu & PDF_CLOSING))
        err = -EBADF;
    return err;
}

int pollwait_events(int fd, int events, int64_t until)
{
    if (!is_parkable(getg()))
        return pollthread_events(fd, events, until);
    for (;;) {
        int now = poll_now(fd, events), err = 0;

        if (now == 0) {
            if (until <= nanotime())
                return -ETIMEDOUT;
            err = events_park(fd, events, until, &now);
        }
        if (now != 0)
            return now > 0 && (now & POLLNVAL) ? -EBADF : now;
        if (err == -ETIMEDOUT) {
            now = poll_now(fd, events);
            return now > 0 ? now : -ETIMEDOUT;
        }
        if (err)
            return err > 0 ? events : err;
    }
}
