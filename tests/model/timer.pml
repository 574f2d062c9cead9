/* SPDX-License-Identifier: BSD-3-Clause */
/* timer: a timer of the program against its firings: fire, disarm, gtime_reset, gtime_release of
 * src/std/gtime.c on timer_start, timer_stop, take_due and timers_move of src/sched/timer.c.
 *
 * An owner arms a one-shot timer or a ticker with a channel, stops and resets it, receives, and
 * gives up his handle. Two Ms run what is due: each takes the timer out of its set (a ticker stays
 * in) under the set's lock and calls fire after that, perhaps much later. Meanwhile a P goes and
 * its timers move to another set. Points in time are not modelled: what is armed is due.
 * What is done under one set's lock is one step; t->lock is held over several.
 * Proved:
 *   what an arming sends is received before the stop or reset that ends it, or never;
 *   stop says true for a one-shot exactly when its value was not received;
 *   nobody touches the timer when its memory is gone, and at the end it is gone;
 *   timer_stop leaves it in no set, also while it moves.
 * -DPLANT: a firing does not look whether it is for the arming that there is now: found. */
/* cc: -DCOLLAPSE -DSAFETY */
#define NONE 9
#ifndef STEPS
#define STEPS 4 /* of the owner */
#endif

byte ts = NONE; /* t->ts: the set it is in */
bool ticker;
byte refs = 1;
bool gone;         /* the memory */
bool locked;       /* t->lock */
bool pending;      /* armed, and that arming has not had its effect */
byte seq;          /* the arming */
byte value = NONE; /* in the channel: the arming that it is of */
byte fires;        /* of a ticker there is no end else */

/* timers_run: take_due, then the call of fire. */
proctype M(byte set)
{
    byte s;

end_m:
    do
    :: d_step {
            ts == set && fires < 5 ->
            assert(!gone);
            fires++;
            s = seq;
            refs++;
            if :: !ticker -> ts = NONE :: else fi
        };
        d_step { !locked -> assert(!gone); locked = true };
        d_step {
            assert(!gone);
            if
#ifdef PLANT
            :: pending ->
#else
            :: pending && s == seq ->
#endif
                pending = ticker;
                if :: value == NONE -> value = s :: else fi
            :: else
            fi;
            locked = false;
            s = 0
        };
        d_step { /* gtime_release */
            assert(!gone);
            refs--;
            gone = (refs == 0)
        }
    od
}

/* timers_move */
proctype Mover()
{
end_mover:
    d_step { ts == 0 -> ts = 1 }
}

/* disarm, with t->lock; result: what stop says */
inline disarm()
{
    atomic { result = pending; pending = false };
    do
    :: ts == NONE -> break
    :: atomic { ts != NONE -> set = ts };
        atomic {
            if
            :: ts == set -> ts = NONE
            :: else /* it fired, or moved */
            fi;
            set = 0
        }
    od;
    atomic {
        assert(ts == NONE);
        seq++;
        result = result || value != NONE;
        value = NONE;
        /* wanted: a one-shot's value is not received yet; a ticker is armed */
        assert(result == wanted);
        wanted = false;
        result = false
    }
}

proctype Owner()
{
    byte set, steps;
    bool result, wanted;

    do
    :: steps < STEPS ->
        steps++;
        atomic { !locked -> locked = true };
        disarm();
        if
        :: atomic { wanted = true; pending = true }; /* gtime_reset */
            if
            :: ts = 0
            :: ts = 1
            fi
        :: skip
        fi;
        locked = false
    :: atomic {
            value != NONE ->
            assert(wanted && value == seq);
            wanted = ticker;
            value = NONE
        }
    :: break
    od;
    /* gamp_timer_free: a stop, then the handle */
    atomic { !locked -> locked = true };
    disarm();
    locked = false;
    atomic { assert(!gone); refs--; gone = (refs == 0) }
}

init
{
    atomic {
        if :: ticker = true :: ticker = false fi;
        run M(0); run M(1); run Mover(); run Owner()
    };
end_quiet:
    timeout -> assert(gone && refs == 0 && !locked)
}
