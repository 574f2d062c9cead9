/* SPDX-License-Identifier: BSD-3-Clause */
/* netpoll: readiness of descriptors, by epoll, edge-triggered.
 *
 * The scheduler calls netpoll; sched/polldesc.h is what descriptors park on. */
#ifndef GAMP_SCHED_NETPOLL_H
#define GAMP_SCHED_NETPOLL_H

#include "sched/g.h"

/* Made at the first registration or at schedinit, whichever is first. 0 or -errno; a failure is tried again. */
int netpollinit(void);
bool netpollinited(void);
/* Ready goroutines (Grunnable not yet set: the caller readies them, see injectglist).
 * delay < 0 blocks until something is ready or netpollbreak, 0 does not block, > 0 blocks for at most that many ns.
 * At most 128 events a call. Foreign threads that became ready are woken inside. It may come back early and empty. */
struct gqueue netpoll(int64_t delay);
/* Makes a blocked netpoll return; many calls before it does cost one write. */
void netpollbreak(void);
/* Goroutines and threads parked on descriptors now; netpoll need not be asked while it is 0. */
int32_t netpollwaiters(void);
/* A waiter more (or fewer) on descriptors. */
void netpollwaiters_add(int32_t n);
/* seq comes back with each event: events of an earlier registration of the same number are told by it.
 * 0 or -errno: -EPERM cannot be polled, -EEXIST the very same open file is registered under this number. */
int netpollopen(int fd, uint32_t seq);
int netpollclose(int fd);

#endif
