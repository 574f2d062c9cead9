/* SPDX-License-Identifier: BSD-3-Clause */
/* sem: see sem.h. */
#include "sync/sem.h"
#include "base/race.h"
#include "os/linux/clock.h"
#include <errno.h>

struct semwait {
    struct sudog sg;
    int64_t n;
};

/* With the lock. Gives to those in line, in order, while it lasts; the list of them, to be woken.
 * */
static struct sudog *give(struct gsem *s)
{
    struct sudog *list = NULL, **tail = &list, *sg;

    while ((sg = s->q.first) != NULL) {
        struct semwait *w = container_of(sg, struct semwait, sg);

        if (w->n > s->count)
            break;
        waitq_remove(&s->q, sg);
        if (!sg->alone && !wait_claim(sg->g, sg->ticket))
            continue;
        s->count -= w->n;
        *tail = sg;
        tail = &sg->next;
    }
    *tail = NULL;
    return list;
}

static bool take(struct gsem *s, int64_t n)
{
    if (s->q.first || s->count < n)
        return false;
    s->count -= n;
    race_acquire(s);
    return true;
}

bool gsem_tryacquire(struct gsem *s, int64_t n)
{
    bool ok;

    lock(&s->lock);
    ok = take(s, n);
    unlock(&s->lock);
    return ok;
}

int gsem_acquire(struct gsem *s, int64_t n, int64_t until)
{
    struct semwait w;
    struct sudog *list;

    lock(&s->lock);
    if (take(s, n)) {
        unlock(&s->lock);
        return 0;
    }
    if (until != NEVER && until <= nanotime()) {
        unlock(&s->lock);
        return -ETIMEDOUT;
    }
    w.sg.g = getg();
    w.sg.alone = until == NEVER;
    w.n = n;
    if (!w.sg.alone)
        w.sg.ticket = wait_begin(w.sg.g);
    waitq_add(&s->q, &w.sg);
    if (gopark_until(commit_unlock, &s->lock, WAIT_SEM, until, w.sg.ticket)) {
        race_acquire(s);
        return 0;
    }
    lock(&s->lock);
    if (w.sg.queued)
        waitq_remove(&s->q, &w.sg);
    /* It may have been the one that those behind waited for. */
    list = give(s);
    unlock(&s->lock);
    sudog_ready_all(list);
    return -ETIMEDOUT;
}

bool gsem_release(struct gsem *s, int64_t n)
{
    struct sudog *list;
    int64_t sum;

    race_release(s);
    lock(&s->lock);
    if (unlikely(__builtin_add_overflow(s->count, n, &sum))) {
        unlock(&s->lock);
        return false;
    }
    s->count = sum;
    list = give(s);
    unlock(&s->lock);
    sudog_ready_all(list);
    return true;
}
