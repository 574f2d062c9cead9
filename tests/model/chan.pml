/* SPDX-License-Identifier: BSD-3-Clause */
/* chan: how goroutines meet in channels: src/sync/chan.c, chan.h, select.c, sudog.h with the parks
 * and tickets of src/sched/park.c. Two channels of capacity 0 or 1; each goroutine does some
 * operations, each one of: send, receive, select of two cases (of two channels, or both directions
 * of one), with a time limit or without, or a close. A late clock or partner of one wait may come
 * in the next.
 *
 * A goroutine's park is committed by a process of its own, as it is by the next context on the M:
 * when the clock ends a wait at once the goroutine goes on while the commit still unlocks.
 * What is done under a lock is one step from taking it to its release: a claim that fails stays
 * failed, and who is claimed does nothing before it is readied, so nobody could tell. Steps of
 * their own are: claims of the clock, each unlock of a commit, each goready.
 * Proved:
 *   only a parked goroutine is readied, and once a park;
 *   a sudog is looked at only while its frame lives: nobody leaves while a partner, a close or the
 *   own commit may still look;
 *   no value is lost or comes twice, and a select does one of its cases;
 *   when nothing moves any more nobody waits whose partner is there, nobody in a closed channel,
 *   and nobody with a time limit.
 * Not here: the looks without the lock (try_..., select's first draw), which lead to the same
 * steps under it; first in first out, which is the queue's own.
 * -DPLANT: a wait's ticket is no new one, so a late clock of the wait before ends it: found. */
/* cc: -DCOLLAPSE -DSAFETY */
#define NG 3
#define NC 2
#define NONE 9
#ifndef OPS
#define OPS 4 /* of all together */
#endif

/* A side of a channel: c * 2 + (0 receive, 1 send). */
#define RECV(c) ((c) * 2)
#define SEND(c) ((c) * 2 + 1)
#define CHAN(side) ((side) / 2)
#define IS_SEND(side) ((side) % 2 == 1)
#define SG(side, g) ((side) * NG + (g))
#define TWO_CHANS (s2 != NONE && CHAN(s2) != CHAN(s1))

mtype = { RUNNING, WAITING, RUNNABLE };

bool locked[NC], closed[NC];
byte cap, qcount[NC], ring[NC];
chan q[4] = [NG] of { byte }; /* by side: whose sudog */
byte sgticket[12];            /* by SG */
bool queued[12];              /* by SG */

mtype status[NG] = RUNNING;
byte waitid[NG], frame[NG]; /* frame: ticket of the wait whose sudogs are in memory, 0: none */
byte param[NG] = NONE;      /* the side that somebody did */
bool alone[NG], success[NG], timedout[NG], armed[NG];
byte elem[NG]; /* where a receiver receives */
byte val[NG];  /* what it sends */

bool commit[NG], timed[NG]; /* what a commit is asked to do */
byte side1[NG], side2[NG];

typedef what {
    byte s1, s2;
    bool timed
}
what kind[OPS + 1]; /* number v is done by goroutine (v - 1) % NG, and sends v */
bool sent[OPS + 1], received[OPS + 1]; /* by value */

/* Within a step, all but goready. */
inline lock(c) { !locked[c]; locked[c] = true }

inline put_value(v) { assert(!sent[v]); sent[v] = true }

inline got_value(v) { assert(v != 0 && !received[v]); received[v] = true }

inline goready(g) { d_step { assert(status[g] == WAITING); status[g] = RUNNABLE } }

/* waitq_pop: p has the longest waiter, claimed, or NONE. */
inline pop(side)
{
    do
    :: empty(q[side]) -> p = NONE; break
    :: nempty(q[side]) ->
        q[side]?p;
        assert(queued[SG(side, p)] && sgticket[SG(side, p)] == frame[p]);
        queued[SG(side, p)] = false;
        if
        :: alone[p] -> break
        :: !alone[p] && waitid[p] == frame[p] -> waitid[p]++; break
        :: else
        fi
    od
}

inline partner_done(side, ok)
{
    assert(sgticket[SG(side, p)] == frame[p]);
    success[p] = ok;
    param[p] = side
}

inline chan_put(c, v)
{
    if
    :: closed[c] -> done = true
    :: else ->
        pop(RECV(c));
        if
        :: p != NONE -> elem[p] = v; partner_done(RECV(c), true); put_value(v); done = true
        :: p == NONE && qcount[c] < cap -> ring[c] = v; qcount[c]++; put_value(v); done = true
        :: else
        fi
    fi
}

