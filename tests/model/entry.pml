/* SPDX-License-Identifier: BSD-3-Clause */
/* entry: who has the P of an M in user code: gamp_enter (src/sched/entry.h), entry_slow,
 * stray_acquire (syscall.c) against sysmon's take().
 *
 * The owner's two lines (inruntime = 1; read guard) have a compiler barrier between them only, so
 * its store may be late: the store buffer is modelled, and sysmon's membarrier empties it.
 * Proved: the P has one holder: the owner never works inside the runtime on a P that sysmon took,
 * and the P is handed on once. A switch that puts the guard back (run_prepare) is modelled too.
 * Putting the guard back always counts in switches: without that in entry_slow, sysmon's ASK could
 * be lost between its two looks, and a hinted call's P be taken unnoticed.
 * Between the owner's look at stolen and its CAS sysmon may withdraw: the CAS then fails although
 * nothing was taken, and who took that for a loss would leave a P that nobody has.
 * -DPLANT leaves the membarrier out, -DPLANT2 takes the failed CAS for a loss: both found. */
#define OWNED 0
#define ASKING 1
#define TAKEN 2
#define ROUNDS 3

bool inruntime, buffered; /* memory's value; a store of 1 still in the owner's buffer */
bool guard;               /* ASK */
byte stolen = OWNED;
bool owner_has = true, other_has;
byte switches;

inline drain()
{
    atomic { if :: buffered -> inruntime = true; buffered = false :: else fi }
}

proctype Owner()
{
    byte rounds, seen;

    do
    :: rounds == ROUNDS -> break
    :: else ->
        rounds++;
        /* gamp_enter */
        buffered = true;
        if
        :: guard -> /* entry_slow; its CAS empties the buffer */
            drain();
            seen = stolen;
            if
            :: seen != OWNED -> /* stray_entering: the CAS, and a look at why it failed */
                atomic {
                    if
                    :: stolen == ASKING -> stolen = OWNED; goto owned
                    :: else
                    fi
                };
#ifdef PLANT2
                owner_has = false
#else
                if
                :: stolen == TAKEN -> owner_has = false
                :: else
                fi
#endif
            :: else
            fi;
owned:
            if
            :: !owner_has -> /* stray_acquire: waits for a P to be handed back */
                atomic { other_has -> other_has = false; owner_has = true; stolen = OWNED }
            :: else
            fi;
            switches++;
            guard = false
        :: else
        fi;
        /* inside: on a P of its own */
        assert(owner_has && !(stolen == TAKEN));
        if
        :: drain(); switches++; guard = false /* run_prepare of another goroutine on this M */
        :: skip
        fi;
        /* gamp_leave: a release store, behind the buffered one */
        atomic { drain(); inruntime = false }
    od
}

/* The store may reach memory at any time. */
active proctype Buffer()
{
end_b:
    do
    :: atomic { buffered -> inruntime = true; buffered = false }
    od
}

proctype Sysmon()
{
    byte tick, tries;
    bool in;

    do
    :: tries == ROUNDS -> break
    :: else ->
        tries++;
        tick = switches;
        in = inruntime;
        if
        :: in -> goto next
        :: else
        fi;
        atomic { if :: stolen == OWNED -> stolen = ASKING :: else -> goto next fi };
        guard = true;
#ifndef PLANT
        drain(); /* membarrier */
#endif
        in = inruntime;
        if
        :: in || switches != tick -> atomic { if :: stolen == ASKING -> stolen = OWNED :: else fi }
        :: else ->
            atomic {
                if
                :: stolen == ASKING -> stolen = TAKEN;
                    assert(!other_has);
                    other_has = true
                :: else
                fi
            }
        fi;
next:
        skip
    od
}

init { atomic { run Owner(); run Sysmon() } }
