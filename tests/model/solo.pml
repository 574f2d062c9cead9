/* SPDX-License-Identifier: BSD-3-Clause */
/* solo: a lock that the one P's thread takes by a load and a store, and the end of that when
 * another thread comes: lock_solo and solo_end (src/sched/solo.h).
 *
 * The owner's stores may be late, and come in any order but for release stores, which come after
 * all before them: each has a place in a buffer, which the process Buffer empties, and a membarrier
 * and atomic instructions do. Proved: the lock has one holder.
 * -DPLANT leaves the first membarrier out, -DPLANT2 the second: found. */
#define NO 0
#define YES 1
#define ENDING 2
#define ROUNDS 3

byte solo = YES;
bool inruntime, in_late;      /* memory's value; a store of 1 that is late */
byte key;                     /* the lock */
bool key_late;                /* a store of 1 that is late */
byte switches, switches_late; /* how many counts are late */
byte holders;

inline drain()
{
    d_step {
        if :: in_late -> inruntime = true; in_late = false :: else fi;
        if :: key_late -> key = 1; key_late = false :: else fi;
        switches = switches + switches_late;
        switches_late = 0
    }
}

active proctype Buffer()
{
end_b:
    do
    :: atomic { in_late -> inruntime = true; in_late = false }
    :: atomic { key_late -> key = 1; key_late = false }
    :: atomic { switches_late > 0 -> switches++; switches_late-- }
    od
}

active proctype Owner()
{
    byte rounds;

    do
    :: rounds == ROUNDS -> break
    :: else ->
        rounds++;
        in_late = true;
        /* lock_solo */
        if
        :: solo == YES -> skip; key_late = true
        :: solo != YES -> atomic { drain(); key == 0 -> key = 1 }
        fi;
        atomic { holders++; assert(holders == 1) };
        /* a mutex stays taken while others run */
        if
        :: switches_late++
        :: skip
        fi;
        atomic { holders-- };
        /* unlock_solo: either way a release */
        if
        :: solo == YES -> skip; atomic { drain(); key = 0 }
        :: solo != YES -> atomic { drain(); key = 0 }
        fi;
        /* another goroutine's turn, or not, and the leave */
        if
        :: switches_late++; drain()
        :: switches_late++
        :: skip
        fi;
        if
        :: atomic { drain(); inruntime = false }
        :: skip /* another call of the runtime comes at once */
        fi
    od;
    atomic { drain(); inruntime = false }
}

active proctype Foreign()
{
    byte seen;

    solo = ENDING;
#ifndef PLANT
    drain();
#endif
    seen = switches;
    do
    :: !inruntime -> break
    :: switches != seen -> break
    :: else
    od;
#ifndef PLANT2
    drain();
#endif
    solo = NO;
    /* It takes the lock as anybody does. */
    atomic { key == 0 -> key = 1 };
    atomic { holders++; assert(holders == 1) };
    atomic { holders--; key = 0 }
}
