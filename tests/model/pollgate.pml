/* SPDX-License-Identifier: BSD-3-Clause */
/* pollgate: a select that waits for two descriptors and the clock: the gate of src/sched/pollwait.c
 * with selectfd.c, wait() of select.c and the park of park.c. Descriptors are armed before the
 * goroutine parks, so who claims the wait may come before, while or after it parks: the gate says
 * who is to ready it.
 *
 * Two waits one after the other, with a limit or without; a descriptor becomes ready at any time
 * and stays so, or never does.
 * The commit of the park is a process of its own, as the next context on the M is.
 * Proved: only a parked goroutine is readied, and once a park; the waiters' memory and the gate are
 * there whenever somebody looks at them; when nothing moves any more nobody waits for a descriptor
 * that is ready.
 * -DPLANT: the goroutine leaves without passing through the gate: found. */
/* cc: -DCOLLAPSE -DSAFETY */
#define NFD 2
#define NONE 9

bool fd_ready[NFD]; /* what the kernel says */
bool listed[NFD];   /* in pd->waits, and counted in nwaits */
bool fd_locked[NFD];

byte waitid, ticket, param = NONE; /* ticket: of the wait whose memory there is, 0: none */
bool gate_locked, gate_parked, gate_claimed;
bool waiting, runnable, timedout;
bool commit, armed, timed;
byte tseq;

inline goready() { d_step { assert(waiting && !runnable); waiting = false; runnable = true } }

/* The poller: the event, then polldesc_event, pollwait_event, pollwait_wake. */
proctype Poller(byte fd)
{
    bool won, parked;

end_event:
    fd_ready[fd] = true;
    if
    :: !listed[fd] -> goto through
    :: else
    fi;
    atomic { !fd_locked[fd] -> fd_locked[fd] = true };
    if
    :: listed[fd] ->
        d_step {
            assert(ticket != 0);
            won = (waitid == ticket);
            if :: won -> waitid++ :: else fi
        };
        if
        :: won ->
            param = fd;
            atomic { !gate_locked -> assert(ticket != 0); gate_locked = true };
            d_step {
                parked = gate_parked;
                gate_claimed = true;
                gate_locked = false
            }
        :: else
        fi
    :: else
    fi;
    fd_locked[fd] = false;
    if :: parked -> goready() :: else fi;
through:
    skip
}

proctype Clock()
{
    byte seq;
    bool won;

end_clock:
    do
    :: d_step { armed -> armed = false; seq = tseq };
        d_step {
            won = (waitid == seq);
            if :: won -> waitid++; timedout = true :: else fi;
            seq = 0
        };
        if :: won -> goready() :: else fi;
        won = false
    od
}

/* commit_park, commit_unlock_all, pollgate_parked */
proctype Commit()
{
end_commit:
    do
    :: d_step { commit -> commit = false; waiting = true };
        d_step { armed = timed; tseq = ticket };
        d_step { assert(ticket != 0); gate_parked = true };
        d_step { assert(ticket != 0); gate_locked = false }
    od
}

inline arm(fd)
{
    atomic { !fd_locked[fd] -> listed[fd] = true };
    if :: fd_ready[fd] -> looks = fd :: else fi
}

inline disarm(fd)
{
    atomic { !fd_locked[fd] -> listed[fd] = false }
}

proctype G()
{
    byte rounds, looks;

    do
    :: rounds == 2 -> break
    :: else ->
        rounds++;
        looks = NONE;
        d_step {
            waitid = (waitid | 1) + 1;
            ticket = waitid;
            param = NONE;
            timedout = false;
            gate_locked = false; gate_parked = false; gate_claimed = false
        };
        arm(0);
        arm(1);
        if
        :: looks != NONE /* done at once */
        :: else ->
            atomic { !gate_locked -> gate_locked = true };
            if
            :: gate_claimed -> gate_locked = false
            :: else ->
                commit = true;
end_parked:
                d_step { runnable -> runnable = false };
                armed = false
            fi;
            assert(timedout == (param == NONE))
        fi;
        disarm(0);
        disarm(1);
#ifndef PLANT
        atomic { !gate_locked -> skip }; /* pollgate_leave */
#endif
        ticket = 0
    od
}

init
{
    atomic {
        if :: timed = true :: timed = false fi;
        run G(); run Commit(); run Clock();
        if :: run Poller(0) :: skip fi;
        if :: run Poller(1) :: skip fi
    };
end_quiet:
    timeout ->
    assert(!armed && !runnable && (ticket == 0) == !waiting);
    assert(!waiting || !(fd_ready[0] || fd_ready[1] || timed))
}
