/* SPDX-License-Identifier: BSD-3-Clause */
/* sock: making sockets: listening, accepting, dialling; and their addresses. Called outside the
 * runtime; results as of the public functions. All sockets are non-blocking, close-on-exec and
 * registered.
 *
 * As Go does: TCP_NODELAY, keep-alive every 15 s (a listener's are inherited by what it accepts),
 * SO_BROADCAST
 * for datagrams. Names: a listener takes the first address, IPv4 before IPv6; dialling tries each
 * in turn, with an even share of what time is left, but at least two seconds, as long as there is
 * time.
 *
 * The file of a unix listener goes when gamp_close closes it, as in Go, if it is still the
 * same file (device and inode). */
#ifndef GAMP_STD_SOCK_H
#define GAMP_STD_SOCK_H

#include "base/compiler.h"
#include <stdint.h>

int sock_listen(const char *network, const char *address);
int sock_listen_packet(const char *network, const char *address);
int sock_dial(const char *network, const char *address, int64_t until);
int sock_accept(int fd);
int sock_local_addr(int fd, char *buf, size_t n);
int sock_peer_addr(int fd, char *buf, size_t n);

#endif
