/* SPDX-License-Identifier: BSD-3-Clause */
#include "diag/godump.h"
#include "arch/switch.h"
#include "base/throw_up.h"
#include "diag/peek.h"
#include "diag/symbol.h"
#include "diag/traceback.h"
#include "os/linux/blocked.h"
#include "os/linux/clock.h"
#include "os/linux/vm.h"
#include "sched/entry.h"
#include "sched/fatal.h"
#include "sched/schedt.h"
#include "sched/stw.h"
#include "sched/trace_up.h"

/* A goroutine as it was when it was looked at. */
struct view {
    struct g *g;
    struct g copy;
    struct gx x; /* only with copy.x */
    bool current;
};

enum { REPORT_FRAMES = 16 };

static bool is_system(void)
{
    return debug.traceback >= TRACEBACK_SYSTEM;
}

static bool look(struct g *gp, struct view *v)
{
    v->g = gp;
    v->current = gp == getg();
    return peek_bytes((uintptr_t)gp, &v->copy, sizeof v->copy) &&
           (!v->copy.x || peek_bytes((uintptr_t)v->copy.x, &v->x, sizeof v->x));
}

/* The M that it is on while it is not parked; the records of Ms stay for ever. */
static struct m *m_of(const struct view *v)
{
    if (!v->copy.x)
        return NULL;
    return v->copy.run.pinm ? v->copy.run.pinm : v->copy.run.m;
}

static bool is_stray(const struct view *v)
{
    struct m *m = m_of(v);

    return v->copy.status == Grunning && !v->current && m && load_acquire(&m->curg) == v->g &&
           (!load_relaxed(&m->p) || load_acquire(&m->stolen) == STOLEN_TAKEN);
}

static const char *status_text(const struct view *v)
{
    if (v->copy.kind == G0)
        return v->current ? "running" : "idle";
    switch (v->copy.status) {
    case Gidle:
        return "idle";
    case Grunnable:
        return "runnable";
    case Gsyscall:
        return "syscall";
    case Gwaiting:
        return waitreason_text(v->copy.waitreason);
    case Gpreempted:
        return "preempted";
    case Gdead:
        return "dead";
    default:
        return is_stray(v) ? "syscall" : "running";
    }
}

/* A head is one line, whatever the program chose. */
static void print_name(struct printer *p, const char *name)
{
    printer_put(p, " {name: ");
    for (; *name; name++)
        printer_put(p, "%c", (unsigned char)*name < ' ' || *name == 0x7f ? '?' : *name);
    printer_put(p, "}");
}

static void print_head(struct printer *p, const struct view *v)
{
    bool mortal = v->copy.kind == GNORMAL || v->copy.kind == GSYSTEM;

    printer_put(p, "goroutine %lu [%s", (unsigned long)(mortal ? v->copy.goid : 0), status_text(v));
    if (v->copy.status == Gwaiting && v->copy.x && v->x.waitsince > 0) {
        int64_t minutes = (nanotime() - v->x.waitsince) / 60000000000;

        if (minutes >= 1)
            printer_put(p, ", %ld minutes", (long)minutes);
    }
    if (v->copy.x && v->copy.run.lockedm)
        printer_put(p, ", locked to thread");
    printer_put(p, "]");
    if (v->copy.x && mortal && v->x.name[0])
        print_name(p, v->x.name);
    printer_put(p, ":\n");
}

/* A function that nobody has called yet. */
static void print_start(struct printer *p, const struct gstart *start)
{
    uintptr_t pc = (uintptr_t)start->fn;
    struct symbol s;

    symbol_of(pc, &s);
    printer_put(p, "%s(...)\n", s.function ? s.function : "?");
    if (s.file)
        printer_put(p, "\t%s:%d\n", s.file, s.line);
    else
        printer_put(p, "\tpc=0x%lx\n", (unsigned long)pc);
}

static bool within(const struct gx *x, uintptr_t sp)
{
    return sp >= x->stack_lo && sp < x->stack_hi;
}

