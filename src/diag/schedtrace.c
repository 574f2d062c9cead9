/* SPDX-License-Identifier: BSD-3-Clause */
#include "diag/schedtrace.h"
#include "diag/traceback.h"
#include "sched/globq.h"
#include "sched/schedt.h"
#include "sched/trace_up.h"

static int64_t started, printed; /* sysmon only */

/* Numbers that may be missing are "nil" in Go's lines. */
static void put_id(struct printer *p, const char *name, bool have, int64_t id)
{
    if (have)
        printer_put(p, " %s=%ld", name, (long)id);
    else
        printer_put(p, " %s=nil", name);
}

static uint32_t queued(const struct p *pp)
{
    uint32_t head = load_acquire(&pp->runq.head), tail = load_acquire(&pp->runq.tail);

    return tail - head + (load_relaxed(&pp->runq.runnext) != NULL);
}

static void print_p(struct printer *p, const struct p *pp)
{
    const struct m *m = load_acquire(&pp->m);

    printer_put(p, "  P%d: status=%u schedtick=%lu syscalltick=0", pp->id,
                load_relaxed(&pp->status), (unsigned long)load_relaxed(&pp->schedtick));
    put_id(p, "m", m != NULL, m ? m->id : 0);
    printer_put(p, " runqsize=%u gfreecnt=%u timerslen=%u\n", queued(pp),
                load_relaxed(&pp->gfree.n), timers_count(&pp->timers));
}

static const char *bool_text(bool v)
{
    return v ? "true" : "false";
}

static void print_m(struct printer *p, const struct m *m)
{
    const struct p *pp = load_relaxed(&m->p);
    const struct g *curg = load_acquire(&m->curg), *locked = load_relaxed(&m->lockedg);

    /* An M that schedules or sleeps still names the last one. */
    if (curg && (readgstatus(curg) != Grunning || load_relaxed(&curg->run.m) != m))
        curg = NULL;
    printer_put(p, "  M%ld:", (long)m->id);
    put_id(p, "p", pp != NULL, pp ? pp->id : 0);
    put_id(p, "curg", curg != NULL, curg ? (int64_t)curg->goid : 0);
    printer_put(p, " mallocing=0 throwing=0 preemptoff= locks=%d dying=%d spinning=%s blocked=%s",
                load_relaxed(&m->locks), m->dying, bool_text(m->spinning),
                bool_text(m->parkedin != PARKED_NOT));
    put_id(p, "lockedg", locked != NULL, locked ? (int64_t)locked->goid : 0);
    printer_put(p, "\n");
}

static bool print_g(struct g *gp, void *arg)
{
    struct printer *p = arg;
    enum gstatus s = readgstatus(gp);
    const struct m *m, *locked;
    bool runs;

    if (s == Gidle || s == Gdead)
        return true;
    runs = gp->x && (s == Grunning || s == Gsyscall);
    m = runs ? gp->run.m : NULL;
    locked = gp->x ? gp->run.lockedm : NULL;
    printer_put(p, "  G%lu: status=%d(%s)", (unsigned long)gp->goid, s,
                s == Gwaiting ? waitreason_text(gp->waitreason) : "");
    put_id(p, "m", m != NULL, m ? m->id : 0);
    put_id(p, "lockedm", locked != NULL, locked ? locked->id : 0);
    printer_put(p, "\n");
    return !p->err;
}

static void print_detail(struct printer *p)
{
    printer_put(p, " gcwaiting=%s nmidlelocked=%d stopwait=%d sysmonwait=%s\n",
                bool_text(load_relaxed(&sched.gcwaiting)), sched.nmidlelocked,
                load_relaxed(&sched.stopwait), bool_text(load_relaxed(&sched.sysmonwait)));
    for (int32_t i = 0; i < load_acquire(&gomaxprocs); i++)
        print_p(p, allp[i]);
    for (const struct m *m = load_acquire(&sched.allm); m; m = m->alllink) {
        if (!m->dead)
            print_m(p, m);
        if (m->alllink == m)
            break;
    }
    allgs_each(print_g, p);
}

void schedtrace_print(int fd, int64_t ms, bool detailed)
{
    struct printer p;

    printer_init(&p, fd);
    printer_put(&p,
                "SCHED %ldms: gomaxprocs=%d idleprocs=%d threads=%ld spinningthreads=%d "
                "needspinning=%u idlethreads=%d runqueue=%u",
                (long)ms, load_relaxed(&gomaxprocs), load_relaxed(&sched.npidle),
                (long)(load_relaxed(&sched.mnext) - sched.nmfreed), load_relaxed(&sched.nmspinning),
                load_relaxed(&sched.needspinning), load_relaxed(&sched.nmidle), globrunqsize());
    if (detailed) {
        print_detail(&p);
    } else {
        for (int32_t i = 0; i < load_acquire(&gomaxprocs); i++)
            printer_put(&p, "%s%u", i == 0 ? " [" : " ", queued(allp[i]));
        printer_put(&p, "]\n");
    }
    printer_flush(&p);
}

void schedtrace_tick(int64_t now)
{
    if (!started)
        started = now;
    if (printed && now - printed < (int64_t)debug.schedtrace * 1000000)
        return;
    printed = now;
    schedtrace_print(2, (now - started) / 1000000, debug.scheddetail);
}
