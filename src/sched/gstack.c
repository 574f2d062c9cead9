/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/gstack.h"
#include "arch/switch.h"
#include "base/race.h"
#include "mem/stack.h"
#include "sched/gostart.h"
#include "sched/m.h"

enum { CACHE = ARRAY_LEN(((struct stackcache *)0)->slot) };

uintptr_t gslot(const struct gx *x)
{
    return x->stack_lo - stack_guard_size(x->stack_class);
}

/* The sanitizer takes the creation of a fiber for an order between its creator and it. Here that
 * would be whoever ran before on this M, a goroutine that has nothing to do with it; so g0's fiber
 * creates it. A foreign thread has no such fiber, and only creates for a go of its own. */
static void *fiber_new(void)
{
#if RACE_TSAN
    void *here = __tsan_get_current_fiber(), *g0 = getm()->g0->x->tsan_fiber, *made;

    if (!g0)
        return __tsan_create_fiber(0);
    __tsan_switch_to_fiber(g0, 1);
    made = __tsan_create_fiber(0);
    __tsan_switch_to_fiber(here, 1);
    return made;
#else
    return NULL;
#endif
}

static void bind(struct g *gp, uintptr_t slot, int class)
{
    uintptr_t top = slot + stack_slot_size(class) - stack_colour(slot, class);
    uintptr_t hi = (top - sizeof(struct gx)) & ~(uintptr_t)63;
    struct gx *x = (struct gx *)hi;

    *x = (struct gx){
        .g = gp,
        .stack_lo = slot + stack_guard_size(class),
        .stack_hi = hi,
        .start = gp->start,
        .stack_class = class,
    };
    gp->run = (struct grun){.stackguard0 = x->stack_lo + STACK_RESERVE};
    gp->x = x;
    x->tsan_fiber = fiber_new();
}

void gbind_slot(struct g *gp, uintptr_t slot, int class)
{
    bind(gp, slot, class);
    gp->run.sp = arch_frame(gp->x->stack_hi, gostart);
}

/* x has been a goroutine's whose function returned: most of it is as a new one has it. */
void gbind_running(struct g *gp, struct gx *x)
{
    x->g = gp;
    x->start = gp->start;
    x->defers = NULL;
    x->panics = NULL;
    x->protects = NULL;
    x->locked_ext = 0;
    x->waitsince = 0;
    x->name[0] = '\0';
    gp->run = (struct grun){.stackguard0 = x->stack_lo + STACK_RESERVE};
    gp->x = x;
}

void gbind(struct g *gp, struct p *pp)
{
    struct stackcache *c = &pp->stacks;

    if (c->n == 0)
        c->n = stack_take(0, c->slot, CACHE / 2);
    gbind_slot(gp, c->slot[--c->n], 0);
}

void gunbind(struct g *gp, struct p *pp)
{
    struct gx *x = gp->x;
    uintptr_t slot = gslot(x);
    int class = x->stack_class;

#if RACE_TSAN
    __tsan_destroy_fiber(x->tsan_fiber);
    race_forget(x->stack_lo, slot + stack_slot_size(class));
#endif
#if RACE_ASAN
    race_frames_left(x->stack_lo, x->stack_hi);
#endif
    gp->x = NULL;
    if (class != 0) {
        stack_give(class, &slot, 1);
        stack_unpromise(class, 1);
        return;
    }
    if (pp->stacks.n == CACHE) {
        /* The oldest half goes; the hot ones stay. */
        stack_give(0, pp->stacks.slot, CACHE / 2);
        for (int i = 0; i < CACHE / 2; i++)
            pp->stacks.slot[i] = pp->stacks.slot[i + CACHE / 2];
        pp->stacks.n = CACHE / 2;
    }
    pp->stacks.slot[pp->stacks.n++] = slot;
    if (++pp->stackcredit > 256) {
        pp->stackcredit -= 128;
        stack_unpromise(0, 128);
    }
}

int stackcache_init(struct p *pp)
{
    pp->stacks.n = 0;
    return stack_promise(0, CACHE);
}

void stackcache_flush(struct p *pp)
{
    stack_give(0, pp->stacks.slot, pp->stacks.n);
    pp->stacks.n = 0;
    stack_unpromise(0, pp->stackcredit);
    pp->stackcredit = 0;
}