inline chan_take(c)
{
    if
    :: qcount[c] > 0 ->
        got_value(ring[c]); ring[c] = 0; done = true;
        pop(SEND(c));
        if
        :: p == NONE -> qcount[c]--
        :: else -> ring[c] = val[p]; put_value(val[p]); partner_done(SEND(c), true)
        fi
    :: qcount[c] == 0 && closed[c] -> done = true
    :: else ->
        pop(SEND(c));
        if
        :: p != NONE ->
            got_value(val[p]); put_value(val[p]); partner_done(SEND(c), true); done = true
        :: else
        fi
    fi
}

inline try(side, v)
{
    if
    :: IS_SEND(side) -> chan_put(CHAN(side), v)
    :: else -> chan_take(CHAN(side))
    fi
}

inline enqueue(side, g)
{
    q[side]!g;
    sgticket[SG(side, g)] = frame[g];
    queued[SG(side, g)] = true
}

/* unqueue */
inline take_back(side, g)
{
    if
    :: queued[SG(side, g)] -> q[side]??eval(g); queued[SG(side, g)] = false
    :: else
    fi
}

/* unlock_all, or the one unlock of a wait on one channel, which reads nothing of the frame. */
inline unlock_one(g)
{
    assert(one == NONE || two == NONE || frame[g] != 0);
    if
    :: one != NONE && two != NONE && CHAN(one) != CHAN(two) ->
        locked[CHAN(one)] = false;
        one = NONE
    :: else ->
        locked[CHAN((two == NONE -> one : two))] = false;
        one = NONE;
        two = NONE
    fi
}

/* What the next context on the M does for the goroutine that left. */
proctype Commit(byte g)
{
    byte one, two;

end_commit:
    do
    :: d_step {
            commit[g] -> commit[g] = false;
            one = side1[g];
            two = side2[g];
            side1[g] = 0;
            side2[g] = 0;
            status[g] = WAITING;
            if
            :: timed[g] -> armed[g] = true
            :: else -> unlock_one(g)
            fi
        };
        do
        :: d_step { one != NONE || two != NONE -> unlock_one(g) }
        :: d_step { one == NONE && two == NONE -> one = 0; two = 0 }; break
        od
    od
}

/* timers_run: out of the heap first, then wait_timeout. */
proctype Clock(byte g)
{
    byte seq;

end_clock:
    do
    :: d_step { armed[g] -> armed[g] = false; seq = frame[g] };
        if
        :: d_step { waitid[g] == seq -> waitid[g]++; timedout[g] = true; seq = 0 }; goready(g)
        :: d_step { waitid[g] != seq -> seq = 0 }
        fi
    od
}

/* Up to the park, or done. */
inline start(me, v)
{
    lock(CHAN(s1));
    if :: TWO_CHANS -> lock(CHAN(s2)) :: else fi;
    alone[me] = !timed[me] && s2 == NONE;
    val[me] = v;
#ifdef PLANT
    waitid[me] = 2;
#else
    waitid[me] = (waitid[me] | 1) + 1;
#endif
    frame[me] = waitid[me];
    /* the draw: either is tried first */
    if
    :: try(s1, v); if :: !done && s2 != NONE -> try(s2, v) :: else fi
    :: s2 != NONE -> try(s2, v); if :: !done -> try(s1, v) :: else fi
    fi;
    if
    :: done ->
        frame[me] = 0; val[me] = 0; alone[me] = false; timed[me] = false;
        locked[CHAN(s1)] = false;
        if :: TWO_CHANS -> locked[CHAN(s2)] = false :: else fi
    :: else ->
        enqueue(s1, me);
        if :: s2 != NONE -> enqueue(s2, me) :: else fi;
        side1[me] = s1; side2[me] = s2;
        commit[me] = true
    fi
}

inline finish(me, v)
{
    if
    :: done -> if :: p != NONE -> goready(p) :: else fi
    :: else ->
end_parked:
        atomic {
            status[me] == RUNNABLE -> status[me] = RUNNING;
            armed[me] = false; /* timer_stop */
            assert(timedout[me] == (param[me] == NONE));
            if
            :: param[me] != s1 || (s2 != NONE && !TWO_CHANS) ->
                lock(CHAN(s1));
                take_back(s1, me);
                if :: s2 != NONE && !TWO_CHANS -> take_back(s2, me) :: else fi;
                locked[CHAN(s1)] = false
            :: else
            fi
        };
        atomic {
            if
            :: TWO_CHANS && param[me] != s2 ->
                lock(CHAN(s2)); take_back(s2, me); locked[CHAN(s2)] = false
            :: else
            fi;
            if
            :: success[me] && !IS_SEND(param[me]) -> got_value(elem[me])
            :: success[me] && IS_SEND(param[me]) -> assert(sent[v])
            :: !success[me] && !timedout[me] -> assert(closed[CHAN(param[me])])
            :: !success[me] && timedout[me]
            fi;
            assert(!queued[SG(s1, me)] && (s2 == NONE || !queued[SG(s2, me)]));
            frame[me] = 0; val[me] = 0; elem[me] = 0; alone[me] = false; timed[me] = false;
            sgticket[SG(s1, me)] = 0;
            if :: s2 != NONE -> sgticket[SG(s2, me)] = 0 :: else fi;
            success[me] = false; timedout[me] = false; param[me] = NONE
        }
    fi
}

