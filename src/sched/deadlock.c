/* SPDX-License-Identifier: BSD-3-Clause */
/* deadlock: under gamp_run, when every M is idle, no timer is armed and nobody waits in the poller,
 * no goroutine can ever run again, unless a thread that gamp did not make lives (it may call us) or
 * a signal channel is registered. Such threads are what the kernel counts beyond our own; when
 * it is they that keep the report off, sysmon looks again now and then. */
#include "sched/deadlock.h"
#include "base/throw.h"
#include "os/linux/clock.h"
#include "os/linux/thread.h"
#include "sched/aside.h"
#include "sched/fatal.h"
#include "sched/mstart.h"
#include "sched/netpoll.h"
#include "sched/schedt.h"

static bool all_asleep(void)
{
    int64_t running = sched.mnext - sched.nmfreed - sched.nmidle - sched.nmidlelocked;

    if (running > 1 || sched.library || load_relaxed(&sched.phase) != PHASE_RUN ||
        sched.runqsize != 0 || load_relaxed(&sched.signalchans) > 0)
        return false;
    for (int32_t i = 0; i < load_relaxed(&gomaxprocs); i++)
        if (load_relaxed(&allp[i]->timers.minwhen) != NEVER || !runqempty(allp[i]))
            return false;
    if (netpollwaiters() != 0)
        return false;
    /* Pairs with sysmon's fence: a timer or a waiter gone by its doing is not missed, because
     * sysmonworks, set before, is seen here. It falls under sched.lock, when all is in the
     * queues. */
    fence_seqcst();
    if (load_relaxed(&sched.sysmonworks) != 0)
        return false;
    /* The last one sleeps in the poller, for a timer that was stopped since: for hours, perhaps. It
     * finds nothing there and comes to sleep as the others do. The fence pairs with its lastpoll,
     * said before it looks at the timers. */
    if (running == 1 && load_relaxed(&sched.lastpoll) == 0)
        netpollbreak();
    return running == 0;
}

static void report_if_dead(void)
{
    int ours = (int)(sched.mnext - sched.nmfreed) + 2 + aside_threads(); /* sysmon, template */
    int threads;

    if (!all_asleep())
        return;
    threads = aside_thread_count();
    /* Where the kernel does not tell there may be others: a report too many ends a program that is
     * sound. */
    if (threads <= 0 || threads > ours) {
        /* sysmon may have gone to sleep for good already. */
        if (!sched.deadsuspect) {
            sched.deadsuspect = true;
            sysmon_wake();
        }
        return;
    }
    sched.deadsuspect = false;
    unlock(&sched.lock);
    if (sched.mainended && goroutines_alive() == 0)
        fatal_deadlock("no goroutines (main called runtime.Goexit) - deadlock!");
    fatal_deadlock("all goroutines are asleep - deadlock!");
}

void checkdead(void)
{
    report_if_dead();
}

void checkdead_again(void)
{
    lock(&sched.lock);
    if (sched.deadsuspect)
        report_if_dead();
    unlock(&sched.lock);
}
