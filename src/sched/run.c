/* SPDX-License-Identifier: BSD-3-Clause */
/* run: the ends of the program.
 *
 * Once the phase is STOPPING no M schedules: each that comes to its loop stays there, each
 * goroutine that makes a gamp call stays in it (every guard says ASK), and those stopped in the
 * preemption handler are let go, as strays,
 * to reach their next call: so no lock of libc stays taken.
 *
 * gamp_run returns on m0. When main's function ends there, m0 switches to g0 and leaves its loop.
 * When it ends on another M, m0 is woken; but m0 may be held up inside user code, which nothing can
 * end: then the process exits from where main's function ended. */
#include "sched/run.h"
#include "base/race.h"
#include "base/throw.h"
#include "event/event.h"
#include "os/linux/clock.h"
#include "os/linux/sys.h"
#include "os/linux/thread.h"
#include "sched/aside.h"
#include "sched/direct.h"
#include "sched/entry.h"
#include "sched/foreign.h"
#include "sched/gstack.h"
#include "sched/init.h"
#include "sched/mlife.h"
#include "sched/mstart.h"
#include "sched/netpoll.h"
#include "sched/newproc.h"
#include "sched/park.h"
#include "sched/polldesc.h"
#include "sched/preempt.h"
#include "sched/proc.h"
#include "sched/schedt.h"
#include "sched/solo.h"
#include "sched/stw.h"
#include "sched/switch_g.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

enum {
    M0_PATIENCE = 20 * 1000 * 1000,
    M0_CPU = 5 * 1000 * 1000,
    PANIC_PATIENCE = 1000 * 1000 * 1000,
    PANIC_LOOK = 50 * 1000
};

static struct {
    int (*fn)(int, char **);
    int argc;
    char **argv;
    void (*hooks)(void);
} program;

/* Lets everybody know. m0, when it sleeps, is woken to leave its loop. */
static void stop_all(void)
{
    solo_end();
    store_relaxed(&sched.direct, 0);
    store_seqcst(&sched.phase, PHASE_STOPPING);
    preempt_release_all();
    lock(&sched.lock);
    direct_update(); /* one of before has seen the old phase */
    if (m0.parkedin == PARKED_IDLE) {
        struct m **at;

        for (at = &sched.midle; *at && *at != &m0; at = &(*at)->schedlink)
            ;
        if (*at) {
            *at = m0.schedlink;
            store_relaxed(&sched.nmidle, sched.nmidle - 1);
        }
    }
    if (m0.parkedin != PARKED_NOT && !sched.library)
        wake_m(&m0, NULL);
    else
        unlock(&sched.lock);
    if (netpollinited())
        netpollbreak();
    polldesc_end_runtime();
    sysmon_wake();
}

static void commit_nothing(struct m *m, struct g *gp)
{
    (void)m;
    (void)gp;
}

/* Others that panic come first: a deferred call of theirs may be what let main end. While it runs
 * they may yet recover; once the report has begun the process ends by it. */
static void await_panics(struct g *gp)
{
    int64_t patience = nanotime() + PANIC_PATIENCE;

    while (load_acquire(&sched.panicking) > 0 && !load_acquire(&sched.dying) &&
           nanotime() < patience)
        sleep_until(nanotime() + PANIC_LOOK);
    if (load_acquire(&sched.dying))
        park_forever(gp);
}

/* m0 had a chance to reach its next call: it computed for a while since its clock stood at cpu, or
 * sleeps. On a busy machine it may merely wait for a CPU. */
static bool m0_had_time(int64_t cpu)
{
    return thread_cputime(m0.cpuclock) - cpu > M0_CPU || aside_thread_state(m0.tid) != 'R';
}

/* On the main goroutine, inside the runtime. */
_Noreturn static void main_end(int code)
{
    struct g *gp = getg();
    struct m *m;
    int64_t patience, cpu;

    await_panics(gp);
    goroutine_over();
    m = gp->run.m;
    sched.exitcode = code;
    race_release(&program);
    stop_all();
    if (m == &m0) {
        m->commitg = gp;
        m->commit = commit_nothing;
        setg(m->g0);
        gswitch(gp, m->g0, true);
        throw("main_end: main was scheduled again");
    }
    patience = nanotime() + M0_PATIENCE;
    cpu = thread_cputime(m0.cpuclock);
    while (!load_acquire(&sched.m0out)) {
        if (nanotime() > patience && !load_acquire(&m0.inruntime) && m0_had_time(cpu)) {
            gamp_leave();
            exit(code);
        }
        preempt_release_all();
        clock_sleep(50000);
    }
    park_forever(gp);
}

