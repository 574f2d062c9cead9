/* SPDX-License-Identifier: BSD-3-Clause */
/* runq: the ring of a P and runnext: src/sched/runq.c (runqput, runqget, runqgrab, runqputslow).
 *
 * One owner puts TOTAL goroutines (to the tail, or to runnext, which kicks the old one to the
 * tail), gets some, and sends half of a full ring to the global queue; a thief grabs half of the
 * ring, or runnext. The ring has CAP places; its counters wrap at WRAP, which no
 * stale reader can lag behind by, as with 2^32.
 * Proved: each goroutine comes out exactly once, wherever.
 * Limits: sequential consistency; on arm64 the pairs are put's release of tail with grab's
 * acquire, and the release CAS of head with put's acquire.
 * -DPLANT lets the thief store head instead of CASing it: found. */
#define CAP 2
#define WRAP 16
#define TOTAL 4

byte ring[CAP];
byte head, tail, runnext; /* 0: none; goroutines are 1.. */
byte seen[TOTAL + 1];

inline out(g) { atomic { assert(seen[g] == 0); seen[g] = 1 } }
inline size(h, t, n) { n = (t + WRAP - h) % WRAP }

inline put(g)
{
    do
    :: h = head; t = tail; size(h, t, n);
        if
        :: n < CAP -> ring[t % CAP] = g; tail = (t + 1) % WRAP; break
        :: else -> /* runqputslow: half of it and g to the global queue */
            b = ring[h % CAP];
            atomic { if :: head == h -> head = (h + CAP / 2) % WRAP; won = true
                        :: else -> won = false fi };
            if
            :: won -> out(b); out(g); break
            :: else
            fi
        fi
    od
}

proctype Owner()
{
    byte made, g, h, t, n, b;
    bool won;

    do
    :: made < TOTAL -> made++; put(made)
    :: made < TOTAL -> made++;
        atomic { g = runnext; runnext = made };
        if :: g > 0 -> put(g) :: else fi
    :: /* runqget */
        g = runnext;
        if
        :: g > 0 ->
            atomic { if :: runnext == g -> runnext = 0; won = true :: else -> won = false fi };
            if :: won -> out(g) :: else fi
        :: else ->
            h = head; t = tail;
            if
            :: h != t ->
                g = ring[h % CAP];
                atomic { if :: head == h -> head = (h + 1) % WRAP; won = true
                            :: else -> won = false fi };
                if :: won -> out(g) :: else fi
            :: else -> if :: made == TOTAL -> break :: else fi
            fi
        fi
    od
}

proctype Thief()
{
    byte g, h, t, n, tries;
    bool won;

    do
    :: tries < 3 ->
        tries++;
        h = head; t = tail; size(h, t, n);
        n = n - n / 2;
        if
        :: n == 0 ->
            g = runnext;
            if
            :: g > 0 ->
                atomic { if :: runnext == g -> runnext = 0; won = true :: else -> won = false fi };
                if :: won -> out(g) :: else fi
            :: else
            fi
        :: n > CAP / 2 -> skip /* head and tail of different moments */
        :: else ->
            g = ring[h % CAP];
#ifdef PLANT
            head = (h + 1) % WRAP; won = true;
#else
            atomic { if :: head == h -> head = (h + 1) % WRAP; won = true
                        :: else -> won = false fi };
#endif
            if :: won -> out(g) :: else fi
        fi
    :: else -> break
    od
}

init
{
    byte i;

    atomic { run Owner(); run Thief() };
    _nr_pr == 1;
    i = 1;
    do
    :: i <= TOTAL -> assert(seen[i] == 1); i++
    :: else -> break
    od
}
