/* SPDX-License-Identifier: BSD-3-Clause */
/* grwmutex: see grwmutex.h. */
#include "sync/grwmutex.h"
#include "base/race.h"
#include "os/linux/clock.h"
#include "sync/sema.h"
#include "sync/spin.h"
#include <errno.h>

static uint64_t count(uint64_t state, uint64_t unit)
{
    return state / unit & RW_MAX;
}

/* What a reader relies on: the writers before it. A writer: all before it. */
static void race_reader_in(gamp_rwmutex *m)
{
    race_acquire(&m->reader_sem);
}

static void race_writer_in(gamp_rwmutex *m)
{
    race_acquire(&m->reader_sem);
    race_acquire(&m->writer_sem);
}

bool grwmutex_tryrlock(gamp_rwmutex *m)
{
    uint64_t old;

    do {
        old = load_relaxed(&m->state);
        if ((old & (RW_WRITER | RW_WRITERS_MASK)) || count(old, RW_INSIDE) == RW_MAX)
            return false;
        /* Acquire pairs with the writer's release at unlock. */
    } while (!cas_acquire(&m->state, old, old + RW_INSIDE));
    race_reader_in(m);
    return true;
}

bool grwmutex_trylock(gamp_rwmutex *m)
{
    /* While nobody is inside nobody waits either. Acquire pairs with the releases at unlock and
     * runlock. */
    if (!cas_acquire(&m->state, 0, RW_WRITER))
        return false;
    race_writer_in(m);
    return true;
}

/* A reader gives up. false: it has been let in. */
static bool reader_leaves(gamp_rwmutex *m)
{
    for (;;) {
        uint64_t old = load_relaxed(&m->state);

        if (count(old, RW_READERS) == 0)
            return false;
        if (cas_relaxed(&m->state, old, old - RW_READERS))
            return true;
    }
}

int grwmutex_rlock(gamp_rwmutex *m, int64_t until)
{
    uint64_t old;

    for (;;) {
        if (grwmutex_tryrlock(m))
            return 0;
        if (until != NEVER && until <= nanotime())
            return -ETIMEDOUT;
        old = load_relaxed(&m->state);
        /* All who wait will be inside together. */
        if (count(old, RW_INSIDE) + count(old, RW_READERS) >= RW_MAX)
            return -EOVERFLOW;
        if ((old & (RW_WRITER | RW_WRITERS_MASK)) && cas_relaxed(&m->state, old, old + RW_READERS))
            break;
    }
    if (!semacquire_until(&m->reader_sem, false, WAIT_RWMUTEX_RLOCK, until)) {
        if (reader_leaves(m))
            return -ETIMEDOUT;
        semacquire(&m->reader_sem, false, WAIT_RWMUTEX_RLOCK);
    }
    race_reader_in(m);
    return 0;
}

bool grwmutex_runlock(gamp_rwmutex *m)
{
    uint64_t old, new;

    race_release(&m->writer_sem);
    do {
        old = load_relaxed(&m->state);
        if (unlikely(!(old & RW_INSIDE_MASK)))
            return false;
        new = old - RW_INSIDE;
        if (!(new &RW_INSIDE_MASK) && (new &RW_WRITERS_MASK))
            new = (new - RW_WRITERS) | RW_WRITER;
    } while (!cas_release(&m->state, old, new));
    if (new &RW_WRITER)
        semrelease(&m->writer_sem, false);
    return true;
}

/* A writer gives up. false: it has been let in. */
static bool writer_leaves(gamp_rwmutex *m)
{
    uint64_t old, new, readers;

    do {
        old = load_relaxed(&m->state);
        if (!(old & RW_WRITERS_MASK))
            return false;
        new = old - RW_WRITERS;
        readers = 0;
        if (!(new &(RW_WRITERS_MASK | RW_WRITER))) {
            /* It was the one that kept the readers waiting: they join those inside. */
            readers = count(new, RW_READERS);
            new = (new & ~RW_READERS_MASK) + readers *RW_INSIDE;
        }
    } while (!cas_acqrel(&m->state, old, new));
    if (readers)
        semrelease_n(&m->reader_sem, (uint32_t)readers);
    return true;
}

int grwmutex_lock(gamp_rwmutex *m, int64_t until)
{
    uint64_t old;

    for (int turn = 0;; turn++) {
        if (grwmutex_trylock(m))
            return 0;
        if (until != NEVER && until <= nanotime())
            return -ETIMEDOUT;
        old = load_relaxed(&m->state);
        /* A writer alone is soon through; behind others there is nothing to win. */
        if (old == RW_WRITER && can_spin(turn)) {
            spin();
            continue;
        }
        if (count(old, RW_WRITERS) == RW_MAX)
            return -EOVERFLOW;
        if (old != 0 && cas_relaxed(&m->state, old, old + RW_WRITERS))
            break;
    }
    if (!semacquire_until(&m->writer_sem, false, WAIT_RWMUTEX_LOCK, until)) {
        if (writer_leaves(m))
            return -ETIMEDOUT;
        semacquire(&m->writer_sem, false, WAIT_RWMUTEX_LOCK);
    }
    race_writer_in(m);
    return 0;
}

bool grwmutex_unlock(gamp_rwmutex *m)
{
    uint64_t old, new, readers;

    race_release(&m->reader_sem);
    do {
        old = load_relaxed(&m->state);
        if (unlikely(!(old & RW_WRITER)))
            return false;
        readers = count(old, RW_READERS);
        if (readers)
            new = (old & RW_WRITERS_MASK) + readers *RW_INSIDE;
        else if (old & RW_WRITERS_MASK)
            new = old - RW_WRITERS;
        else
            new = 0;
    } while (!cas_release(&m->state, old, new));
    if (readers)
        semrelease_n(&m->reader_sem, (uint32_t)readers);
    else if (new &RW_WRITER)
        semrelease(&m->writer_sem, false);
    return true;
}
