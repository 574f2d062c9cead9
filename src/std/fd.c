/* SPDX-License-Identifier: BSD-3-Clause */
#include "std/fd.h"
#include "os/linux/sys.h"
#include "sched/deadline.h"
#include "std/fdio.h"
#include "std/sigpipe.h"
#include "std/unixgram.h"
#include "std/unixpath.h"
#include <fcntl.h>

/* The kernel's UIO_MAXIOV; sendmsg would call more of them -EMSGSIZE. */
enum { IOVS_MOST = 1024 };

char fdio_race;

/* --- the calls ------------------------------------------------------------------------------- */

static ssize_t call_read(const struct fdio *io, const struct fdargs *a)
{
    return sys_read(io->fd, a->p, a->n);
}

static ssize_t call_readv(const struct fdio *io, const struct fdargs *a)
{
    return sys_call(SYS_readv, io->fd, a->p, a->n);
}

static ssize_t call_recvfrom(const struct fdio *io, const struct fdargs *a)
{
    return sys_call(SYS_recvfrom, io->fd, a->p, a->n, a->flags, a->addr, a->addrlen);
}

static ssize_t call_recvmsg(const struct fdio *io, const struct fdargs *a)
{
    return sys_call(SYS_recvmsg, io->fd, a->p, a->flags);
}

