/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/deadline.h"
#include "os/linux/clock.h"
#include "sched/netpoll.h"
#include "sched/pollthread.h"
#include "sched/pollwait.h"
#include "sched/schedt.h"
#include <errno.h>

static void wake_mode(struct polldesc *pd, unsigned mode, struct gqueue *woken)
{
    struct g *gp = polldesc_unblock(polldesc_word(pd, mode), false);

    if (gp) {
        netpollwaiters_add(-1);
        gqueue_push(woken, gp);
    }
    pollwait_wake(pd, mode, true, woken);
}

static void deadline_due(void *arg, uintptr_t seq, int64_t now);

int deadline_arm(struct polldesc *pd, int64_t when)
{
    int err;

    /* Before the runtime runs only threads wait, and those look at the clock themselves. */
    if (when == NEVER || pd->twhen <= when || sched_phase() != PHASE_RUN)
        return 0;
    /* Armed and not to be stopped: it is due just now, and looks at the deadlines itself. */
    if (pd->twhen != NEVER && !timer_stop(&pd->timer))
        return 0;
    pd->timer.when = when;
    pd->timer.period = 0;
    pd->timer.f = deadline_due;
    pd->timer.arg = pd;
    err = timer_start(&pd->timer);
    store_seqcst(&pd->twhen, err ? NEVER : when);
    return err;
}

/* Harmless for a record that has changed owner since: it looks at what is set now. */
static void deadline_due(void *arg, uintptr_t seq, int64_t now)
{
    struct gqueue woken = {NULL, NULL, 0};
    struct polldesc *pd = arg;
    int64_t next = NEVER;

    (void)seq;
    lock(&pd->lock);
    store_seqcst(&pd->twhen, NEVER);
    now = nanotime();
    for (unsigned mode = PD_READ; mode <= PD_WRITE; mode++) {
        int64_t d = load_seqcst(polldesc_deadline(pd, mode));

        if (d <= now)
            wake_mode(pd, mode, &woken);
        else
            next = MIN(next, d);
    }
    if (deadline_arm(pd, next) < 0) {
        /* No memory for the timer: those who wait look again, and get the error. */
        wake_mode(pd, PD_READ, &woken);
        wake_mode(pd, PD_WRITE, &woken);
    }
    unlock(&pd->lock);
    polldesc_ready_all(&woken);
}

static bool somebody_waits(struct polldesc *pd, unsigned mode)
{
    return load_seqcst(polldesc_word(pd, mode)) > PD_READY || load_relaxed(&pd->nwaits) != 0;
}

static void disarm(struct polldesc *pd)
{
    /* Not to be stopped: it comes, and finds nothing. */
    if (pd->twhen != NEVER && timer_stop(&pd->timer))
        store_seqcst(&pd->twhen, NEVER);
}

static int set_locked(struct polldesc *pd, unsigned modes, int64_t t, struct gqueue *woken)
{
    const bool passed = t <= nanotime();
    int err = 0;

    for (unsigned mode = PD_READ; mode <= PD_WRITE; mode++) {
        if (!(modes & mode))
            continue;
        store_seqcst(polldesc_deadline(pd, mode), t);
        if (passed)
            wake_mode(pd, mode, woken);
        else if (!err && somebody_waits(pd, mode))
            err = deadline_arm(pd, t);
    }
    /* With none left the timer goes: an armed one would keep a deadlock from being reported. */
    if (pd->rd == NEVER && pd->wd == NEVER)
        disarm(pd);
    pollthread_kick(pd);
    return err;
}

int deadline_set(int fd, unsigned modes, int64_t t)
{
    struct gqueue woken = {NULL, NULL, 0};

    /* One that was never registered may have been closed behind our back, and its number be
     * another's: the poller knows. */
    for (bool known = false;; known = true) {
        struct polldesc *pd = polldesc_lookup(fd);
        uint64_t mu;
        int err;

        if (pd) {
            lock(&pd->lock);
            mu = load_relaxed(&pd->mu);
            if ((mu & PDF_OPEN) && load_relaxed(&pd->kind) != PD_FILE &&
                (known || load_relaxed(&pd->kind) != PD_SOFT)) {
                err = mu & PDF_CLOSING ? -EBADF : set_locked(pd, modes, t, &woken);
                unlock(&pd->lock);
                polldesc_ready_all(&woken);
                return err;
            }
            unlock(&pd->lock);
        }
        err = polldesc_open(fd, PD_SOFT, PD_TRAITS_UNKNOWN, false);
        if (err < 0)
            return err;
        pd = polldesc_lookup(fd);
        if (load_relaxed(&pd->kind) == PD_FILE)
            return -EPERM;
    }
}

void deadline_clear(struct polldesc *pd)
{
    store_seqcst(&pd->rd, NEVER);
    store_seqcst(&pd->wd, NEVER);
    disarm(pd);
}
