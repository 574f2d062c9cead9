/* SPDX-License-Identifier: BSD-3-Clause */
/* netbreak: breaks of the poller while sysmon sleeps there beside whoever blocks: netpollbreak and
 * break_beside of src/sched/netpoll.c, sysmon_rouse of sysmon.c, and what netpoll_block of proc.c
 * does around its sleep.
 *
 * One blocks in the poller, ROUNDS times: says so (lastpoll 0), looks for news once more, sleeps.
 * A maker has news as often, and breaks the one who blocks. Somebody breaks sysmon, which may
 * find that break, or the other's, at any time.
 * Proved: nobody who has news to look at sleeps for ever, whoever drains what; and a break that
 * nobody waits for does not stay (sysmon would turn without rest).
 * Both drain, then clear breaking; the eventfd is written after breaking was set.
 * -DPLANT: sysmon does not look again after it drained. */
/* cc: -DSAFETY */
#define ROUNDS 2
#define ROUSES 2

bool blocks;   /* lastpoll is 0 */
bool breaking, readable;
byte news, seen;
byte roused;

inline netpollbreak()
{
    d_step { won = !breaking; breaking = true };
    if :: won -> d_step { readable = true; won = false } :: else fi
}

active proctype Blocker()
{
    do
    :: seen < ROUNDS ->
        blocks = true;
        if
        :: news > seen
        :: else ->
            readable;         /* epoll_wait */
            readable = false; /* break_drain */
            breaking = false
        fi;
        blocks = false;
        d_step { if :: news > seen -> seen = news :: else fi }
    :: else -> break
    od
}

active proctype Maker()
{
    bool won;

    do
    :: news < ROUNDS ->
        news++;
        if :: blocks -> netpollbreak() :: else fi
    :: else -> break
    od
}

active proctype Rouser()
{
    bool won;

    do
    :: roused < ROUSES -> roused++; netpollbreak()
    :: else -> break
    od
}

active proctype Sysmon()
{
    bool won;

end:
    do
    :: readable ->
        if
        :: blocks /* leaves it */
        :: else ->
            readable = false;
            breaking = false;
#ifndef PLANT
            if :: blocks -> netpollbreak() :: else fi
#endif
        fi
    od
}