/* The stacks of goroutines are never unmapped, so they can be read directly. */
static void set_bounds(struct unwind_regs *r, const struct view *v)
{
    if (v->copy.kind <= GSYSTEM && v->x.g == v->g && within(&v->x, r->reg[ARCH_DW_SP])) {
        r->stack_lo = v->x.stack_lo & ~(uintptr_t)7;
        r->stack_hi = v->x.stack_hi;
    }
}

static bool begin_parked(const struct view *v, struct unwind_regs *r)
{
    uintptr_t sp = v->copy.run.sp;

    if (v->x.g == v->g && within(&v->x, sp))
        return unwind_from_switch(r, sp, v->x.stack_lo & ~(uintptr_t)7, v->x.stack_hi);
    return unwind_from_switch(r, sp, 0, 0);
}

/* sp and pc alone: the registers that its frames have saved come up on the way; see unwind.c for
 * frames that are found by a frame pointer. */
static bool begin_blocked(const struct view *v, struct unwind_regs *r)
{
    struct m *m = m_of(v);

    if (!m || load_acquire(&m->curg) != v->g)
        return false;
    *r = (struct unwind_regs){.call = false, .fp_unknown = true};
    if (!blocked_at(m->tid, &r->pc, &r->reg[ARCH_DW_SP]))
        return false;
    r->reg[ARCH_DW_RA] = r->pc;
    return true;
}

/* Its M was interrupted, while it ran, or while the scheduler ran on g0 on its behalf. */
static bool begin_interrupted(const struct view *v, struct unwind_regs *r)
{
    struct m *m = m_of(v);
    const void *handler = m ? load_acquire(&m->context) : NULL;

    if (!handler || (!v->copy.run.pinm && load_acquire(&m->curg) != v->g))
        return false;
    unwind_from_ucontext(r, handler);
    if (within(m->g0->x, r->reg[ARCH_DW_SP]) && !within(&v->x, r->reg[ARCH_DW_SP]))
        return begin_parked(v, r);
    return true;
}

/* false: its stack is not to be had. */
static bool begin(const struct view *v, const void *context, struct unwind_regs *r)
{
    struct m *m = m_of(v);
    bool on_g0;

    if (context) {
        unwind_from_ucontext(r, context);
        return true;
    }
    if (v->current) {
        unwind_here(r);
        return true;
    }
    /* Also when it is about to park and its sp is not saved yet (sched/solo.h). */
    if (v->copy.x && begin_interrupted(v, r))
        return true;
    on_g0 = m && getg() && m == getm() && getg() == m->g0 && m->curg == v->g;
    if (v->copy.status == Grunning && !on_g0)
        return begin_blocked(v, r);
    return begin_parked(v, r);
}

static bool never_ran(const struct unwind_regs *r)
{
    return r->pc == (uintptr_t)arch_entry;
}

static void print_goroutine(struct printer *p, const struct view *v, const void *context)
{
    struct unwind_regs r;

    print_head(p, v);
    if (!v->copy.x) {
        print_start(p, &v->copy.start);
    } else if (!begin(v, context, &r)) {
        printer_put(p, "\tgoroutine running on other thread; stack unavailable\n");
    } else if (never_ran(&r)) {
        print_start(p, &v->x.start);
    } else {
        set_bounds(&r, v);
        traceback_frames(p, &r, is_system());
    }
    if (v->copy.kind <= GSYSTEM && v->copy.goid != 1)
        traceback_created_by(p, v->copy.gopc);
}

/* To the caller of the report, if it is one of the library's own failure: how it is printed is of
 * no interest. */
static void skip_report(struct unwind_regs *r)
{
    struct unwind_regs at = *r;

    for (int i = 0; i < REPORT_FRAMES; i++) {
        struct symbol s;

        symbol_of(at.pc - 1, &s);
        if (unwind_step(&at) <= 0)
            return;
        if (s.entry == (uintptr_t)throw_report) {
            *r = at;
            return;
        }
    }
}

static void print_runtime_stack(struct printer *p)
{
    struct unwind_regs r;

    printer_put(p, "runtime stack:\n");
    unwind_here(&r);
    skip_report(&r);
    traceback_frames(p, &r, true);
}

/* A thread that gamp does not know. */
static void print_stranger(struct printer *p, const void *context)
{
    struct unwind_regs r;

    printer_put(p, "goroutine 0 [running]:\n");
    if (context)
        unwind_from_ucontext(&r, context);
    else
        unwind_here(&r);
    traceback_frames(p, &r, is_system());
}

