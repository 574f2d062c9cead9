/* SPDX-License-Identifier: BSD-3-Clause */
/* grace: readers without a lock against who unlinks and frees: src/sync/grace.c, grace.h.
 *
 * One link leads to one of some nodes; the writer unlinks one after the other, each with a ticket,
 * and frees those whose time has come; two readers, each in a stripe of its own, follow the link
 * and look at the node for a while. Two bring the periods forward, the writer among them.
 * Limits: sequential consistency; the code's fences and seqcst operations are there for that.
 * Proved: no node is freed while a reader looks at it; a period begins when the one before is
 * complete; and when no reader is inside any more polls bring every ticket to its end.
 * -DPLANT: a ticket that is good after one whole period: found. */
/* cc: -DCOLLAPSE -DSAFETY */
#define STRIPES 2
#define NODES 4
#define NONE 15

#ifdef PLANT
#define WAIT 1
#else
#define WAIT 2
#endif

byte in[4]; /* stripe * 2 + counter */
byte started, completed;
bool polling; /* grace.lock */
byte seen;

byte link; /* the node */
bool freed[NODES];
byte ticket[NODES];
byte looks; /* of all readers */

/* grace_poll; each step of its own is one */
inline grace_poll(until)
{
    atomic {
        if
        :: completed >= until || polling -> goto polled
        :: else -> polling = true
        fi
    };
period:
    if
    :: started == completed ->
        if
        :: started >= until -> goto unlocks
        :: else
        fi;
        started++;
        seen = 0
    :: else -> assert(started == completed + 1)
    fi;
    do
    :: atomic { seen < STRIPES && in[seen * 2 + ((started & 1) ^ 1)] == 0 -> seen++ }
    :: atomic { seen < STRIPES && in[seen * 2 + ((started & 1) ^ 1)] != 0 -> goto unlocks }
    :: atomic { seen == STRIPES -> completed = started; goto period }
    od;
unlocks:
    polling = false;
polled:
    skip
}

proctype Reader(byte stripe)
{
    byte counter, node;

end_reader:
    do
    :: atomic { looks < 4 -> looks++; counter = started & 1 };
        in[stripe * 2 + counter]++;
        node = link;
        assert(!freed[node]); /* now or at any later moment: who waits is asked late */
        atomic { in[stripe * 2 + counter]--; counter = 0; node = 0 }
    od
}

proctype Poller(byte until)
{
    grace_poll(until)
}

proctype Writer()
{
    byte i, first;

    do
    :: link + 1 < NODES ->
        link++;
        ticket[link - 1] = started + WAIT;
        if
        :: grace_poll(ticket[link - 1])
        :: skip
        fi;
        do
        :: atomic { first < link && completed >= ticket[first] -> freed[first] = true; first++ }
        :: break
        od
    :: else -> break
    od
}

init
{
    atomic { run Reader(0); run Reader(1); run Writer(); run Poller(3) };
    /* Nobody is inside any more: a few polls do it. */
    timeout ->
    assert(!polling);
    grace_poll(ticket[NODES - 2]);
    assert(completed >= ticket[NODES - 2])
}
