/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/init.h"
#include "arch/cpu.h"
#include "base/race.h"
#include "base/throw.h"
#include "lock/mutex.h"
#include "os/linux/clock.h"
#include "os/linux/cpus.h"
#include "os/linux/membarrier.h"
#include "os/linux/print.h"
#include "os/linux/sys.h"
#include "os/linux/thread.h"
#include "os/linux/vm.h"
#include "sched/aside.h"
#include "sched/cxx.h"
#include "sched/env.h"
#include "sched/fatal.h"
#include "sched/foreign.h"
#include "sched/leakroots.h"
#include "sched/mlife.h"
#include "sched/mstart.h"
#include "sched/netpoll.h"
#include "sched/preempt.h"
#include "sched/schedt.h"
#include "sched/stw.h"
#include "sched/trace_up.h"
#include <errno.h>
#include <sys/auxv.h>

struct schedt sched = {.lock = MUTEX_INIT(LOCK_SCHED),
                       .gflock = MUTEX_INIT(LOCK_LEAF),
                       .maxmcount = 10000,
                       .lastpoll = 1};
int32_t ncpu;

static int64_t trace_last;

void boot_step(const char *name)
{
    int64_t now;
    int32_t ps = 0, ms = 0;

    if (!debug.inittrace)
        return;
    now = nanotime();
    for (int i = 0; i < MAXPROCS && allp[i] && i < load_relaxed(&gomaxprocs); i++)
        ps++;
    for (struct m *m = sched.allm; m; m = m->alllink == m ? NULL : m->alllink)
        ms++;
    print_fd(2,
             "init %s @%ld us: g0=%s m0.id=%ld m0.p=%d allm=%d allp=%d gomaxprocs=%d npidle=%d "
             "nmidle=%d ncpu=%d\n",
             name, (long)((now - trace_last) / 1000), m0.g0 ? "set" : "none", (long)m0.id,
             m0.p ? m0.p->id : -1, ms, ps, load_relaxed(&gomaxprocs), sched.npidle, sched.nmidle,
             ncpu);
    trace_last = nanotime();
}

bool boot_claim(void)
{
    return cas_acqrel(&sched.phase, PHASE_NONE, PHASE_INIT);
}

void m0_bounds(struct m *m)
{
    struct gx *x = m->g0->x;
    uintptr_t lo, hi;

    thread_stack(&lo, &hi);
    x->stack_hi = cpu_sp();
    x->stack_lo = x->stack_hi - (64u << 10);
    if (x->stack_lo < lo)
        x->stack_lo = lo;
#if RACE_ASAN
    x->stack_lo = lo;
    x->stack_hi = hi;
#endif
#if RACE_TSAN
    x->tsan_fiber = __tsan_get_current_fiber();
#endif
}

void thread_sigmask_all(void)
{
    sigset_t all;

    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    thread_sigmask(SIG_SETMASK, &all, NULL);
}

/* The thread-local is ours alone and holds what was put there. */
static void tls_probe(void)
{
    struct g *old = getg();

    setg((struct g *)0x123);
    if (getg() != (struct g *)0x123)
        sys_exit_group(2);
    setg(old);
}

/* What the code relies on and a wrong build would break. */
static void check(void)
{
    uint32_t word = 1;

    invariant(sizeof(void *) == 8 && sizeof(long) == 8);
    invariant(cas_acqrel(&word, 1, 2) && !cas_acqrel(&word, 1, 3) && word == 2);
    invariant(getauxval(AT_PAGESZ) == PAGE);
}

static void osinit(void)
{
    ncpu = cpus_affinity();
}

static void randinit(void)
{
    uint64_t r = 0;

    if (debug.seed)
        return;
    if (sys_call(SYS_getrandom, &r, sizeof r, 1 /* GRND_NONBLOCK */) != sizeof r)
        r = (uint64_t)nanotime() * 0x9e3779b97f4a7c15u ^ cpu_ticks();
    debug.seed = r | 1;
}

static int32_t initial_procs(const struct boot *b)
{
    int32_t n = cpus_available();

    if (b->maxprocs > 0) {
        n = b->maxprocs;
        sched.procs_fixed = true;
    }
    if (sched.procs_before > 0) {
        n = sched.procs_before;
        sched.procs_fixed = true;
    }
    if (env_procs > 0) {
        n = env_procs;
        sched.procs_fixed = true;
    }
    return MIN(n, MAXPROCS);
}

static int schedinit(const struct boot *b)
{
    if (b->max_threads > 0)
        sched.maxmcount = b->max_threads;
    sched.stack_size = b->stack_size;
    sched.library = b->library;
    store_relaxed(&sched.gcwaiting, 1);
    boot_step("worldstopped");
    coarse_set(nanotime());
    boot_step("ticks");
    traceback_init();
    boot_step("modulesinit");
    vm_guard_kind();
    boot_step("stackinit");
    randinit();
    boot_step("randinit");
    sched.membarrier = membarrier_init();
    boot_step("cpuinit");
    if (!b->library) {
        lock(&sched.lock);
        mcommoninit(&m0);
        unlock(&sched.lock);
    }
    boot_step("mcommoninit");
    thread_sigmask(SIG_SETMASK, NULL, &sched.sigmask);
    /* Goroutines run with it, but for the signal that stops them. */
    sigdelset(&sched.sigmask, debug.preemptsignal);
    boot_step("sigsave");
    netpollinit();
    store_relaxed(&sched.lastpoll, nanotime());
    boot_step("lastpoll");
    if (procresize(initial_procs(b)) < 0) {
        store_release(&sched.phase, PHASE_STOPPED);
        return -ENOMEM;
    }
    boot_step("procresize");
    if (!b->library) {
        /* m0 begins with P 0. */
        store_relaxed(&p0.status, Pidle);
        acquirep(&m0, &p0);
    }
    foreign_init();
    leakroots_init();
    store_release(&sched.phase, PHASE_RUN);
    starttheworld();
    boot_step("worldstarted");
    boot_step("schedinit");
    return 0;
}

int rt0_go(const struct boot *b)
{
    trace_last = nanotime();
    tls_probe();
    check();
    /* Earlier than in Go: the seed is for what comes next, and inittrace for all of it. */
    goenvs();
    boot_step("check");
    boot_step("args");
    osinit();
    boot_step("osinit");
    return schedinit(b);
}

int mstartm0(void)
{
    int err;

    preempt_init();
    fatal_initsig();
    cxx_init();
    boot_step("initsig");
    aside_start();
    err = sysmon_start();
    if (!err)
        err = template_start();
    if (err) {
        /* sysmon ends by this, if it is there. */
        store_release(&sched.phase, PHASE_STOPPED);
        sysmon_wake();
        return err;
    }
    template_wake();
    boot_step("sysmon");
    return 0;
}
