/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/begin.h"
#include "os/linux/clock.h"
#include "sched/globq.h"
#include "sched/netpoll.h"
#include "sched/stw.h"

enum { PATIENCE = 100 * 1000 * 1000, RESERVE_MIN = 2, RESERVE_MAX = 4, PART = 3 };

/* Functions by which Ms are held now, and how many. One for which there is no room is not known.
 * sched.lock. */
enum { KNOWN = 64 };
static struct known {
    uintptr_t fn;
    int32_t n;
} known[KNOWN];

static struct known *find(uintptr_t fn)
{
    for (int i = 0; i < KNOWN; i++)
        if (known[i].n > 0 && known[i].fn == fn)
            return &known[i];
    return NULL;
}

static void count_hog(uintptr_t fn, int32_t by)
{
    struct known *k = find(fn);

    for (int i = 0; !k && by > 0 && i < KNOWN; i++)
        if (known[i].n == 0)
            k = &known[i];
    if (!k)
        return;
    k->fn = fn;
    k->n += by;
}

static uintptr_t function_of(const struct g *gp)
{
    return (uintptr_t)(gp->x ? gp->x->start.fn : gp->start.fn);
}

static enum held_kind kind_of(const struct g *gp)
{
    return find(function_of(gp)) ? HELD_STOPPED : HELD_OTHER;
}

static int32_t alive(void)
{
    return (int32_t)(sched.mnext - sched.nmfreed);
}

static int32_t reserve(void)
{
    int32_t limit = sched.nothreads ? alive() : sched.maxmcount;

    return MIN(MAX(limit / PART, RESERVE_MIN), RESERVE_MAX);
}

/* Ms that are idle, are coming, or may be made. */
static int32_t ms_left(void)
{
    int32_t more = sched.nothreads ? 0 : MAX(sched.maxmcount - alive(), 0);

    return sched.nmidle + sched.nmcoming + more;
}

int32_t begin_spare(void)
{
    return sched.nmhogs > 0 ? reserve() : 1;
}

void begin_update_now(void)
{
    int32_t left = ms_left(), enough = reserve();
    bool scarce = sched.nmhogs > 0 && (left < enough || (sched.scarce && left == enough));

    if (scarce == sched.scarce)
        return;
    store_relaxed(&sched.scarce, scarce);
    store_relaxed(&sched.ranother, nanotime());
    for (int k = 0; k < HELD_KINDS; k++) {
        sched.held[k].begun = nanotime();
        sched.held[k].alarmed = true;
    }
    if (!scarce)
        globrunqput_held();
    direct_update();
}

/* --- whose turn it is --- */

/* Nothing but hogs has run for long, and nothing but they can make another runnable. One that is on
 * its way to a queue in this moment, the only one that waited for a timer or a descriptor, is
 * missed; sched.sysmonworks would not do, for sysmon naps with that set. */
static bool only_hogs_matter(int64_t now)
{
    if (now - load_relaxed(&sched.ranother) <= PATIENCE || sched.runq.n > 0 ||
        sched.held[HELD_OTHER].q.n > 0 || sched.library || netpollwaiters() != 0 ||
        load_relaxed(&sched.foreigners) > 0 || load_relaxed(&sched.strays_now) > 0 ||
        load_relaxed(&sched.signalchans) > 0)
        return false;
    for (int32_t i = 0; i < load_relaxed(&gomaxprocs); i++)
        if (load_relaxed(&allp[i]->timers.minwhen) != NEVER || runqwaits(allp[i]))
            return false;
    return true;
}

/* left: besides the M that it would run on. */
static bool may_begin(enum held_kind kind, int32_t left)
{
    const struct held *h = &sched.held[kind];
    int32_t enough = kind == HELD_STOPPED ? reserve() : 1;
    int64_t now;

    if (left >= enough)
        return true;
    now = nanotime();
    if (left == enough - 1)
        return now - h->begun > PATIENCE || !h->alarmed;
    return only_hogs_matter(now);
}

static void begins(struct g *gp, enum held_kind kind)
{
    sched.held[kind].begun = nanotime();
    store_relaxed(&sched.ranother, sched.held[kind].begun);
    sched.held[kind].alarmed = false;
    gp->flags |= GFLAG_BEGINS;
}

/* Those whose function has come to be known since they were held. */
static void sort(void)
{
    struct g *gp;

    while ((gp = sched.held[HELD_OTHER].q.head) != NULL && kind_of(gp) == HELD_STOPPED)
        globrunqputheld(globrunqget_held(HELD_OTHER), HELD_STOPPED);
}

static struct g *take(int32_t left)
{
    sort();
    for (int k = 0; k < HELD_KINDS; k++) {
        struct g *gp = sched.held[k].q.head;

        /* What was taken for a hog's may have been one's that did no harm for long. */
        if (gp && may_begin(kind_of(gp), left)) {
            globrunqget_held((enum held_kind)k);
            begins(gp, kind_of(gp));
            return gp;
        }
    }
    return NULL;
}

struct g *begin_next(void)
{
    if (likely(!begin_waits()))
        return NULL;
    begin_update();
    return begin_waits() ? take(ms_left()) : NULL;
}

struct g *begin_any(void)
{
    for (int k = 0; k < HELD_KINDS; k++) {
        struct g *gp = globrunqget_held((enum held_kind)k);

        if (gp) {
            begins(gp, (enum held_kind)k);
            return gp;
        }
    }
    return NULL;
}

bool begin_due(void)
{
    if (likely(!begin_waits()) || sched.nmidle == 0)
        return false;
    sort();
    for (int k = 0; k < HELD_KINDS; k++)
        if (sched.held[k].q.head && may_begin((enum held_kind)k, ms_left() - 1))
            return true;
    return false;
}

static bool has_run(const struct g *gp)
{
    return gp->x && gp->run.m;
}

/* No P would have been idle, but for want of an M. */
static bool others_have_the_ps(void)
{
    return sched.hogq.n > 0 &&
           (load_relaxed(&sched.npidle) == 0 || sched.nmidle + sched.nmcoming == 0);
}

bool begin_hold(struct g *gp)
{
    bool fresh = gp->kind == GNORMAL && !has_run(gp) && !(gp->flags & GFLAG_BEGINS), hold = false;

    if (!fresh && !(gp->x && gp->run.pinm))
        store_relaxed(&sched.ranother, nanotime());
    if (!fresh && load_relaxed(&sched.nmhogs) > 0)
        return false;
    lock(&sched.lock);
    begin_update();
    if (fresh && sched.scarce) {
        enum held_kind kind = kind_of(gp);

        hold = others_have_the_ps() && !may_begin(kind, ms_left());
        if (hold)
            globrunqputheld(gp, kind);
        else
            begins(gp, kind);
    }
    unlock(&sched.lock);
    return hold;
}

/* --- what became of those that began --- */

static void alarm_all(bool on)
{
    for (int k = 0; k < HELD_KINDS; k++)
        sched.held[k].alarmed = on;
}

void begin_stopped(struct m *m, const struct g *gp)
{
    if (!m->hog) {
        m->hog = function_of(gp);
        count_hog(m->hog, 1);
        store_relaxed(&sched.nmhogs, sched.nmhogs + 1);
        alarm_all(true);
    }
    begin_update();
}

void begin_left_hog(struct m *m)
{
    lock(&sched.lock);
    count_hog(m->hog, -1);
    m->hog = 0;
    store_relaxed(&sched.nmhogs, sched.nmhogs - 1);
    alarm_all(false);
    begin_update();
    unlock(&sched.lock);
}
