/* SPDX-License-Identifier: BSD-3-Clause */
/* inject: goroutines that one without a P puts into the global queue: injectglist of
 * src/sched/proc.c, called by the M that comes back from the poller and by sysmon, against
 * findrunnable, which gives up a P.
 *
 * Proved: whenever nothing moves any more, no goroutine is left in the queue while a P is idle.
 * What counts is that the idle Ps are counted behind the put: the P that becomes idle looks at the
 * queue and is counted in one hold of sched.lock.
 * -DPLANT counts them before: found. */
#define NP 2

byte q, npidle, running = NP;
bool held;

inline lock() { atomic { !held -> held = true } }
inline unlock() { held = false }

/* An M with a P, until it finds nothing. Another one for its P is not wanting. */
proctype M()
{
more:
    lock();
    if
    :: q > 0 -> q--; unlock(); goto more
    :: else -> npidle++; running--; unlock()
    fi
}

/* Comes back from the poller with goroutines while no P is idle, or one has just become so. */
proctype Poller(byte n)
{
    byte idle, i;

    lock();
    if
    :: npidle > 0 -> npidle--; running++; q = q + n; unlock(); run M()
    :: else ->
        unlock();
#ifdef PLANT
        idle = npidle;
#endif
        lock(); q = q + n; unlock();
#ifndef PLANT
        idle = npidle;
#endif
        do
        :: i < n && i < idle -> /* startm(NULL) */
            i++;
            lock();
            if
            :: npidle > 0 -> npidle--; running++; unlock(); run M()
            :: else -> unlock()
            fi
        :: else -> break
        od
    fi
}

init
{
    atomic { run M(); run M(); run Poller(1); run Poller(2) };
end_quiet:
    timeout -> assert(q == 0 || npidle == 0)
}
