/* SPDX-License-Identifier: BSD-3-Clause */
/* gamp/net.h: descriptors and the network.
 *
 * Descriptors are plain ints, non-blocking and close-on-exec. A call that would have to wait
 * parks its goroutine until the poller says that it may go on; on a foreign thread it blocks that
 * thread. All may be called from any thread or goroutine. Failures are negative errno values.
 * Many may use one descriptor: one reader and one writer proceed together, others of a kind
 * queue.
 *
 * Any wait here ends with -ETIMEDOUT at the descriptor's deadline, if it has one, and with -EBADF
 * when gamp_close closes it meanwhile. An operation begun after its deadline fails at once with
 * -ETIMEDOUT.
 *
 * network is "tcp", "tcp4", "tcp6" or "unix", for packets "udp", "udp4", "udp6" or "unixgram". An
 * address is HOST:PORT ("127.0.0.1:80", "[::1]:0", "localhost:http", ":8080": every local
 * address, or this host for dial), for unix networks a path ("@name": an abstract one). A
 * malformed address or an unknown network gives -EINVAL.
 *
 * SIGPIPE is as in Go: writing to a broken descriptor 1 or 2 ends the program by it, any other
 * gives -EPIPE and no signal, with plain write(2) as well (a program that sets SIGPIPE itself has
 * its own writes, and gamp_sendfile to sockets, do as it says). Under gamp_start no gamp call
 * raises it and the host's own writes do as the host has set. */
#ifndef GAMP_NET_H
#define GAMP_NET_H

#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <gamp/base.h>
#include <gamp/errno.h>
#include <gamp/time.h>

GAMP_BEGIN_DECLS

/* A socket that listens at the address; SO_REUSEADDR is set; "tcp" without a host serves both
 * families. Its descriptor, or an error as of socket, bind, listen, or of gamp_resolve for a
 * name. Port 0 takes a free one, see gamp_local_addr. The caller closes it. Blocks only for a
 * name. Go: net.Listen. */
GAMP_API int gamp_listen(const char *network, const char *address);

/* The next connection to lfd, its descriptor. Waits for one; obeys the read deadline. -EMFILE and
 * -ENFILE at once when no descriptor is to be had. The caller closes it. Go: Listener.Accept. */
GAMP_API int gamp_accept(int lfd);

/* A connection to the address; its descriptor. Each address of a name is tried in turn, until the
 * point; the error is the first one's. -ETIMEDOUT. The caller closes it. Go: net.Dialer.Dial. */
GAMP_API int gamp_dial(const char *network, const char *address, gamp_time until);

/* A datagram socket bound to the address; its descriptor. The caller closes it. Go:
 * net.ListenPacket. */
GAMP_API int gamp_listen_packet(const char *network, const char *address);

/* As the system calls of these names, but they wait where those give EAGAIN, and give -errno:
 * reads return 0 at the end of a stream, writes may write a part. Reads obey the read deadline,
 * writes the write deadline. A descriptor that gamp did not make must be registered first
 * (gamp_fd_register); others that cannot be polled (files) block as they do. Go: the methods of
 * net.Conn and os.File. */
GAMP_API ssize_t gamp_read(int fd, void *p, size_t n);
GAMP_API ssize_t gamp_write(int fd, const void *p, size_t n);
GAMP_API ssize_t gamp_readv(int fd, const struct iovec *iov, int iovcnt);
GAMP_API ssize_t gamp_writev(int fd, const struct iovec *iov, int iovcnt);
GAMP_API ssize_t gamp_recvfrom(int fd, void *p, size_t n, int flags, struct sockaddr *addr,
                               socklen_t *addrlen);
GAMP_API ssize_t gamp_sendto(int fd, const void *p, size_t n, int flags,
                             const struct sockaddr *addr, socklen_t addrlen);
GAMP_API ssize_t gamp_recvmsg(int fd, struct msghdr *msg, int flags);
GAMP_API ssize_t gamp_sendmsg(int fd, const struct msghdr *msg, int flags);
GAMP_API ssize_t gamp_sendfile(int out_fd, int in_fd, off_t *offset, size_t n);

/* Reads exactly n bytes: 0; -EPIPE when the stream ends before; or an error, a part of it then
 * read. Go: io.ReadFull. */
GAMP_API int gamp_read_full(int fd, void *p, size_t n);
/* Writes all n bytes: 0; after an error part of it may have gone out. Two on one descriptor never
 * mix. */
GAMP_API int gamp_write_full(int fd, const void *p, size_t n);

/* Sets the point at which reads, writes, or both, of fd fail with -ETIMEDOUT, those that wait now
 * included; GAMP_NEVER: none. 0; -EBADF; -EPERM if it cannot be polled. Does not block.
 * Go: Conn.SetDeadline. */
GAMP_API int gamp_set_deadline(int fd, gamp_time t);
GAMP_API int gamp_set_read_deadline(int fd, gamp_time t);
GAMP_API int gamp_set_write_deadline(int fd, gamp_time t);

/* Makes a descriptor that the caller got elsewhere fit for these functions: sets it non-blocking
 * and registers it with the poller. 0, again 0; -EBADF; -EPERM if it cannot be polled (regular
 * files). It is then to be closed with gamp_close. Does not block. */
GAMP_API int gamp_fd_register(int fd);

/* Waits until any of the events (POLLIN, POLLOUT) has come: the ready ones as poll(2) gives them,
 * POLLERR and POLLHUP among them; -ETIMEDOUT at the point. The descriptor's own deadlines do not
 * count. */
GAMP_API int gamp_fd_wait(int fd, int events, gamp_time until);

/* Closes any descriptor, and wakes everyone who waits on it here with -EBADF. 0 or -errno. Calls
 * that are under way on a registered one have left it before its number is free; a call that
 * blocks in the kernel, on one that is not registered, closes it at its end. The file of a unix
 * listener that gamp_listen made is removed, as Go does. */
GAMP_API int gamp_close(int fd);
/* As shutdown(2): how is SHUT_RD, SHUT_WR, SHUT_RDWR. 0 or -errno. Does not block. Go:
 * TCPConn.CloseWrite. */
GAMP_API int gamp_shutdown(int fd, int how);

/* Writes the address of this end, of the other end, as "127.0.0.1:80", "[::1]:80" or a path, with
 * a NUL, into buf of n bytes. The length without the NUL; -ENOSPC when n <= length; -errno. Does
 * not block. Go: Conn.LocalAddr, RemoteAddr. */
GAMP_API int gamp_local_addr(int fd, char *buf, size_t n);
GAMP_API int gamp_peer_addr(int fd, char *buf, size_t n);

/* An address as the system has it. */
typedef struct gamp_addr {
    struct sockaddr_storage addr;
    socklen_t len;
} gamp_addr;

/* The addresses of a host's name by the system's resolver, at most n, without ports: how many
 * were written to out.
 * -ENOENT no such host, -EAGAIN try again, -EIO the resolver failed, -ETIMEDOUT at the point. Go:
 * Resolver.LookupIPAddr. */
GAMP_API int gamp_resolve(const char *host, gamp_addr *out, size_t n, gamp_time until);

GAMP_END_DECLS

#endif
