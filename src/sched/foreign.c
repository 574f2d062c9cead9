/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/foreign.h"
#include "base/race.h"
#include "base/throw.h"
#include "mem/sysmem.h"
#include "os/linux/clock.h"
#include "sched/polldesc.h"
#include "sched/schedt.h"
#include "sched/solo.h"
#include <errno.h>
#include <pthread.h>

/* So that the first thread, often the only one, needs no memory. */
static struct m first;

static struct {
    struct mutex lock; /* LOCK_LEAF */
    struct m *free;
    pthread_key_t key;
    bool have_key;
    pthread_once_t once;
} foreign = {.lock = MUTEX_INIT(LOCK_LEAF), .free = &first, .once = PTHREAD_ONCE_INIT};

static void detach(void *arg)
{
    struct m *m = arg;

    if (thism() == m) {
        setg(NULL);
        setthism(NULL);
    }
    fetch_add_relaxed(&sched.foreigners, -1);
    race_release(m);
    lock(&foreign.lock);
    m->schedlink = foreign.free;
    foreign.free = m;
    unlock(&foreign.lock);
}

static void make_key(void)
{
    foreign.have_key = pthread_key_create(&foreign.key, detach) == 0;
}

static struct m *m_get(void)
{
    struct m *m;

    lock(&foreign.lock);
    m = foreign.free;
    if (m)
        foreign.free = m->schedlink;
    unlock(&foreign.lock);
    if (!m)
        m = persistentalloc(sizeof *m);
    if (m)
        race_acquire(m);
    return m;
}

struct g *foreign_try_attach(void)
{
    int saved = errno;
    struct m *m = m_get();
    uint32_t waitid;
    struct g *gp;

    if (!m)
        return NULL;
    waitid = m->g0_storage.waitid;
    *m = (struct m){.rand = (uint64_t)nanotime()};
    /* The record may have served another thread: late claims of its waits must go on failing. */
    m->g0_storage.waitid = (waitid | 1) + 1;
    gp = m_attach(m, true);
    fetch_add_seqcst(&sched.foreigners, 1);
    solo_end();
    pthread_once(&foreign.once, make_key);
    if (foreign.have_key)
        pthread_setspecific(foreign.key, m);
    errno = saved;
    return gp;
}

struct g *foreign_attach(void)
{
    struct g *gp = foreign_try_attach();

    if (!gp)
        throw("out of memory for a thread's record");
    return gp;
}

/* In the child of a fork, what its one thread is if a goroutine forked. */
static struct m alone;

bool foreign_was_goroutine(const struct g *gp)
{
    return gp == &alone.g0_storage;
}

/* In the child of a fork there is this thread alone: locks of the runtime that others held stay
 * held; those that a foreign thread needs are made anew. A goroutine's record is a static one,
 * whose deferred and protected calls are still on this stack. */
static void forked_child(void)
{
    struct g *gp = getg(), *now;

    store_release(&sched.forked, 1);
    solo_over();
    store_release(&sched.phase, PHASE_STOPPED);
    polldesc_after_fork();
    persistent_after_fork();
    mutex_init(&foreign.lock, LOCK_LEAF);
    foreign.free = NULL;
    if (!gp || gp->kind == GFOREIGN)
        return;
    alone = (struct m){.rand = (uint64_t)nanotime()};
    now = m_attach(&alone, true);
    now->x->defers = gp->x->defers;
    now->x->protects = gp->x->protects;
    now->x->panics = gp->x->panics;
}

void foreign_init(void)
{
    pthread_atfork(NULL, NULL, forked_child);
}
