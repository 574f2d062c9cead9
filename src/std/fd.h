/* SPDX-License-Identifier: BSD-3-Clause */
/* fd: the operations on descriptors. Called outside the runtime; each goes in and out by itself,
 * for the system calls are made outside: one that blocks after all (a file, a descriptor that is
 * not as the table believes) then holds up its caller alone. Results as of the public functions of
 * the same names. */
#ifndef GAMP_STD_FD_H
#define GAMP_STD_FD_H

#include "base/compiler.h"
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

ssize_t fd_read(int fd, void *p, size_t n);
ssize_t fd_write(int fd, const void *p, size_t n);
ssize_t fd_readv(int fd, const struct iovec *iov, int n);
ssize_t fd_writev(int fd, const struct iovec *iov, int n);
ssize_t fd_recvfrom(int fd, void *p, size_t n, int flags, struct sockaddr *addr, socklen_t *len);
ssize_t fd_sendto(int fd, const void *p, size_t n, int flags, const struct sockaddr *addr,
                  socklen_t len);
ssize_t fd_recvmsg(int fd, struct msghdr *msg, int flags);
ssize_t fd_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t fd_sendfile(int out, int in, off_t *offset, size_t n);
int fd_read_full(int fd, void *p, size_t n);
int fd_write_full(int fd, const void *p, size_t n);

/* A connection: its descriptor, not registered yet; -errno. */
int fd_accept4(int fd, struct sockaddr *addr, socklen_t *len);

int fd_register(int fd);
int fd_wait(int fd, int events, int64_t until);
int fd_close(int fd);
int fd_shutdown(int fd, int how);
int fd_set_deadline(int fd, unsigned modes, int64_t t);

/* One call that blocks in the kernel, on behalf of files: restarted at -EINTR, its caller alone
 * held up. */
typedef long fd_blocking_fn(void *arg);
long fd_blocking(fd_blocking_fn *f, void *arg);

#endif
