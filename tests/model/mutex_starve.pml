/* SPDX-License-Identifier: BSD-3-Clause */
/* mutex_starve: gamp_mutex: src/sync/gmutex.c with the tokens of src/sync/sema.c. Contenders lock,
 * some with a limit; they spin, barge, park, starve and give up. A
 * CAS of the state word with the look before it is one step, since one that fails does nothing; so
 * is what sema does under its bucket's lock. When a millisecond is over, or a time limit, is
 * anybody's guess.
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
#ifndef ROUNDS
#define ROUNDS 6 /* of all together */
#endif
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

/* Takes a token, or stands in line; within a step. */
inline semacquire_begin(g, lifo)
{
    if
    :: word > 0 -> word--; given[g] = true
    :: else -> line_add(g, lifo)
    fi
}

inline got(g)
{
    assert(holder == NONE && (heir == NONE || heir == g));
    holder = g;
    heir = NONE
}

/* Within a step. */
inline leave_line(g)
{
    if
#ifdef PLANT
    :: state < WAITER -> left = false
#else
    :: state < WAITER || (state < 2 * WAITER && (state & (LOCKED | STARVING)) == STARVING) ->
        left = false
#endif
    :: else ->
        state = state - WAITER;
        if :: state < WAITER -> state = state & ~STARVING :: else fi;
        left = true;
        owes[g] = false
    fi
}

/* gmutex_lock_slow until the caller holds it or has given up; gmutex_unlock. */
proctype G(byte me)
{
    byte old, k, p;
    bool awoke, starving, waited, timed, left, turn;

end_begin:
    atomic {
        rounds < ROUNDS -> rounds++;
        if :: timed = true :: timed = false fi
    };
contend:
    atomic {
        old = state;
        if
        :: timed && (old & (LOCKED | STARVING)) != 0 -> /* the limit has passed */
            if :: awoke -> state = state & ~WOKEN :: else fi;
            goto through
        :: (old & (LOCKED | STARVING)) == LOCKED && !turn -> /* spins */
            turn = true;
            if
            :: !awoke && (old & WOKEN) == 0 && old >= WAITER ->
                state = state | WOKEN;
                awoke = true
            :: else
            fi;
            old = 0;
            goto contend
        :: true ->
            if :: (old & STARVING) == 0 -> state = state | LOCKED :: else fi;
            if :: (old & (LOCKED | STARVING)) != 0 -> state = state + WAITER :: else fi;
            if :: starving && (old & LOCKED) != 0 -> state = state | STARVING :: else fi;
            if
            :: awoke -> assert((old & WOKEN) != 0); state = state & ~WOKEN; awoke = false
            :: else
            fi;
            if
            :: (old & (LOCKED | STARVING)) == 0 -> got(me); goto holds
            :: else -> owes[me] = true; old = 0; turn = false
            fi
        fi
    };
    atomic { semacquire_begin(me, waited); waited = true };
    if
    :: d_step { given[me] -> given[me] = false; owes[me] = false }
    :: atomic { timed && !given[me] -> line_remove(me) }; /* the clock was first */
        atomic { leave_line(me); if :: left -> left = false; goto through :: else fi };
        d_step { semacquire_begin(me, true) };
        d_step { given[me] -> given[me] = false; owes[me] = false }
    fi;
    if :: starving = true :: true fi;
    atomic {
        if
        :: (state & STARVING) == 0 -> awoke = true; goto contend
        :: else
        fi
    };
    atomic { /* take_over */
        assert((state & (LOCKED | WOKEN | STARVING)) == STARVING && state >= WAITER);
        state = (state | LOCKED) - WAITER;
        if :: !starving || state < WAITER -> state = state & ~STARVING :: else fi;
        got(me)
    };
holds:
    atomic {
        old = state;
        assert((old & LOCKED) != 0 && holder == me);
        holder = NONE;
        state = state & ~LOCKED;
        if
        :: (old & (WOKEN | STARVING)) == 0 && old >= WAITER -> state = (state - WAITER) | WOKEN
        :: (old & STARVING) != 0
        :: else -> goto through
        fi
    };
    semrelease((old & STARVING) != 0);
through:
    atomic {
        assert(!given[me] && !owes[me] && !left);
        old = 0; turn = false; awoke = false; starving = false; waited = false; timed = false;
        goto end_begin
    }
}

init
{
    byte i;

    atomic { do :: i < NG -> run G(i); i++ :: else -> break od };
end_quiet:
    timeout -> assert(state == 0 && word == 0 && inline_n == 0 && holder == NONE)
}
