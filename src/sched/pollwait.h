/* SPDX-License-Identifier: BSD-3-Clause */
/* pollwait: waiting for descriptors: the operation that holds the descriptor's lock, and waiters
 * among others (select, gamp_fd_wait).
 *
 * An operation:
 *     fdlock_begin
 *     pollwait_prepare      deadline; or waits first, when the last try left nothing to get
 *     the system call       outside the runtime
 *     -EAGAIN: pollwait_wait, then the call again
 *     pollwait_short        when it got less than it wanted
 *     fdlock_end
 *
 * The short cut: on a stream socket a short count means that it is drained (or full), so the next
 * operation parks without asking for its -EAGAIN. It is safe since
 *   - rg is set to NIL before the call, never after: an edge of data that came after what the call
 *     took is in rg by then, or on its way;
 *   - once HUP, RDHUP, ERR or PRI was seen a short count is no proof: the end of the stream can
 *     come in one edge with the data before it, and reads stop short at urgent data.
 * It is left out where short counts have other reasons (AF_UNIX: a message with descriptors).
 *
 * Foreign threads wait in poll(2), each on its own: that needs no running scheduler. An eventfd
 * beside the descriptor wakes them for closes and moved deadlines.
 *
 * Waiters among others: any number a descriptor, in pd->waits. Several may claim such a wait (other
 * descriptors, channels, the clock), each by the ticket; and descriptors are armed before the
 * wait's own goroutine has parked. So a gate stands between claiming and readying:
 *
 *     ticket = wait_begin(gp); pollgate_init(&gate);
 *     polldesc_select_arm(...) for each descriptor, with g, ticket, gate and param
 *     polldesc_ready(...) for each: is one ready? If not:
 *     if (pollgate_close(&gate))           false: one was claimed already; there is no wake-up
 *         gopark(f, ...)                    f calls pollgate_parked(&gate)
 *     polldesc_select_disarm(...) for each; pollgate_leave(&gate);
 *
 * Who waits on channels too locks those before pollgate_close, and f unlocks them before or after
 * pollgate_parked. The gate's lock is the innermost. */
#ifndef GAMP_SCHED_POLLWAIT_H
#define GAMP_SCHED_POLLWAIT_H

#include "sched/polldesc.h"

/* Whether an operation of the mode may go on: 0; -ETIMEDOUT; -EBADF. */
int pollwait_check(struct polldesc *pd, unsigned mode, uint32_t seq);
/* The same, parking when the last try left nothing to get. mode: PD_READ or PD_WRITE. */
int pollwait_prepare(struct polldesc *pd, unsigned mode, uint32_t seq);
/* 0: try again. */
int pollwait_wait(struct polldesc *pd, unsigned mode, uint32_t seq);
/* For PD_SOFT: whether the mode's deadline has passed. 0, -ETIMEDOUT; -ESTALE as below, for then it
 * was another's. */
int pollwait_soft_check(struct polldesc *pd, unsigned mode, uint32_t seq);
/* For PD_SOFT, before each call: that, and waits until poll(2) says that it will not block.
 * -ESTALE: the number came again as another descriptor before the operation began; begin again. */
int pollwait_soft(struct polldesc *pd, unsigned mode, uint32_t seq);
void pollwait_short(struct polldesc *pd, unsigned mode, uint32_t seq);

/* Waits for poll(2)'s events until the point: what poll(2) gave, > 0; -ETIMEDOUT; -EBADF. */
int pollwait_events(int fd, int events, int64_t until);

struct pollgate {
    struct mutex lock;
    bool parked;  /* lock: the goroutine can be readied */
    bool claimed; /* lock: before it parked */
};

struct pollwait {
    struct g *g;
    void *param;
    struct pollgate *gate;
    uint32_t ticket;
    bool deadlines; /* a passed deadline ends it too; polldesc_select_arm sets it */

    bool thread; /* waits in poll(2) and is woken by wakefd; the rest is not used then */
    uint8_t modes;
    int wakefd;
    uint32_t seq;        /* the registration on which it was armed */
    struct list link;    /* in pd->waits; pd's lock */
    struct polldesc *pd; /* NULL: not armed */
};

/* The caller has filled in g, ticket, gate and param, the last for g->run.param. mode: PD_READ
 * (readable), PD_WRITE.
 * 0: armed; whether it is ready already must be asked now. Otherwise not armed, and ready: 1: what
 * cannot be polled never parks; -errno: an operation would fail with that. */
int polldesc_select_arm(int fd, unsigned mode, struct pollwait *w);
void polldesc_select_disarm(struct pollwait *w); /* harmless when it is not armed */
/* An operation of the mode would not park now: data, end, error, deadline passed, closed. Asks the
 * kernel. */
bool polldesc_ready(int fd, unsigned mode);

void pollgate_init(struct pollgate *gate);
/* true: the caller now holds the gate and must park; false: somebody claimed the wait. */
bool pollgate_close(struct pollgate *gate);
/* The caller is parked; for the park's unlockf. */
void pollgate_parked(struct pollgate *gate);
/* Before the gate's memory goes. */
void pollgate_leave(struct pollgate *gate);

/* For pollthread. The part of arming and disarming that concerns the record's list alone. */
int pollwait_arm(int fd, struct pollwait *w);
void pollwait_disarm(struct pollwait *w);

/* Claims and readies those that wait for any of the modes; deadline: by one that has passed.
 * pd->lock held. */
void pollwait_wake(struct polldesc *pd, unsigned modes, bool deadline, struct gqueue *woken);

/* For polldesc. An edge for the modes; and: the record closes or changes owner (pd->lock held). */
void pollwait_event(struct polldesc *pd, uint32_t seq, unsigned modes, struct gqueue *ready);
void pollwait_evict(struct polldesc *pd, struct gqueue *woken);

#endif