inline close_chan(c)
{
    atomic {
        lock(c);
        closed[c] = true;
        do
        :: len(q[RECV(c)]) > 0 ->
            pop(RECV(c));
            if :: p != NONE -> partner_done(RECV(c), false); list!p :: else fi
        :: len(q[RECV(c)]) == 0 && len(q[SEND(c)]) > 0 ->
            pop(SEND(c));
            if :: p != NONE -> partner_done(SEND(c), false); list!p :: else fi
        :: else -> break
        od;
        locked[c] = false
    };
    /* sudog_ready_all: next is read before the sudog's goroutine is readied */
    do
    :: nempty(list) -> d_step { list?p; assert(frame[p] != 0) }; goready(p)
    :: empty(list) -> break
    od;
    p = NONE
}

proctype G(byte me)
{
    byte p = NONE, v = me + 1, s1, s2;
    bool done;
    chan list = [NG] of { byte };

end_all:
    do
    :: atomic {
            v <= OPS && kind[v].s1 != NONE ->
            s1 = kind[v].s1;
            s2 = kind[v].s2;
            timed[me] = kind[v].timed;
            start(me, v)
        };
        finish(me, v);
        atomic { p = NONE; s1 = 0; s2 = 0; v = v + NG; done = false }
    :: atomic { v <= OPS && kind[v].s1 == NONE -> close_chan(0) };
        atomic { p = NONE; v = v + NG }
    od
}

/* Number 1 is timed, so that its clock may be late for number 4, of the same goroutine. */
inline choose(i)
{
    kind[i].s2 = NONE;
    if
    :: kind[i].s1 = RECV(0)
    :: kind[i].s1 = SEND(0)
    :: kind[i].s1 = RECV(0); kind[i].s2 = SEND(1)
    :: i <= 3 -> kind[i].s1 = SEND(0); kind[i].s2 = RECV(1)
    :: i <= 2 -> kind[i].s1 = RECV(0); kind[i].s2 = SEND(0)
    :: i == 3 -> kind[i].s1 = NONE /* a close */
    fi;
    if
    :: i == 1 -> kind[i].timed = true
    :: else -> kind[i].timed = (i == 4 && kind[i].s1 == RECV(0))
    fi
}

#define WAITS(side) (len(q[side]) > 0)
/* One goroutine's select may wait in both queues of a channel. */
#define SAME(c)                                                                                    \
    (len(q[RECV(c)]) == 1 && len(q[SEND(c)]) == 1 &&                                               \
     ((queued[SG(RECV(c), 0)] && queued[SG(SEND(c), 0)]) ||                                        \
      (queued[SG(RECV(c), 1)] && queued[SG(SEND(c), 1)]) ||                                        \
      (queued[SG(RECV(c), 2)] && queued[SG(SEND(c), 2)])))

init
{
    byte i;

    atomic {
        if :: cap = 0 :: cap = 1 fi;
        i = 1;
        do
        :: i <= OPS -> choose(i); i++
        :: else -> break
        od;
        i = 0;
        do
        :: i < NG -> run Commit(i); run Clock(i); run G(i); i++
        :: else -> break
        od
    };
end_quiet:
    atomic {
        timeout -> i = 0;
        do
        :: i < NC ->
            assert(!locked[i]);
            assert(!WAITS(RECV(i)) || (qcount[i] == 0 && !closed[i]));
            assert(!WAITS(SEND(i)) || (qcount[i] == cap && !closed[i]));
            assert(!WAITS(RECV(i)) || !WAITS(SEND(i)) || SAME(i));
            i++
        :: else -> break
        od;
        i = 0;
        do
        :: i < NG -> assert(status[i] == RUNNING || (status[i] == WAITING && !timed[i])); i++
        :: else -> break
        od;
        i = 1;
        do
        :: i <= OPS ->
            assert(sent[i] == (received[i] || (qcount[0] > 0 && ring[0] == i) ||
                               (qcount[1] > 0 && ring[1] == i)));
            i++
        :: else -> break
        od
    }
}
