/* SPDX-License-Identifier: BSD-3-Clause */
/* unixgram: waiting for room at the other end of a unix datagram socket.
 *
 * A sendto to an address whose receiver's queue is full (it holds ten by default) fails with
 * -EAGAIN, while the sender's own socket is, and stays, writable: the kernel tells it nothing when
 * the receiver reads. It does tell a socket that is connected to that receiver. So one is made for
 * the time of the wait. */
#ifndef GAMP_STD_UNIXGRAM_H
#define GAMP_STD_UNIXGRAM_H

#include "std/fdio.h"

/* A whole operation, from outside the runtime: call, which sends to addr, once there is room. */
ssize_t unixgram_send(struct fdio *io, fdcall *call, const struct fdargs *a,
                      const struct sockaddr *addr, socklen_t len);

#endif
