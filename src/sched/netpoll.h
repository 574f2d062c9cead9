/* SPDX-License-Identifier: BSD-3-Clause */
/* netpoll: readiness of descriptors, by epoll, edge-triggered.
 *
 * The scheduler calls netpoll; sched/pollwait.h is how descriptors are parked on. */
#ifndef GAMP_SCHED_NETPOLL_H
#define GAMP_SCHED_NETPOLL_H

#include "sched/g.h"

/* Made at the first registration or at schedinit, whichever is first. 0 or -errno; without an epoll
 * instance netpoll sleeps and breaks all the same, and the next registration tries again. */
int netpollinit(void);
/* The numbers that sysmon, with its own table of descriptors, must have there too. They change with
 * the result; 0: there are none. */
uint32_t netpoll_descriptors(int fds[2]);
bool netpollinited(void);
/* Ready goroutines (still Gwaiting: the caller readies them, see injectglist).
 * delay < 0 blocks until something is ready or netpollbreak, 0 does not block, > 0 blocks for at
 * most that many ns. At most 128 events a call. Foreign threads that became ready are woken
 * inside. It may come back early and empty. */
struct gqueue netpoll(int64_t delay);
/* The same, for somebody who sleeps in it for his own ends beside the one whom breaks are for. A
 * break ends it too. */
struct gqueue netpoll_beside(int64_t delay);
/* Makes a blocked netpoll return; many calls before it does cost one write. */
void netpollbreak(void);
/* How many wait for the poller now; netpoll need not be asked while it is 0. */
int32_t netpollwaiters(void);
void netpollwaiters_add(int32_t n);
/* Somebody who is no goroutine waits for the poller: an M must come to it. */
void netpoll_wanted(void);
/* In a fork's child: the instance is the parent's. */
void netpoll_after_fork(void);
/* seq comes back with each event: those of an earlier registration of the number are told by it.
 * 0 or -errno: -EPERM cannot be polled; -EEXIST the very same open file has it under this
 * number. */
int netpollopen(int fd, uint32_t seq);
int netpollopen_in(int epfd, int fd, uint32_t seq); /* in the instance of that descriptor */
int netpollreopen(int fd, uint32_t seq);            /* gives one that is registered another seq */
int netpollclose(int fd);

#endif
