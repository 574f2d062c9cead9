/* SPDX-License-Identifier: BSD-3-Clause */
/* rwmutex: gamp_rwmutex: src/sync/grwmutex.c with the tokens of src/sync/sema.c. Each contender is
 * a reader or a writer, some with a limit, and may give up at any time that he waits. A CAS of the
 * state with the look before it is one step, since one that fails does nothing; so is what sema
 * does under its bucket's lock. Tokens of one word are all alike, so its queue is a count.
 * Proved:
 *   a writer is alone inside; state says who is inside, at every step;
 *   somebody waits only while somebody is inside or on his way in, readers only behind a writer;
 *   at the end all are through and nothing is left: no token, no count;
 *   semrelease writes to the word only while somebody is inside a call who needs the token.
 * -DPLANT: the last waiting writer gives up and does not let in the readers that he held up: found.
 */
/* cc: -DCOLLAPSE -DSAFETY */
#ifndef NG
#define NG 4
#endif
#ifndef ROUNDS
#define ROUNDS 4 /* of all together */
#endif

/* state */
bool writer;
byte inside, wwaiting, rwaiting;

/* by kind: 0 readers, 1 writers */
byte word[2];
byte queue[2];   /* in line at the word */
byte tokens[2];  /* given to some that were in line, not yet taken up */
byte needing[2]; /* between their count in state and their token */

byte readers, writers; /* that hold it, for sure */
byte rounds;

#define STATE_FITS                                                                                 \
    ((!writer || inside == 0) && (writer || inside > 0 || (wwaiting == 0 && rwaiting == 0)) &&     \
     (rwaiting == 0 || writer || wwaiting > 0) && readers <= inside && writers <= writer &&        \
     (writers == 0 || readers == 0) && writers <= 1)

/* semrelease_n */
inline semrelease(kind)
{
    atomic {
        do
        :: n > 0 && queue[kind] > 0 -> queue[kind]--; tokens[kind]++; n--
        :: n > 0 && queue[kind] == 0 ->
            word[kind]++;
            assert(needing[kind] >= word[kind] + tokens[kind]);
            n--
        :: n == 0 -> break
        od
    }
}

/* Takes a token, or stands in line; within a step. */
inline semacquire(kind)
{
    if
    :: word[kind] > 0 -> word[kind]--; tokens[kind]++
    :: else -> queue[kind]++
    fi
}

/* The token is there: who was counted as waiting is inside. Within a step. */
inline take_up(kind)
{
    tokens[kind]--;
    needing[kind]--
}

proctype G()
{
    byte n;
    bool timed, write;

end_begin:
    atomic {
        rounds < ROUNDS -> rounds++;
        if :: timed = true :: timed = false fi;
        if :: write = true :: write = false fi;
        assert(STATE_FITS)
    };
    if
    :: write -> goto lock
    :: else
    fi;
rlock:
    atomic {
        if
        :: !writer && wwaiting == 0 -> inside++; readers++
        :: timed -> goto through
        :: writer || wwaiting > 0 -> rwaiting++; needing[0]++; n = 1
        fi;
        assert(STATE_FITS)
    };
    if
    :: n == 1 ->
        atomic { n = 0; semacquire(0) };
        if
        :: atomic { tokens[0] > 0 -> take_up(0) }
        :: atomic { timed && queue[0] > 0 -> queue[0]-- }; /* the clock was first */
            atomic { /* reader_leaves */
                if
                :: rwaiting > 0 -> rwaiting--; needing[0]--; goto through
                :: else -> semacquire(0)
                fi
            };
            atomic { tokens[0] > 0 -> take_up(0) }
        fi;
        readers++
    :: else
    fi;
    atomic { assert(writers == 0 && STATE_FITS) };
    atomic { /* runlock */
        readers--;
        inside--;
        if
        :: inside == 0 && wwaiting > 0 -> wwaiting--; writer = true; n = 1
        :: else
        fi;
        assert(STATE_FITS)
    };
    semrelease(1);
    goto through;
lock:
    atomic {
        if
        :: !writer && inside == 0 -> assert(wwaiting + rwaiting == 0); writer = true; writers++
        :: timed -> goto through
        :: writer || inside > 0 -> wwaiting++; needing[1]++; n = 1
        fi;
        assert(STATE_FITS)
    };
    if
    :: n == 1 ->
        atomic { n = 0; semacquire(1) };
        if
        :: atomic { tokens[1] > 0 -> take_up(1) }
        :: atomic { timed && queue[1] > 0 -> queue[1]-- };
            atomic { /* writer_leaves */
                if
                :: wwaiting > 0 ->
                    wwaiting--;
                    needing[1]--;
                    if
#ifndef PLANT
                    :: wwaiting == 0 && !writer -> n = rwaiting; inside = inside + n; rwaiting = 0
#endif
                    :: else
                    fi;
                    goto left
                :: else -> semacquire(1)
                fi
            };
            atomic { tokens[1] > 0 -> take_up(1) }
        fi;
        writers++
    :: else
    fi;
    atomic { assert(readers == 0 && STATE_FITS) };
    atomic { /* unlock */
        writers--;
        n = rwaiting;
        if
        :: n > 0 -> rwaiting = 0; inside = n; writer = false
        :: n == 0 && wwaiting > 0 -> wwaiting--; n = 1; goto next_writer
        :: else -> writer = false
        fi;
        assert(STATE_FITS)
    };
    goto left;
next_writer:
    semrelease(1);
    goto through;
left:
    semrelease(0);
through:
    atomic { timed = false; write = false; n = 0; goto end_begin }
}

init
{
    byte i;

    atomic { do :: i < NG -> run G(); i++ :: else -> break od };
end_quiet:
    timeout ->
    assert(!writer && inside + wwaiting + rwaiting == 0);
    assert(word[0] + word[1] + queue[0] + queue[1] + tokens[0] + tokens[1] == 0);
    assert(needing[0] + needing[1] + readers + writers == 0)
}
