/* SPDX-License-Identifier: BSD-3-Clause */
/* spinning: how Ms fall asleep and are woken: src/sched/proc.c (wakep, resetspinning, findrunnable,
 * recheck) with startm and stopm of src/sched/mlife.c.
 *
 * Proved: whenever nothing moves any more, no goroutine is left in a queue while a P is idle: none
 * is forgotten, also when the one that made it runs on for ever. Queues are counters; what a
 * goroutine does is to make further ones, TOTAL in all.
 * Three Ms for two Ps: the reserve that the template thread keeps.
 * Limits: sequential consistency; the code's seqcst operations on nmspinning and npidle, with the
 * release of the queues' tails, give the two store-load pairs that matter here.
 * -DPLANT leaves out the look at all queues after the spinner counted itself off: found. */
#define NP 2
#define NM 3
#define TOTAL 3

byte q[NP];
bool idle[NP];
byte npidle, nmspinning, made;
bool held, needspinning, wanted;
bool listed[NM]; /* in sched.midle */
bool woken[NM];
byte given[NM]; /* nextp, NP: none */
bool spin_next[NM];

inline lock() { atomic { !held -> held = true } }
inline unlock() { held = false }

/* sched.lock held */
inline pidleget(p)
{
    p = 0;
    do
    :: p < NP && !idle[p] -> p++
    :: p < NP && idle[p] -> idle[p] = false; npidle--; break
    :: p == NP -> break
    od
}

/* sched.lock held; released. p is idle no more. */
inline startm(p, spin)
{
    k = 0;
    do
    :: k < NM && !listed[k] -> k++
    :: else -> break
    od;
    if
    :: k < NM ->
        listed[k] = false; given[k] = p; spin_next[k] = spin;
        unlock();
        woken[k] = true
    :: else -> /* none in reserve: the P waits among the idle ones for the template thread's M */
        if :: spin -> nmspinning-- :: else fi;
        idle[p] = true; npidle++; wanted = true;
        unlock()
    fi
}

inline wakep()
{
    if
    :: nmspinning == 0 && npidle > 0 ->
        atomic { if :: nmspinning == 0 -> nmspinning++; won = true :: else -> won = false fi };
        if
        :: won ->
            lock();
            pidleget(w);
            if
            :: w < NP -> startm(w, true)
            :: else -> needspinning = true; nmspinning--; unlock()
            fi
        :: else
        fi
    :: else
    fi
}

inline look_at_all()
{
    found = NP; w = 0;
    do
    :: w < NP && q[w] == 0 -> w++
    :: w < NP && q[w] > 0 ->
        lock(); pidleget(found);
        if :: found == NP -> needspinning = true :: else fi;
        unlock();
        break
    :: w == NP -> break
    od
}

proctype M(byte me; byte p0)
{
    byte p = p0, k, w, found;
    bool spinning, won;

again:
    if
    :: p == NP -> goto stop
    :: else
    fi;
    /* findwork: the own queue, then the others' */
    atomic { if :: q[p] > 0 -> q[p]--; won = true :: else -> won = false fi };
    if
    :: won -> goto runs
    :: else
    fi;
    if
    :: !spinning -> spinning = true; nmspinning++; needspinning = false
    :: else
    fi;
    w = 0;
    do
    :: w < NP ->
        atomic { if :: q[w] > 0 -> q[w]--; won = true :: else -> won = false fi };
        if :: won -> goto runs :: else -> w++ fi
    :: w == NP -> break
    od;
    lock();
    if
    :: !spinning && needspinning -> unlock(); spinning = true; nmspinning++; goto again
    :: else
    fi;
    idle[p] = true; npidle++; p = NP;
    unlock();
    if
    :: spinning ->
        spinning = false; nmspinning--;
#ifndef PLANT
        look_at_all();
        if
        :: found < NP -> p = found; spinning = true; nmspinning++; needspinning = false; goto again
        :: else
        fi
#endif
    :: else
    fi;
stop:
    lock();
    if
    :: idle[0] && q[0] > 0 -> idle[0] = false; npidle--; p = 0; unlock(); goto again
    :: idle[1] && q[1] > 0 -> idle[1] = false; npidle--; p = 1; unlock(); goto again
    :: else -> /* stopm: the P with goroutines, or any one, that startm found no M for */
        if
        :: wanted && npidle > 0 -> wanted = false; pidleget(p); unlock(); goto again
        :: else
        fi
    fi;
    listed[me] = true;
    unlock();
end_asleep:
    atomic { woken[me] -> woken[me] = false; p = given[me]; spinning = spin_next[me] };
    goto again;
runs:
    if
    :: spinning -> spinning = false; nmspinning--; wakep()
    :: else
    fi;
    /* The goroutine makes others, and lets it be known. */
    do
    :: atomic { made < TOTAL -> made++; q[p]++ }; wakep()
    :: break
    od;
    if
    :: goto again
    :: goto end_hog /* and runs on for ever */
    fi;
end_hog:
    false
}

init
{
    byte i;

    atomic {
        i = 0;
        do :: i < NM -> given[i] = NP; i++ :: else -> break od;
        made = 1; q[0] = 1;
        idle[1] = true; npidle = 1;
        run M(0, 0);
        run M(1, NP);
        run M(2, NP)
    };
end_quiet:
    timeout -> assert((q[0] == 0 && q[1] == 0) || npidle == 0)
}
