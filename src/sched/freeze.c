/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/freeze.h"
#include "os/linux/clock.h"
#include "os/linux/sys.h"
#include "sched/schedt.h"

enum { LOOKS = 500, PAUSE = 1000 * 1000 };

static uint32_t freezer; /* atomic: the tid that reports, 0: nobody */

/* It runs the program, or is about to: one that schedules may be just past its look at gcwaiting,
 * and may hand its P to one that was stopped before. */
static bool moves(const struct m *m)
{
    if (m->dead || m->tid == sys_gettid() || load_acquire(&m->frozen))
        return false;
    if (load_acquire(&m->p) || load_acquire(&m->nextp))
        return true;
    return load_acquire(&m->curg) && load_acquire(&m->parkedin) != PARKED_HANDLER;
}

void freezetheworld(void)
{
    store_release(&freezer, (uint32_t)sys_gettid());
    /* As for stopping the world, but nobody waits for it: Ms that schedule give up their P and
     * sleep. */
    store_relaxed(&sched.direct, 0);
    store_relaxed(&sched.stopwait, INT32_MAX);
    store_seqcst(&sched.gcwaiting, 1);
    for (int look = 0; look < LOOKS; look++) {
        bool all = true;

        for (struct m *m = load_acquire(&sched.allm); m; m = m->alllink) {
            /* sysmon hands the Ps of those that stand still to others, so ask again and again. */
            if (moves(m)) {
                all = false;
                if (load_acquire(&m->curg))
                    sys_tgkill(sys_getpid(), m->tid, debug.preemptsignal);
            }
            if (m->alllink == m)
                break;
        }
        if (all)
            return;
        clock_sleep(PAUSE);
    }
}

void freeze_check(const void *context)
{
    uint32_t by = load_acquire(&freezer);
    struct g *gp = getg();

    if (!by || by == (uint32_t)sys_gettid())
        return;
    if (gp) {
        store_relaxed(&gp->run.m->context, context);
        /* Pairs with the reporter's load: the context is complete, and this stack stays as it
         * is. */
        store_release(&gp->run.m->frozen, 1);
    }
    for (;;)
        clock_sleep(1000000000000);
}
