/* SPDX-License-Identifier: BSD-3-Clause */
/* cond: see cond.h. */
#include "sync/cond.h"
#include "base/race.h"
#include "os/linux/clock.h"
#include "sync/gmutex.h"
#include <errno.h>

/* Queues sg, unlocks m, parks. 0; -ETIMEDOUT; -EPERM. */
static int wait_unlocked(struct gcond *c, gamp_mutex *m, struct sudog *sg, int64_t until)
{
    lock(&c->lock);
    waitq_add(&c->q, sg);
    if (!gmutex_unlock(m, false)) {
        waitq_remove(&c->q, sg);
        unlock(&c->lock);
        return -EPERM;
    }
    if (until == NEVER) {
        goparkunlock(&c->lock, WAIT_COND);
        return 0;
    }
    if (gopark_until(commit_unlock, &c->lock, WAIT_COND, until, sg->ticket))
        return 0;
    lock(&c->lock);
    if (sg->queued)
        waitq_remove(&c->q, sg);
    unlock(&c->lock);
    return -ETIMEDOUT;
}

int gcond_wait(struct gcond *c, gamp_mutex *m, int64_t until)
{
    struct sudog sg = {.g = getg(), .alone = until == NEVER};
    int err;

    if (!sg.alone && until <= nanotime()) {
        /* Others get their chance at the mutex, or a loop around this call would keep it for
         * itself. */
        err = gmutex_unlock(m, true) ? -ETIMEDOUT : -EPERM;
    } else {
        if (!sg.alone)
            sg.ticket = wait_begin(sg.g);
        err = wait_unlocked(c, m, &sg, until);
    }
    if (err == -EPERM)
        return err;
    if (err == 0)
        race_acquire(c);
    gmutex_lock(m, NEVER);
    return err;
}

void gcond_signal(struct gcond *c)
{
    struct sudog *sg;

    lock(&c->lock);
    sg = waitq_pop(&c->q);
    if (sg)
        race_release(c);
    unlock(&c->lock);
    if (sg)
        goready(sg->g);
}

void gcond_broadcast(struct gcond *c)
{
    struct sudog *list = NULL, **tail = &list, *sg;

    lock(&c->lock);
    race_release(c);
    while ((sg = waitq_pop(&c->q)) != NULL) {
        *tail = sg;
        tail = &sg->next;
    }
    *tail = NULL;
    unlock(&c->lock);
    sudog_ready_all(list);
}
