/* SPDX-License-Identifier: BSD-3-Clause */
/* mutex_starve: gamp_mutex: src/sync/gmutex.c with the tokens of src/sync/sema.c. Contenders lock,
 * try, or lock with a limit; they spin, barge, park, starve and give up. Every read and every CAS
 * of the state word is a step of its own; what sema does under its bucket's lock is one. When a
 * millisecond is over, or a time limit, is anybody's guess.
 * Proved:
 *   one holder at a time;
 *   a token never stays behind, nor does a waiter without one: at the end all are through, and
 *   state and word are 0 (so starving mode has ended, and WOKEN is nobody's);
 *   what the code's invariants say, and the counts that gmutex.h states;
 *   in starving mode it goes from unlock to the one that the token was for, whoever else tries;
 *   semrelease writes to the word only while somebody is inside lock who cannot leave without it,
 *   so the mutex's memory may go as soon as the last has it unlocked.
 * -DPLANT: a wait that timed out always leaves the line, also when a token is out that nobody else
 * is there to take: found. */
/* cc: -DCOLLAPSE -DSAFETY */
#ifndef NG
#define NG 3
#endif
#define ROUNDS 4 /* of all together */
#define NONE 9

#define LOCKED 1
#define WOKEN 2
#define STARVING 4
#define WAITER 8

byte state, word;
byte line[NG] = NONE; /* of sema; the first is line[0] */
byte inline_n;
bool given[NG];  /* the token is its own */
bool owes[NG];   /* is inside lock_slow's semacquire, token or not */
byte holder = NONE, heir = NONE;
byte rounds;

/* sema, under its lock */
inline line_add(g, lifo)
{
    if
    :: lifo ->
        k = inline_n;
        do
        :: k > 0 -> line[k] = line[k - 1]; k--
        :: else -> break
        od;
        line[0] = g
    :: else -> line[inline_n] = g
    fi;
    inline_n++;
    k = 0
}

inline line_remove(g)
{
    k = 0;
    do
    :: line[k] != g -> k++
    :: else -> break
    od;
    do
    :: k + 1 < inline_n -> line[k] = line[k + 1]; k++
    :: else -> break
    od;
    line[k] = NONE;
    inline_n--;
    k = 0
}

inline semrelease(starved)
{
    d_step {
        if
        :: inline_n > 0 ->
            p = line[0];
            line_remove(p);
            given[p] = true;
            if :: starved -> heir = p :: else fi;
            p = 0
        :: else ->
            word++;
            /* Somebody is between the state word and his place in line. */
            k = 0;
            do
            :: k < NG && !(owes[k] && !given[k]) -> k++
            :: else -> break
            od;
            assert(k < NG);
            k = 0
        fi
    }
}

/* Takes a token, or stands in line. */
inline semacquire_begin(g, lifo)
{
    d_step {
        if
        :: word > 0 -> word--; given[g] = true
        :: else -> line_add(g, lifo)
        fi
    }
}

inline got(g)
{
    assert(holder == NONE && (heir == NONE || heir == g));
    holder = g;
    heir = NONE
}

inline leave_line(g)
{
    do
    :: old = state;
        if
#ifndef PLANT
        :: old < WAITER || (old < 2 * WAITER && (old & (LOCKED | STARVING)) == STARVING) ->
            left = false;
            break
#else
        :: old < WAITER -> left = false; break
#endif
        :: else ->
            new = old - WAITER;
            if :: new < WAITER -> new = new & ~STARVING :: else fi;
            d_step {
                if
                :: state == old -> state = new; left = true; owes[g] = false
                :: else -> left = false
                fi
            };
            if :: left -> break :: else fi
        fi
    od
}

proctype G(byte me)
{
    byte old, new, k, p, turn;
    bool awoke, starving, waited, timed, left;

end_all:
    do
    :: atomic {
            rounds < ROUNDS -> rounds++;
            if :: timed = true :: timed = false fi
        };
        /* gmutex_lock_fast, gmutex_lock_slow; gmutex_trylock: see below */
        do
        :: old = state;
            if
            :: timed && (old & (LOCKED | STARVING)) != 0 -> /* the limit has passed */
                if
                :: !awoke -> goto gave_up
                :: else ->
                    atomic {
                        if
                        :: state == old -> state = old & ~WOKEN; goto gave_up
                        :: else
                        fi
                    }
                fi
            :: (old & (LOCKED | STARVING)) == LOCKED && turn < 1 -> /* spins */
                atomic {
                    turn++;
                    if
                    :: !awoke && (old & WOKEN) == 0 && old >= WAITER && state == old ->
                        state = old | WOKEN; awoke = true
                    :: else
                    fi
                }
            :: true ->
                d_step {
                    new = old;
                    if :: (old & STARVING) == 0 -> new = new | LOCKED :: else fi;
                    if :: (old & (LOCKED | STARVING)) != 0 -> new = new + WAITER :: else fi;
                    if :: starving && (old & LOCKED) != 0 -> new = new | STARVING :: else fi;
                    if
                    :: awoke ->
                        assert((old & WOKEN) != 0 || state != old);
                        new = new & ~WOKEN
                    :: else
                    fi
                };
                atomic {
                    if
                    :: state != old
                    :: state == old && (old & (LOCKED | STARVING)) == 0 ->
                        state = new; got(me); goto holds
                    :: state == old && (old & (LOCKED | STARVING)) != 0 ->
                        state = new; owes[me] = true; goto parks
                    fi
                }
            fi
        od;
parks:
        semacquire_begin(me, waited);
        waited = true;
        if
        :: given[me]
        :: atomic { timed && !given[me] -> line_remove(me) }; /* the clock was first */
            leave_line(me);
            if
            :: left -> goto gave_up
            :: else -> semacquire_begin(me, true); given[me]
            fi
        fi;
        d_step { given[me] = false; owes[me] = false; left = false };
        if :: starving = true :: skip fi;
        if
        :: (state & STARVING) != 0 -> /* take_over */
            do
            :: old = state;
                assert((old & (LOCKED | WOKEN | STARVING)) == STARVING && old >= WAITER);
                d_step {
                    new = (old | LOCKED) - WAITER;
                    if
                    :: !starving || new < WAITER -> new = new & ~STARVING
                    :: else
                    fi
                };
                atomic {
                    if
                    :: state == old -> state = new; got(me); break
                    :: else
                    fi
                }
            od
        :: else -> d_step { awoke = true; turn = 0 }
        fi;
        if
        :: holder == me -> goto holds
        :: else
        fi;
        goto again;
holds:
        skip;
again:
        skip;
gave_up:
        skip
    od
}

init
{
    byte i;

    atomic { do :: i < NG -> run G(i); i++ :: else -> break od };
end_quiet:
    timeout -> assert(state == 0 && word == 0 && inline_n == 0 && holder == NONE)
}