void traceback_g(int fd, struct g *gp, const void *context)
{
    struct printer p;
    struct view v;
    bool scheduler;

    modules_init();
    modules_refresh();
    printer_init(&p, fd);
    /* Thrown by the scheduler on its own stack, or by a thread of the library that runs no
     * goroutine: that stack tells why. */
    scheduler = gp && getg() && getg()->kind == G0 && !context;
    if (scheduler) {
        print_runtime_stack(&p);
        if (gp != getg())
            printer_put(&p, "\n");
    }
    if (!gp)
        print_stranger(&p, context);
    else if ((!scheduler || gp != getg()) && look(gp, &v))
        print_goroutine(&p, &v, context);
    printer_flush(&p);
}

bool traceback_less(void)
{
    static bool least;

    if (least)
        return false;
    least = symbol_degrade() == SYMBOL_NONE;
    return true;
}

static bool is_shown(const struct g *gp, const struct g *skip)
{
    enum gstatus s = readgstatus(gp);

    return gp != skip && s != Gidle && s != Gdead && gp->kind <= (is_system() ? GSYSTEM : GNORMAL);
}

/* Those to show, by number. Without memory for the list they come as they lie. */
struct list {
    struct printer *p;
    const struct g *skip;
    struct g **g;
    size_t n, room;
};

static bool count_one(struct g *gp, void *arg)
{
    struct list *l = arg;

    l->room += is_shown(gp, l->skip);
    return true;
}

static bool take_one(struct g *gp, void *arg)
{
    struct list *l = arg;

    if (is_shown(gp, l->skip))
        l->g[l->n++] = gp;
    return l->n < l->room;
}

static bool print_one(struct g *gp, void *arg)
{
    struct list *l = arg;
    struct view v;

    if (is_shown(gp, l->skip) && look(gp, &v)) {
        printer_put(l->p, "\n");
        print_goroutine(l->p, &v, NULL);
    }
    return !l->p->err;
}

/* By Shell's method: no recursion, and never out of bounds should numbers change meanwhile. */
static void sort(struct g **g, size_t n)
{
    size_t gap = 1;

    while (gap < n / 3)
        gap = 3 * gap + 1;
    for (; gap > 0; gap /= 3) {
        for (size_t i = gap; i < n; i++) {
            struct g *gp = g[i];
            size_t k = i;

            for (; k >= gap && g[k - gap]->goid > gp->goid; k -= gap)
                g[k] = g[k - gap];
            g[k] = gp;
        }
    }
}

static void print_others(struct printer *p, struct g *skip)
{
    struct list l = {.p = p, .skip = skip};
    size_t size;

    allgs_each(count_one, &l);
    if (l.room == 0)
        return;
    size = (l.room * sizeof(struct g *) + PAGE - 1) & ~(size_t)(PAGE - 1);
    l.g = vm_map(size);
    if (!l.g) {
        allgs_each(print_one, &l);
        return;
    }
    allgs_each(take_one, &l);
    sort(l.g, l.n);
    for (size_t i = 0; i < l.n && print_one(l.g[i], &l); i++)
        ;
    vm_unmap(l.g, size);
}

void traceback_others(int fd, struct g *skip)
{
    struct printer p;

    modules_refresh();
    printer_init(&p, fd);
    print_others(&p, skip);
    printer_flush(&p);
}

void traceback_init(void)
{
    modules_init();
}

/* The text is collected first: the descriptor may be a pipe that a stopped goroutine reads. */
int stack_dump(int fd, bool all)
{
    struct printer p;
    struct view v;
    struct g *gp;

    modules_init();
    modules_refresh();
    printer_init(&p, -1);
    gp = gamp_enter();
    /* Before the world stops: what this one needs of symbols is mostly what the others need. */
    if (look(gp, &v))
        print_goroutine(&p, &v, NULL);
    if (all && sched_phase() == PHASE_RUN && stoptheworld()) {
        print_others(&p, gp);
        starttheworld();
    }
    gamp_leave();
    return printer_end(&p, fd);
}
