/* SPDX-License-Identifier: BSD-3-Clause */
/* parkhere: the two most frequent ways to park, laid out in the function that waits. The CPU
 * predicts a return by the last calls it saw, which after a switch were another goroutine's: so
 * each frame between the switch and the program is a misprediction, some 2 ns, at every wait. */
#ifndef GAMP_SCHED_PARKHERE_H
#define GAMP_SCHED_PARKHERE_H

#include "event/event.h"
#include "sched/direct.h"
#include "sched/park.h"
#include "sched/solo.h"
#include "sched/switch_g.h"

/* Leaves gp, whose commit is set, for the next goroutine or for g0; returns when gp runs again,
 * with its M. */
static always_inline struct m *leave(struct m *m, struct g *gp, bool direct)
{
    bool inherit = false;
    struct g *next = direct ? direct_next(m, &inherit) : NULL;

    m->commitg = gp;
    if (next) {
        run_prepare(m, next, inherit);
    } else {
        setg(m->g0);
        next = m->g0;
    }
    return gswitch(gp, next, false);
}

/* The same where gp is committed already, which only a solo P may do before the switch: a waker may
 * have made it runnable, but nobody else can run it. */
static always_inline struct m *leave_solo(struct m *m, struct g *gp)
{
    bool inherit = false;
    struct g *next = direct_next(m, &inherit);

    if (unlikely(!next)) {
        setg(m->g0);
        return gswitch(gp, m->g0, false);
    }
    run_prepare(m, next, inherit);
    return likely(next != gp) ? gswitch(gp, next, false) : m;
}

/* What travels with a goroutine although it is the thread's: errno, and C++'s caught exceptions
 * (Itanium C++ ABI 2.2.2: caughtExceptions, uncaughtExceptions). */
struct cxa_globals {
    void *caught;
    unsigned uncaught;
};

/* A load and a comparison cost less than a store: a switch is bound by the stores it makes. */
static always_inline void restore_errno(struct m *m, int saved)
{
    if (unlikely(*m->errnop != saved))
        *m->errnop = saved;
}

static always_inline int park_save(struct m *m, struct gx *x)
{
    struct cxa_globals *cxa = m->cxa_globals;

    if (cxa) {
        x->cxa_caught = cxa->caught;
        x->cxa_uncaught = cxa->uncaught;
    }
    return *m->errnop;
}

static always_inline void park_restore(struct m *m, struct gx *x, int saved)
{
    struct cxa_globals *cxa = m->cxa_globals;

    restore_errno(m, saved);
    if (cxa) {
        cxa->caught = x->cxa_caught;
        cxa->uncaught = x->cxa_uncaught;
    }
}

/* By g's commit after the switch, which suits every P, solo ones too. */
static always_inline void park_leave_shared(struct m *m, struct g *gp,
                                            void (*commit)(struct m *, struct g *))
{
    int saved = park_save(m, gp->x);

    m->commit = commit;
    m = leave(m, gp, true);
    park_restore(m, gp->x, saved);
}

/* For these alone. */
void commit_park(struct m *m, struct g *gp);
void commit_unlock_park(struct m *m, struct g *gp);
void park_foreign(struct g *gp, unlockf *f, void *l);

/* gopark, where the P is not solo most likely. */
static always_inline void gopark_here(unlockf *f, void *l, enum waitreason reason)
{
    struct g *gp = getg();
    struct m *m = thism();

    gp->waitreason = (uint8_t)reason;
    if (unlikely(!is_parkable(gp))) {
        park_foreign(gp, f, l);
        return;
    }
    gp->x->waitsince = load_relaxed(&sched.coarse);
    m->unlockf = f;
    m->unlocklock = l;
    park_leave_shared(m, gp, commit_park);
}

/* goparkunlock: gopark with commit_unlock. */
static always_inline void goparkunlock_here(struct mutex *l, enum waitreason reason)
{
    struct g *gp = getg();
    struct m *m = thism();

    gp->waitreason = (uint8_t)reason;
    if (unlikely(!is_parkable(gp))) {
        park_foreign(gp, commit_unlock, l);
        return;
    }
    gp->x->waitsince = load_relaxed(&sched.coarse);
    m->unlocklock = l;
    park_leave_shared(m, gp, commit_unlock_park);
}

/* gopark_solo. By itself, though goparkunlock with another commit would do: one function for both
 * made a select a tenth slower. */
static always_inline void gopark_solo_here(struct mutex *l, enum waitreason reason)
{
    struct g *gp = getg();
    struct m *m = thism();
    int saved = park_save(m, gp->x);

    gp->waitreason = (uint8_t)reason;
    gp->x->waitsince = load_relaxed(&sched.coarse);
    event_emit(EV_GO_BLOCK, gp->goid, reason);
    casgstatus(gp, Grunning, Gwaiting);
    if (l)
        unlock_solo(l);
    m = leave_solo(m, gp);
    park_restore(m, gp->x, saved);
}

#endif
