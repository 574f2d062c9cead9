/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/api_run.h"
#include "base/atomic.h"
#include "os/linux/clock.h"
#include "os/linux/cpus.h"
#include "sched/aside.h"
#include "sched/entry.h"
#include "sched/env.h"
#include "sched/init.h"
#include "sched/park.h"
#include "sched/panic.h"
#include "sched/run.h"
#include "sched/schedt.h"
#include "sched/stw.h"
#include "std/sigpipe.h"
#include <errno.h>
#include <gamp/run.h>

#define STRING2(x) #x
#define STRING(x) STRING2(x)

static struct gamp_init_node *hooks_head;
static uint32_t hooks_over; /* atomic: their time has passed, the list is looked at no more */

/* The loader runs constructors and destructors one at a time. Nodes of one unit are adjacent, in
 * any order. */
void gamp_init_register(struct gamp_init_node *node)
{
    struct gamp_init_node **at = &hooks_head;

    if (load_acquire(&hooks_over))
        return;
    while (*at && ((*at)->unit != node->unit || (*at)->position < node->position))
        at = &(*at)->next;
    node->next = *at;
    *at = node;
}

void gamp_init_unregister(struct gamp_init_node *node)
{
    struct gamp_init_node **at = &hooks_head;

    if (load_acquire(&hooks_over))
        return;
    while (*at && *at != node)
        at = &(*at)->next;
    if (*at)
        *at = node->next;
}

static void hooks_run(void)
{
    for (struct gamp_init_node *n = hooks_head; n; n = n->next) {
        n->fn();
        boot_step(n->name);
    }
    store_release(&hooks_over, 1);
}

static struct boot boot_of(const gamp_config *cfg, bool library)
{
    struct boot b = {.library = library};

    if (cfg) {
        b.maxprocs = cfg->maxprocs;
        b.max_threads = cfg->max_threads;
        b.stack_size = cfg->stack_size;
    }
    return b;
}

int gamp_run_with(const gamp_config *cfg, int (*fn)(int, char **), int argc, char **argv)
{
    struct boot b = boot_of(cfg, false);
    int saved = *__errno_location(), r;

    if (!boot_claim())
        return -EALREADY;
    sigpipe_init();
    r = run_main(&b, fn, argc, argv, hooks_run);
    *__errno_location() = saved;
    return r;
}

int gamp_run(int (*fn)(int, char **), int argc, char **argv)
{
    return gamp_run_with(NULL, fn, argc, argv);
}

int gamp_start(const gamp_config *cfg)
{
    struct boot b = boot_of(cfg, true);
    int saved = *__errno_location(), r;

    if (!boot_claim())
        return -EALREADY;
    store_release(&hooks_over, 1);
    r = run_library(&b);
    *__errno_location() = saved;
    return r;
}

int gamp_stop(gamp_time until)
{
    return run_stop(until);
}

/* What the runtime would begin with, and is to begin with. */
static int procs_before(int n)
{
    int32_t env = env_maxprocs();
    int old = env > 0 ? env : sched.procs_before > 0 ? sched.procs_before : cpus_available();

    if (n > 0)
        sched.procs_before = MIN(n, MAXPROCS);
    return old;
}

int gamp_gomaxprocs(int n)
{
    struct g *gp;
    int old;

    if (sched_phase() < PHASE_RUN)
        return procs_before(n);
    if (sched_phase() != PHASE_RUN)
        return load_acquire(&gomaxprocs);
    if (n <= 0)
        return load_acquire(&gomaxprocs);
    gp = gamp_enter();
    (void)gp;
    sched.procs_fixed = true;
    old = gomaxprocs_set(n);
    gamp_leave();
    return old;
}

int gamp_num_cpu(void)
{
    int n;

    gamp_enter();
    n = aside_cpus_available();
    gamp_leave();
    return n;
}

int gamp_num_goroutine(void)
{
    return (int)goroutines_alive();
}

uint64_t gamp_goid(void)
{
    struct g *gp = gamp_self();

    return gp && is_parkable(gp) ? gp->goid : 0;
}

void gamp_gosched(void)
{
    yield();
}

void gamp_goexit(void)
{
    goexit1();
}

void gamp_lock_os_thread(void)
{
    struct g *gp = gamp_enter();

    if (is_parkable(gp) && gp->x->locked_ext++ == 0) {
        gp->run.lockedm = gp->run.m;
        gp->run.m->lockedg = gp;
    }
    gamp_leave();
}

void gamp_unlock_os_thread(void)
{
    struct g *gp = gamp_enter();

    if (is_parkable(gp) && gp->x->locked_ext > 0 && --gp->x->locked_ext == 0) {
        gp->run.m->lockedg = NULL;
        gp->run.lockedm = NULL;
    }
    gamp_leave();
}

const char *gamp_version(void)
{
    return STRING(GAMP_VERSION_MAJOR) "." STRING(GAMP_VERSION_MINOR) "." STRING(GAMP_VERSION_PATCH);
}