static ssize_t call_accept(const struct fdio *io, const struct fdargs *a)
{
    return sys_call(SYS_accept4, io->fd, a->addr, a->addrlen, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static ssize_t guarded(long number, const struct fdio *io, const void *p, size_t n, size_t whole)
{
    struct sigpipe_guard g;
    ssize_t r;

    sigpipe_enter(&g, io->kind != PD_FILE);
    r = sys_call(number, io->fd, p, n);
    sigpipe_leave(&g, r < 0 || (size_t)r < whole);
    return r;
}

static ssize_t call_write(const struct fdio *io, const struct fdargs *a)
{
    if (likely(io->traits & PD_SOCKET))
        return sys_call(SYS_sendto, io->fd, a->p, a->n, MSG_NOSIGNAL, NULL, 0);
    return guarded(SYS_write, io, a->p, a->n, a->n);
}

static size_t iov_bytes(const struct iovec *iov, size_t n)
{
    size_t sum = 0;

    /* The call itself says what is wrong with it. */
    for (size_t i = 0; iov && i < n && i < IOVS_MOST; i++)
        if (__builtin_add_overflow(sum, iov[i].iov_len, &sum))
            return SIZE_MAX;
    return sum;
}

static ssize_t call_writev(const struct fdio *io, const struct fdargs *a)
{
    if (io->traits & PD_SOCKET) {
        struct msghdr m = {.msg_iov = a->p, .msg_iovlen = a->n};

        return sys_call(SYS_sendmsg, io->fd, &m, MSG_NOSIGNAL);
    }
    return guarded(SYS_writev, io, a->p, a->n, iov_bytes(a->p, a->n));
}

static ssize_t call_sendto(const struct fdio *io, const struct fdargs *a)
{
    return sys_call(SYS_sendto, io->fd, a->p, a->n, a->flags, a->addr, a->other);
}

static ssize_t call_sendmsg(const struct fdio *io, const struct fdargs *a)
{
    return sys_call(SYS_sendmsg, io->fd, a->p, a->flags);
}

static ssize_t call_sendfile(const struct fdio *io, const struct fdargs *a)
{
    struct sigpipe_guard g;
    ssize_t r;

    /* Not on sockets, for what it costs there. */
    sigpipe_enter(&g, !(io->traits & PD_SOCKET));
    r = sys_call(SYS_sendfile, io->fd, a->other, a->offset, a->n);
    sigpipe_leave(&g, r < 0 || (size_t)r < a->n);
    return r;
}

/* --- one at a time --------------------------------------------------------------------------- */

ssize_t fd_read(int fd, void *p, size_t n)
{
    struct fdio io = {.fd = fd, .mode = PD_READ};
    struct fdargs a = {.p = p, .n = n};

    return fdio_once(&io, call_read, &a, n);
}

ssize_t fd_write(int fd, const void *p, size_t n)
{
    struct fdio io = {.fd = fd, .mode = PD_WRITE};
    struct fdargs a = {.p = (void *)(uintptr_t)p, .n = n};

    return sigpipe_result(fd, fdio_once(&io, call_write, &a, n));
}

ssize_t fd_readv(int fd, const struct iovec *iov, int n)
{
    struct fdio io = {.fd = fd, .mode = PD_READ};
    struct fdargs a = {.p = (void *)(uintptr_t)iov, .n = (size_t)n};

    /* Not after a wait for something to read. */
    if (n < 0 || n > IOVS_MOST)
        return -EINVAL;
    return fdio_once(&io, call_readv, &a, iov_bytes(iov, (size_t)n));
}

ssize_t fd_writev(int fd, const struct iovec *iov, int n)
{
    struct fdio io = {.fd = fd, .mode = PD_WRITE};
    struct fdargs a = {.p = (void *)(uintptr_t)iov, .n = (size_t)n};

    if (n < 0 || n > IOVS_MOST)
        return -EINVAL;
    return sigpipe_result(fd, fdio_once(&io, call_writev, &a, iov_bytes(iov, (size_t)n)));
}

/* MSG_WAITALL: the kernel does not wait for a non-blocking socket, so it is done here. */
static ssize_t recv_all(struct fdio *io, struct fdargs *a)
{
    size_t got = 0, n = a->n;
    char *p = a->p;
    ssize_t r;

    gamp_enter();
again:
    r = fdio_begin(io);
    if (r == 0) {
        do {
            a->p = p + got;
            a->n = n - got;
            r = fdio_call(io, call_recvfrom, a, 0);
            if (r > 0)
                got += (size_t)r;
        } while (r > 0 && got < n);
        fdio_end(io);
    }
    if (r == -ESTALE && got == 0)
        goto again;
    gamp_leave();
    fdio_race_after(io, r);
    return got > 0 ? (ssize_t)got : r;
}

ssize_t fd_recvfrom(int fd, void *p, size_t n, int flags, struct sockaddr *addr, socklen_t *len)
{
    struct fdio io = {.fd = fd, .mode = PD_READ, .nowait = flags & MSG_DONTWAIT};
    struct fdargs a = {.p = p, .n = n, .flags = flags, .addr = addr, .addrlen = len};

    if ((flags & MSG_WAITALL) && !(flags & (MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC | MSG_ERRQUEUE)) &&
        !addr && n > 0)
        return recv_all(&io, &a);
    return fdio_once(&io, call_recvfrom, &a, flags ? 0 : n);
}

ssize_t fd_recvmsg(int fd, struct msghdr *msg, int flags)
{
    struct fdio io = {.fd = fd, .mode = PD_READ, .nowait = flags & MSG_DONTWAIT};
    struct fdargs a = {.p = msg, .flags = flags | MSG_CMSG_CLOEXEC};

    return fdio_once(&io, call_recvmsg, &a, 0);
}

ssize_t fd_sendto(int fd, const void *p, size_t n, int flags, const struct sockaddr *addr,
                  socklen_t len)
{
    struct fdio io = {.fd = fd, .mode = PD_WRITE, .nowait = flags & MSG_DONTWAIT};
    struct fdargs a = {
        .p = (void *)(uintptr_t)p,
        .n = n,
        .flags = flags | MSG_NOSIGNAL,
        .addr = (void *)(uintptr_t)addr,
        .other = (int)len,
    };
    ssize_t r;

    if (unlikely(addr && len >= sizeof(sa_family_t) && addr->sa_family == AF_UNIX && !io.nowait))
        r = unixgram_send(&io, call_sendto, &a, addr, len);
    else
        r = fdio_once(&io, call_sendto, &a, flags ? 0 : n);
    return sigpipe_result(fd, r);
}

ssize_t fd_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    struct fdio io = {.fd = fd, .mode = PD_WRITE, .nowait = flags & MSG_DONTWAIT};
    struct fdargs a = {.p = (void *)(uintptr_t)msg, .flags = flags | MSG_NOSIGNAL};
    const struct sockaddr *addr = msg ? msg->msg_name : NULL;
    ssize_t r;

    if (unlikely(addr && msg->msg_namelen >= sizeof(sa_family_t) && addr->sa_family == AF_UNIX &&
                 !io.nowait))
        r = unixgram_send(&io, call_sendmsg, &a, addr, msg->msg_namelen);
    else
        r = fdio_once(&io, call_sendmsg, &a, 0);
    return sigpipe_result(fd, r);
}

ssize_t fd_sendfile(int out, int in, off_t *offset, size_t n)
{
    struct fdio io = {.fd = out, .mode = PD_WRITE};
    struct fdargs a = {.other = in, .offset = offset, .n = n};

    /* A short count may also be the end of the file. */
    return sigpipe_result(out, fdio_once(&io, call_sendfile, &a, 0));
}

int fd_accept4(int fd, struct sockaddr *addr, socklen_t *len)
{
    struct fdio io = {.fd = fd, .mode = PD_READ};
    struct fdargs a = {.addr = addr, .addrlen = len};
    socklen_t room = len ? *len : 0;
    ssize_t r;

    do {
        if (len)
            *len = room;
        r = fdio_once(&io, call_accept, &a, 0);
        /* The connection was gone before it was ours; the next one may be there. */
    } while (r == -ECONNABORTED || r == -EPROTO);
    return (int)r;
}

/* --- all of it ------------------------------------------------------------------------------- */

/* Under one lock, so that two never interleave. end: what a count of 0 means. */
static always_inline int full(struct fdio *io, fdcall *call, void *p, size_t n, int end)
{
    struct fdargs a = {.p = p, .n = n};
    ssize_t r;

    fdio_race_before(io);
    gamp_enter();
again:
    r = fdio_begin(io);
    if (likely(r == 0)) {
        while (a.n > 0) {
            r = fdio_call(io, call, &a, a.n);
            if (r <= 0)
                break;
            a.p = (char *)a.p + r;
            a.n -= (size_t)r;
        }
        fdio_end(io);
    }
    if (unlikely(r == -ESTALE)) {
        if (a.n == n)
            goto again;
        r = -EBADF;
    }
    gamp_leave();
    fdio_race_after(io, r);
    if (r < 0)
        return (int)r;
    return a.n > 0 ? end : 0;
}

int fd_read_full(int fd, void *p, size_t n)
{
    struct fdio io = {.fd = fd, .mode = PD_READ};

    return full(&io, call_read, p, n, -EPIPE);
}

int fd_write_full(int fd, const void *p, size_t n)
{
    struct fdio io = {.fd = fd, .mode = PD_WRITE};

    return (int)sigpipe_result(fd, full(&io, call_write, (void *)(uintptr_t)p, n, -EIO));
}

/* --- the descriptor itself ------------------------------------------------------------------- */

int fd_register(int fd)
{
    long flags = sys_call(SYS_fcntl, fd, F_GETFL);
    int err;

    if (flags < 0)
        return (int)flags;
    gamp_enter();
    err = polldesc_open(fd, PD_NONBLOCK, PD_TRAITS_UNKNOWN, false);
    gamp_leave();
    if (err < 0)
        return err;
    if (!(flags & O_NONBLOCK))
        err = (int)sys_call(SYS_fcntl, fd, F_SETFL, flags | O_NONBLOCK);
    return err < 0 ? err : 0;
}

int fd_wait(int fd, int events, int64_t until)
{
    int r;

    gamp_enter();
    r = pollwait_events(fd, events, until);
    gamp_leave();
    return r;
}

int fd_close(int fd)
{
    int r;

    unixpath_closing(fd);
    gamp_enter();
    r = polldesc_close(fd);
    gamp_leave();
    return r;
}

int fd_shutdown(int fd, int how)
{
    return (int)sys_call(SYS_shutdown, fd, how);
}

int fd_set_deadline(int fd, unsigned modes, int64_t t)
{
    int r;

    gamp_enter();
    r = deadline_set(fd, modes, t);
    gamp_leave();
    return r;
}

long fd_blocking(fd_blocking_fn *f, void *arg)
{
    long r;

    do {
        gamp_enter();
        entersyscall();
        r = f(arg);
        exitsyscall();
        gamp_leave();
    } while (r == -EINTR);
    return r;
}