/* The main goroutine. */
static void gomain(void)
{
    struct g *gp = getg();
    int code;

    /* Hooks run on m0, as Go's init functions do. Before the first entry: there another M might get
     * it. */
    gp->run.lockedm = &m0;
    m0.lockedg = gp;
    program.hooks();
    gp = gamp_enter();
    if (gp->x->locked_ext == 0) {
        gp->run.lockedm = NULL;
        m0.lockedg = NULL;
    }
    boot_step("main");
    gamp_leave();
    code = program.fn(program.argc, program.argv);
    /* In the child of a fork there is no runtime to end. */
    if (load_relaxed(&sched.forked))
        exit(code);
    gamp_enter();
    main_end(code);
}

static size_t main_stack_size(void)
{
    const size_t most = 8u << 20;
    struct rlimit rl;

    if (sys_call(SYS_prlimit64, 0, RLIMIT_STACK, NULL, &rl) < 0 || rl.rlim_cur > most)
        return most;
    return MAX(rl.rlim_cur, 64u << 10);
}

int run_main(const struct boot *b, int (*fn)(int, char **), int argc, char **argv,
             void (*hooks)(void))
{
    struct newproc_options o = {.stack_size = main_stack_size()};
    struct g *outside = getg();
    sigset_t mask;
    int err;

    program.fn = fn;
    program.argc = argc;
    program.argv = argv;
    program.hooks = hooks;
    m_attach(&m0, false);
    store_relaxed(&m0.inruntime, 1);
    m0_bounds(&m0);
    minit(&m0);
    thread_sigmask(SIG_SETMASK, NULL, &mask);
    err = rt0_go(b);
    if (!err) {
        thread_sigmask(SIG_SETMASK, &sched.sigmask, NULL);
        solo_begin(outside != NULL);
        err = newproc(&o, gomain, NULL, 0, GNORMAL, (uintptr_t)fn);
    }
    if (!err) {
        /* It begins on this thread: the Ms that there are from now on do not find it in a queue. */
        m0.handed = runqget(m0.p, &m0.handed_inherit);
        boot_step("newproc");
        err = mstartm0();
        if (!err)
            mstart1(&m0);
        else
            count_owned(&p0.ended); /* main, which never ran */
    }
    /* The end: m0 is an ordinary thread of the process again. */
    if (err) {
        solo_over();
        store_release(&sched.phase, PHASE_STOPPED);
    }
    if (m0.p)
        m0.p = NULL;
    preempt_slice(&m0, false);
    store_release(&sched.m0out, 1);
    if (sigismember(&mask, debug.preemptsignal)) {
        sigemptyset(&mask);
        sigaddset(&mask, debug.preemptsignal);
        thread_sigmask(SIG_BLOCK, &mask, NULL);
    }
    unminit(&m0);
    race_acquire(&program);
    setthism(outside ? outside->run.m : NULL);
    setg(outside);
    return err ? err : sched.exitcode;
}

int run_library(const struct boot *b)
{
    int err;

    if (!getg() && !foreign_try_attach()) {
        store_release(&sched.phase, PHASE_STOPPED);
        return -ENOMEM;
    }
    err = rt0_go(b);
    return err ? err : mstartm0();
}

/* No goroutine runs any more: every M is inside the runtime, asleep for good, or has no
 * goroutine. */
static bool all_quiet(void)
{
    for (struct m *m = load_acquire(&sched.allm); m; m = m->alllink) {
        if (!m->dead && !load_acquire(&m->inruntime))
            return false;
        if (m->alllink == m)
            break;
    }
    return true;
}

int run_stop(int64_t until)
{
    struct g *gp = getg();

    if (gp && is_parkable(gp))
        return -EBUSY;
    if (!sched.library)
        return -EPERM;
    if (load_acquire(&sched.phase) == PHASE_STOPPED)
        return 0;
    stop_all();
    while (!all_quiet()) {
        if (nanotime() >= until)
            return -ETIMEDOUT;
        preempt_release_all();
        clock_sleep(100000);
    }
    store_release(&sched.phase, PHASE_STOPPED);
    return 0;
}
