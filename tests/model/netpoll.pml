/* SPDX-License-Identifier: BSD-3-Clause */
/* netpoll: who sleeps until the next timer: netpoll_block, wakenetpoller, wakep of
 * src/sched/proc.c, timer_start of timer.c and netpollbreak of netpoll.c.
 *
 * Two Ms share one P; threads that are no Ms arm timers in its heap, for points that come (1, 2)
 * or never do (8, 9). An M runs what is due, then gives up the P and goes to sleep: one in the
 * poller, until the earliest timer, the other on its note.
 * Proved: when nothing moves any more and the P is idle, every timer whose point has come was
 * run: the poller never sleeps past one, whichever way arming, publishing, breaking and draining
 * fall.
 * What is done under sched.lock, or the heap's, is one step.
 * -DPLANT: breaking is cleared before the eventfd is drained, so it may stay set with nothing to
 * wake the next who sleeps: found. */
/* cc: -DCOLLAPSE -DSAFETY */
#define NM 2
#define NONE 15
#define FAR 8

byte timers; /* the heap: bits 1 and 2 for those points, 3 and 4 for 8 and 9 */
byte minwhen = NONE;
byte now;

bool idle; /* the P is in sched.pidle */
bool wanted, needspinning;
byte nmspinning;
bool lastpoll = true;    /* false: 0, somebody sleeps in the poller */
byte polluntil = NONE;   /* NONE: 0, for ever */
bool breaking, readable; /* the eventfd */
bool listed[NM], woken[NM];

#define BIT(w) (1 << ((w) < FAR -> (w) : (w) - 5))

/* set_minwhen; within a step */
inline set_min()
{
    minwhen = ((timers & 2) -> 1 : ((timers & 4) -> 2 : ((timers & 8) -> 8 :
               ((timers & 16) -> 9 : NONE))))
}

inline netpollbreak()
{
    d_step { won = !breaking; breaking = true };
    if :: won -> d_step { readable = true; won = false } :: else fi
}

/* startm for the idle P, under sched.lock; within a step */
inline startm()
{
    idle = false;
    if
    :: listed[0] -> listed[0] = false; woken[0] = true
    :: !listed[0] && listed[1] -> listed[1] = false; woken[1] = true
    :: else -> nmspinning--; idle = true; wanted = true
    fi
}

inline wakep()
{
    if
    :: d_step { nmspinning == 0 && idle -> nmspinning = 1 };
        d_step {
            if
            :: idle -> startm()
            :: else -> nmspinning--; needspinning = true
            fi
        }
    :: nmspinning != 0 || !idle
    fi
}

/* A thread that arms one timer or two: timer_start, wakenetpoller. */
proctype Armer(byte when; byte next)
{
    bool won, first;

again:
    atomic { first = when < minwhen; timers = timers | BIT(when); set_min() };
    if
    :: first ->
        if
        :: !lastpoll -> if :: polluntil > when -> netpollbreak() :: else fi
        :: else -> wakep()
        fi
    :: else
    fi;
    atomic {
        first = false;
        when = next;
        next = NONE;
        if :: when != NONE -> goto again :: else fi
    }
}

proctype Clock() { now = 1; now = 2 }

proctype M(byte me; bool has)
{
    bool spinning, won, was;
    byte until, published;

again:
    if
    :: !has -> goto stop
    :: else
    fi;
    atomic { /* checktimers, timers_run */
        if
        :: minwhen <= now ->
            timers = timers & (now >= 2 -> 24 : 28);
            set_min();
            goto again
        :: else
        fi
    };
    if
    :: !spinning -> d_step { spinning = true; nmspinning++; needspinning = false }
    :: else
    fi;
    atomic { if :: minwhen <= now -> goto again :: else fi }; /* stealwork */
    atomic { has = false; idle = true; was = spinning; spinning = false };
    nmspinning--;
    /* netpoll_block */
    if
    :: minwhen == NONE -> goto stop
    :: else
    fi;
    atomic { won = lastpoll; lastpoll = false };
    if
    :: !won ->
        until = minwhen;
        if
        :: until != NONE && polluntil > until -> netpollbreak()
        :: else
        fi;
        until = 0;
        goto stop
    :: else -> d_step { won = false; until = NONE }
    fi;
    do
    :: atomic { published = until; polluntil = published };
        atomic {
            until = minwhen;
            if :: published < until -> until = published :: else fi
        };
        if :: until == published -> break :: else fi
    od;
end_polls:
    atomic { /* epoll_wait */
        readable || until <= now -> until = 0; published = 0
    };
    if
    :: readable ->
#ifdef PLANT
        breaking = false;
        readable = false
#else
        readable = false;
        breaking = false
#endif
    :: else
    fi;
    polluntil = NONE;
    lastpoll = true;
    atomic { if :: idle -> idle = false; has = true :: else fi };
    if
    :: has && was -> d_step { spinning = true; nmspinning++ }
    :: else
    fi;
    was = false;
    goto again;
stop:
    atomic {
        was = false;
        if
        :: wanted && idle -> wanted = false; idle = false; has = true; goto again
        :: else -> listed[me] = true
        fi
    };
end_asleep:
    atomic { woken[me] -> woken[me] = false; has = true; spinning = true; goto again }
}

init
{
    atomic {
        run M(0, true); run M(1, false); run Clock();
        if
        :: run Armer(8, 1); run Armer(9, NONE)
        :: run Armer(8, 2); run Armer(1, NONE)
        fi
    };
end_quiet:
    timeout -> assert(!idle || minwhen > now)
}
