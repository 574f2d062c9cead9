/* SPDX-License-Identifier: BSD-3-Clause */
/* fdlock: operations on one descriptor number, its close, and its next owner: mu of
 * src/sched/polldesc.h, fdlock.c, polldesc_close and polldesc_open of polldesc.c; one mode. A CAS
 * of mu with the look before it is one step, since one that fails does nothing; pd->lock is held
 * over several.
 *
 * Operations queue, hold the lock, perhaps until somebody closes, and leave; two close; who finds
 * the number free in the kernel opens it anew, and its operations begin while late ones of the
 * owner before may still be about.
 * Proved: one holder at a time; an operation's system call finds the open file that it began on;
 * the number is closed once an owner; nobody queues for ever, no closer waits for ever, and at the
 * end no reference and no lock is left.
 * -DPLANT: the closer looks whether it is alone before it takes pd->lock, and parks on that: found.
 */
/* cc: -DCOLLAPSE -DSAFETY */
#define NOPS 3
#define NONE 9
#define EVICTED 1
#define HANDED 2

/* mu */
byte seq = 1, refs;
bool open = true, closing, rlock, rq;
bool nonblock; /* pd->kind */

bool locked; /* pd->lock */
chan queue = [NOPS] of { byte };
byte verdict[NOPS];
bool closer_waits, closer_woken;

byte owner = 1;  /* whose open file the number is; 0: free */
byte owners = 1; /* so far */
bool closed[3];  /* by owner */
byte holders;

inline lock() { atomic { !locked -> locked = true } }

inline close_number()
{
    d_step {
        assert(owner != 0 && !closed[owner]);
        closed[owner] = true;
        owner = 0
    }
}

/* The last reference is gone; mu was that of s. */
inline close_finish(s)
{
    close_number();
    d_step {
        if
        :: seq == s && refs == 0 && closing -> open = false; closing = false; rlock = false
        :: else
        fi
    }
}

/* polldesc_left; was: the references that were left */
inline left(s, was)
{
    if
    :: was == 0 -> close_finish(s)
    :: was == 1 ->
        lock();
        d_step { woken = closer_waits; closer_waits = false; locked = false };
        if :: woken -> closer_woken = true; woken = false :: else fi
    :: else
    fi
}

/* evict, with the lock: all that queue; those that hold see mu */
inline evict()
{
    do
    :: nempty(queue) -> d_step { queue?i; verdict[i] = EVICTED; i = 0 }
    :: empty(queue) -> break
    od;
    rq = false
}

proctype Op(byte me)
{
    byte mine, file, was, next;
    bool woken, slow;

begin:
    atomic {
        if
        :: !open || closing -> goto through
        :: open && !closing && !rlock ->
            rlock = true; refs++; mine = seq; file = owner;
            goto holds
        :: else
        fi
    };
    lock();
    atomic {
        if
        :: !open || closing || !rlock -> locked = false; goto begin
        :: else -> rq = true; refs++; queue!me
        fi
    };
    locked = false; /* the park's commit */
end_parked:
    atomic { verdict[me] != 0 -> was = verdict[me]; verdict[me] = 0 };
    if
    :: was == EVICTED -> /* drop_ref */
        atomic {
            refs--;
            was = (closing -> refs : NONE);
            mine = seq
        };
        left(mine, was);
        goto through
    :: else -> atomic { mine = seq; file = owner; was = 0 }
    fi;
holds:
    atomic { holders++; assert(holders == 1 && rlock) };
    /* The call, at once or when there is something; a close ends the wait. */
    if
    :: atomic { assert(!open || closing || seq != mine || owner == file) }
    :: closing || seq != mine
    fi;
    holders--;
    /* fdlock_end */
    atomic {
        if
        :: !rq && !closing -> rlock = false; refs--; goto through
        :: else
        fi
    };
    lock();
    atomic {
        if
        :: nempty(queue) -> queue?next; slow = true
        :: empty(queue) -> slow = false
        fi
    };
    atomic {
        refs--;
        rq = rq && len(queue) > 0;
        if :: !slow -> rlock = false :: else fi;
        was = (closing -> refs : NONE);
        mine = seq
    };
    locked = false;
    if :: slow -> verdict[next] = HANDED :: else fi;
    left(mine, was);
through:
    skip
}

proctype Closer()
{
    byte mine, i, was;
    bool woken;

    lock();
    atomic {
        if
        :: !open || closing -> locked = false; goto through
        :: else -> closing = true; refs++; mine = seq
        fi
    };
    evict();
    locked = false;
    /* close_wait; of one that blocks the last operation closes the number */
    do
    :: !nonblock -> break
    :: nonblock ->
#ifdef PLANT
        if :: refs == 1 -> break :: else fi;
        lock();
#else
        lock();
        atomic { if :: refs == 1 -> locked = false; break :: else fi };
#endif
        closer_waits = true;
        locked = false;
end_closes:
        atomic { closer_woken -> closer_woken = false }
    od;
    atomic { assert(seq == mine); refs--; was = refs };
    if :: was == 0 -> close_finish(mine) :: else fi;
through:
    skip
}

/* The kernel gives the number to somebody; polldesc_open, fresh. */
proctype Opener()
{
    byte i;

end_opens:
    atomic { owner == 0 -> owners++; owner = owners };
    lock();
    /* renew */
    atomic { seq++; open = false; closing = false };
    evict();
    open = true; /* set_open */
    locked = false;
    run Op(2)
}

init
{
    atomic {
        if :: nonblock = true :: nonblock = false fi;
        run Op(0); run Op(1); run Closer(); run Closer(); run Opener()
    };
end_quiet:
    timeout ->
    assert(holders == 0 && refs == 0 && !rlock && !rq && !locked && len(queue) == 0);
    assert(!closer_waits && closed[1])
}
