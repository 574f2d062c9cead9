/* SPDX-License-Identifier: BSD-3-Clause */
/* polldesc: a reader of one descriptor against the kernel's edges, a deadline that is moved and
 * passes, and a close: rg of src/sched/polldesc.h, pollwait_prepare, wait_goroutine, pollwait_short
 * of pollwait.c, deadline.c, polldesc_event and polldesc_close of polldesc.c.
 *
 * The kernel: data comes, then more, then the stream ends; what came since the last look of the
 * poller is one edge. The reader takes all there is (a short count), so its next read parks without
 * asking. The clock stands at 0, then passes the deadline.
 * What is done under pd->lock is one step but for the words that are looked at without it: mu, the
 * deadline and rg, which are sequentially consistent in the code.
 * Proved, when nothing moves any more: the reader sleeps only while the kernel has nothing for it,
 * it is not closed and no deadline has passed; and at every step: only one that is parked is
 * readied, once; a wait finds READY or NIL in the word.
 * -DPLANT: the word is cleared after the call that found nothing, not before: the edge of what came
 * in between is lost: found. */
/* cc: -DCOLLAPSE -DSAFETY */
#define NIL 0
#define READY 1
#define WAIT 2
#define G 3

#define NEVER 3

byte rg = NIL;
bool parked, runnable;
bool closing, odd;
byte rd = NEVER, twhen = NEVER, now; /* points: 1 and 2 come, NEVER does not */
bool armed;                          /* twhen's timer is in a heap */

byte data; /* in the kernel */
bool fin;  /* the stream has ended */
bool edge_in, edge_hup;
bool locked; /* pd->lock */
bool reader_through;

inline lock() { atomic { !locked -> locked = true } }

/* polldesc_unblock: who is to be readied; a CAS with the look before it */
inline unblock(ready, who)
{
    d_step {
        who = false;
        if
        :: rg == READY || (rg == NIL && !ready)
        :: else ->
            who = (rg == G);
            rg = (ready -> READY : NIL)
        fi
    }
}

inline goready() { d_step { assert(parked && !runnable); parked = false; runnable = true } }

/* Data twice, then the end; or it stops before. */
proctype Kernel()
{
    byte n;

end_kernel:
    do
    :: d_step { n < 2 -> n++; data = 1; edge_in = true }
    :: d_step { n < 3 -> n = 3; fin = true; edge_in = true; edge_hup = true }
    :: n = 3; break
    od
}

proctype Poller()
{
    bool hup, who;

end_poller:
    do
    :: d_step { edge_in -> edge_in = false; hup = edge_hup; edge_hup = false };
        /* polldesc_event */
        if :: hup -> odd = true; hup = false :: else fi;
        unblock(true, who);
        if :: who -> goready() :: else fi;
        who = false
    od
}

/* deadline_arm, with the lock, within a step */
inline deadline_arm(when)
{
    if
    :: when == NEVER || twhen <= when
    :: twhen != NEVER && twhen > when && !armed /* due just now */
    :: else -> twhen = when; armed = true
    fi
}

/* timers_run and deadline_due */
proctype Timer()
{
    bool who;

end_timer:
    do
    :: d_step { armed && twhen <= now -> armed = false };
        lock();
        twhen = NEVER;
        if
        :: rd <= now -> unblock(false, who)
        :: else -> d_step { deadline_arm(rd) }
        fi;
        locked = false;
        if :: who -> goready() :: else fi;
        who = false
    od
}

proctype Clock() { now = 1; now = 2 }

/* deadline_set: first to a point that may pass while somebody waits, then later, or away. */
proctype Setter(byte round)
{
    bool who;
    byte to;

    do
    :: round == 3 -> break
    :: else ->
        if
        :: round == 2 -> to = 0
        :: round == 1 -> to = 1
        :: to = 2
        :: round == 2 -> to = NEVER
        fi;
        lock();
        if
        :: closing -> locked = false; break
        :: else
        fi;
        rd = to;
        if
        :: to <= now -> unblock(false, who)
        :: else -> d_step { if :: rg > READY -> deadline_arm(to) :: else fi }
        fi;
        d_step {
            if
            :: rd == NEVER && twhen != NEVER && armed -> armed = false; twhen = NEVER
            :: else
            fi;
            locked = false
        };
        if :: who -> goready() :: else fi;
        d_step { who = false; to = 0; round++ }
    od
}

proctype Closer()
{
    bool who;

    lock();
    closing = true; /* close_begin */
    rd = NEVER;     /* deadline_clear */
    d_step {
        if
        :: twhen != NEVER && armed -> armed = false; twhen = NEVER
        :: else
        fi
    };
    unblock(false, who); /* evict */
    locked = false;
    if :: who -> goready() :: else fi
}

/* pollwait_check: two looks */
inline check()
{
    err = closing;
    if
    :: !err -> err = (rd != NEVER && rd <= now)
    :: else
    fi
}

/* wait_goroutine; err: it ended without an edge */
inline wait()
{
    do
    :: atomic {
            if
            :: rg == NIL -> rg = WAIT
            :: else -> assert(rg == READY); rg = NIL; err = false; break
            fi
        };
        check();
        if
        :: !err ->
            /* arm */
            if
            :: rd != NEVER && twhen > rd -> lock(); d_step { deadline_arm(rd); locked = false }
            :: else
            fi;
            /* gopark, and its commit */
            atomic {
                parked = true;
                if
                :: rg == WAIT -> rg = G
                :: else -> parked = false; runnable = true
                fi
            };
end_parked:
            d_step { runnable -> runnable = false }
        :: else
        fi;
        atomic {
            woken = (rg == READY);
            rg = NIL;
            if :: woken && !err -> break :: else fi
        };
        if :: !err -> check() :: else fi;
        if :: err -> break :: else fi
    od;
    woken = false
}

proctype Reader()
{
    bool err, woken, drained, nothing;

    do
    :: /* pollwait_prepare */
        check();
        if :: err -> break :: else fi;
        if
        :: drained ->
            drained = false;
            if
            :: rg != READY -> if :: !odd -> wait() :: else fi
            :: else
            fi;
            if :: err -> break :: else fi
        :: else
        fi;
#ifndef PLANT
        if :: rg != NIL -> rg = NIL :: else fi;
#endif
again:
        /* the system call */
        atomic {
            if
            :: data > 0 -> data = 0; nothing = false
            :: data == 0 && fin -> break
            :: else -> nothing = true
            fi
        };
        if
        :: nothing ->
            nothing = false;
#ifdef PLANT
            if :: rg != NIL -> rg = NIL :: else fi;
#endif
            wait();
            if :: err -> break :: else fi;
            goto again
        :: else -> drained = true /* pollwait_short */
        fi
    od;
    reader_through = true
}

init
{
    atomic {
        run Kernel(); run Poller(); run Timer(); run Clock(); run Reader();
        if
        :: run Setter(1)
        :: run Closer()
        :: run Setter(2); run Closer()
        fi
    };
end_quiet:
    timeout -> assert(reader_through ||
                      (data == 0 && !fin && !closing && (rd == NEVER || rd > now)))
}
