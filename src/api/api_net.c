/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a function below calls libc's resolver, malloc or the like, errno is put back as it was:
 * gamp/errno.h's errno, which asks for its place anew after a park. */
#include "api/api_net.h"
#include "sched/polldesc.h"
#include "std/fd.h"
#include "std/resolve.h"
#include "std/sock.h"
#include <gamp/net.h>
#include <string.h>

int gamp_listen(const char *network, const char *address)
{
    int saved = errno, r = sock_listen(network, address);

    errno = saved;
    return r;
}

int gamp_listen_packet(const char *network, const char *address)
{
    int saved = errno, r = sock_listen_packet(network, address);

    errno = saved;
    return r;
}

int gamp_dial(const char *network, const char *address, gamp_time until)
{
    int saved = errno, r = sock_dial(network, address, until);

    errno = saved;
    return r;
}

int gamp_accept(int lfd)
{
    return sock_accept(lfd);
}

ssize_t gamp_read(int fd, void *p, size_t n)
{
    return fd_read(fd, p, n);
}

ssize_t gamp_write(int fd, const void *p, size_t n)
{
    return fd_write(fd, p, n);
}

ssize_t gamp_readv(int fd, const struct iovec *iov, int iovcnt)
{
    return fd_readv(fd, iov, iovcnt);
}

ssize_t gamp_writev(int fd, const struct iovec *iov, int iovcnt)
{
    return fd_writev(fd, iov, iovcnt);
}

ssize_t gamp_recvfrom(int fd, void *p, size_t n, int flags, struct sockaddr *addr,
                      socklen_t *addrlen)
{
    return fd_recvfrom(fd, p, n, flags, addr, addrlen);
}

ssize_t gamp_sendto(int fd, const void *p, size_t n, int flags, const struct sockaddr *addr,
                    socklen_t addrlen)
{
    return fd_sendto(fd, p, n, flags, addr, addrlen);
}

ssize_t gamp_recvmsg(int fd, struct msghdr *msg, int flags)
{
    return fd_recvmsg(fd, msg, flags);
}

ssize_t gamp_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    return fd_sendmsg(fd, msg, flags);
}

ssize_t gamp_sendfile(int out_fd, int in_fd, off_t *offset, size_t n)
{
    return fd_sendfile(out_fd, in_fd, offset, n);
}

int gamp_read_full(int fd, void *p, size_t n)
{
    return fd_read_full(fd, p, n);
}

int gamp_write_full(int fd, const void *p, size_t n)
{
    return fd_write_full(fd, p, n);
}

int gamp_set_deadline(int fd, gamp_time t)
{
    return fd_set_deadline(fd, PD_READ | PD_WRITE, t);
}

int gamp_set_read_deadline(int fd, gamp_time t)
{
    return fd_set_deadline(fd, PD_READ, t);
}

int gamp_set_write_deadline(int fd, gamp_time t)
{
    return fd_set_deadline(fd, PD_WRITE, t);
}

int gamp_fd_register(int fd)
{
    return fd_register(fd);
}

int gamp_fd_wait(int fd, int events, gamp_time until)
{
    return fd_wait(fd, events, until);
}

int gamp_close(int fd)
{
    int saved = errno, r = fd_close(fd);

    errno = saved;
    return r;
}

int gamp_shutdown(int fd, int how)
{
    return fd_shutdown(fd, how);
}

int gamp_local_addr(int fd, char *buf, size_t n)
{
    int saved = errno, r = sock_local_addr(fd, buf, n);

    errno = saved;
    return r;
}

int gamp_peer_addr(int fd, char *buf, size_t n)
{
    int saved = errno, r = sock_peer_addr(fd, buf, n);

    errno = saved;
    return r;
}

int gamp_resolve(const char *host, gamp_addr *out, size_t n, gamp_time until)
{
    int saved = errno, r = resolve_host(host, out, n, until);

    errno = saved;
    return r;
}
