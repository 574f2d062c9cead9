/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/leakroots.h"

#if RACE_ASAN

#include "sched/g.h"
#include <stdlib.h>

/* The search reads the list of mappings anew for each. */
enum { MOST = 2000 };

void __lsan_register_root_region(const void *p, size_t size) __attribute__((weak));

static void add(uintptr_t lo, uintptr_t hi)
{
    __lsan_register_root_region((const void *)lo, hi - lo);
}

static bool add_g(struct g *gp, void *arg)
{
    int *left = arg;
    enum gstatus status = readgstatus(gp);
    const struct gx *x = gp->x;
    uintptr_t lo;

    if (gp->kind > GSYSTEM || status == Gidle || status == Gdead)
        return true;
    if (!x) {
        add((uintptr_t)&gp->start, (uintptr_t)(&gp->start + 1));
    } else {
        /* Of one that is at rest, what it has in use; what lies below may be large. */
        lo = gp->run.sp;
        if ((status != Gwaiting && status != Grunnable) || gp->run.pinm || lo < x->stack_lo ||
            lo >= x->stack_hi)
            lo = x->stack_lo;
        add(lo & ~(uintptr_t)7, (uintptr_t)(x + 1));
    }
    return --*left > 0;
}

static void add_all(void)
{
    int left = MOST;

    allgs_each(add_g, &left);
}

void leakroots_init(void)
{
    if (__lsan_register_root_region)
        atexit(add_all);
}

#endif
