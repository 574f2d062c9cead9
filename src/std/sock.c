/* SPDX-License-Identifier: BSD-3-Clause */
#include "std/sock.h"
#include "os/linux/clock.h"
#include "os/linux/sys.h"
#include "sched/entry.h"
#include "sched/pollwait.h"
#include "std/addr.h"
#include "std/fd.h"
#include "std/resolve.h"
#include "std/unixpath.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

enum { ADDRS = 32, KEEPALIVE_SECONDS = 15, DIAL_TRIES = 3 };

static const int64_t dial_share_min = INT64_C(2000000000);

static int sock_set(int fd, int level, int name, int value)
{
    return (int)sys_call(SYS_setsockopt, fd, level, name, &value, sizeof value);
}

static int sock_make(int family, int type)
{
    int fd = (int)sys_call(SYS_socket, family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return fd;
    if (family != AF_UNIX && type == SOCK_STREAM) {
        sock_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        sock_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
        sock_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_SECONDS);
        sock_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_SECONDS);
    } else if (type == SOCK_DGRAM) {
        sock_set(fd, SOL_SOCKET, SO_BROADCAST, 1);
    }
    return fd;
}

static unsigned sock_traits(int family, int type)
{
    if (type != SOCK_STREAM)
        return PD_SOCKET;
    return family == AF_UNIX ? PD_SOCKET | PD_WRITE : PD_TCP;
}

/* The socket is registered, or gone. */
static int sock_open(int fd, unsigned traits)
{
    int err;

    gamp_enter();
    err = polldesc_open(fd, PD_NONBLOCK, traits, true);
    gamp_leave();
    if (err < 0) {
        sys_close(fd);
        return err;
    }
    return fd;
}

/* --- listening ------------------------------------------------------------------------------- */

/* both: an IPv6 socket serves IPv4 too. */
static int bind_one(const struct network *net, const gamp_addr *a, bool both)
{
    int family = a->addr.ss_family, err = 0;
    int fd = sock_make(family, net->type);

    if (fd < 0)
        return fd;
    if (family == AF_INET6)
        err = sock_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !both);
    if (!err && net->type == SOCK_STREAM)
        err = sock_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (!err)
        err = (int)sys_call(SYS_bind, fd, &a->addr, a->len);
    if (!err && net->type == SOCK_STREAM)
        err = (int)sys_call(SYS_listen, fd, INT_MAX);
    if (err) {
        sys_close(fd);
        return err;
    }
    return fd;
}

/* u: NULL for a name without a file. */
static int bind_path(const struct network *net, const gamp_addr *a, struct unixpath *u)
{
    int fd = sock_make(AF_UNIX, net->type), err;

    if (fd < 0)
        return fd;
    err = (int)sys_call(SYS_bind, fd, &a->addr, a->len);
    if (!err && u)
        unixpath_made(u);
    if (!err && net->type == SOCK_STREAM)
        err = (int)sys_call(SYS_listen, fd, INT_MAX);
    if (!err)
        return sock_open(fd, sock_traits(AF_UNIX, net->type));
    sys_close(fd);
    return err;
}

static int bind_unix(const struct network *net, const char *path)
{
    struct unixpath *u = NULL;
    gamp_addr a;
    int err = addr_unix(path, &a), fd;

    if (err)
        return err;
    if (*path != '@' && (u = unixpath_new(path)) == NULL)
        return -ENOMEM;
    fd = bind_path(net, &a, u);
    if (fd < 0)
        unixpath_drop(u);
    else if (u)
        unixpath_listens(u, fd);
    return fd;
}

/* Go's choice among a name's addresses. */
static const gamp_addr *favourite(const gamp_addr *a, int n)
{
    for (int i = 0; i < n; i++)
        if (a[i].addr.ss_family == AF_INET)
            return &a[i];
    return a;
}

static int bind_ip(const struct network *net, const char *address, gamp_addr *a)
{
    int n = resolve_address(address, net, true, a, ADDRS, NEVER), fd;

    if (n < 0)
        return n;
    if (!addr_is_any(&a[0]))
        return bind_one(net, favourite(a, n), false);
    fd = bind_one(net, &a[0], net->family == AF_UNSPEC);
    /* A system without IPv6, or without both on one socket. */
    if (n == 2 && fd < 0 && fd != -EADDRINUSE && fd != -EACCES && fd != -EMFILE && fd != -ENFILE)
        fd = bind_one(net, &a[1], false);
    return fd;
}

static int bind_any(const char *network, const char *address, int type)
{
    struct network net;
    gamp_addr *a;
    int fd, err = addr_network(network, &net);

    if (err || net.type != type || !address)
        return -EINVAL;
    if (net.family == AF_UNIX)
        return bind_unix(&net, address);
    a = calloc(ADDRS, sizeof *a);
    if (!a)
        return -ENOMEM;
    fd = bind_ip(&net, address, a);
    free(a);
    return fd < 0 ? fd : sock_open(fd, sock_traits(AF_INET, type));
}

int sock_listen(const char *network, const char *address)
{
    return bind_any(network, address, SOCK_STREAM);
}

int sock_listen_packet(const char *network, const char *address)
{
    return bind_any(network, address, SOCK_DGRAM);
}

int sock_accept(int lfd)
{
    const struct polldesc *pd;
    int fd = fd_accept4(lfd, NULL, NULL);

    if (fd < 0)
        return fd;
    /* What it accepts is as the listener: its traits tell TCP from all else. */
    pd = polldesc_lookup(lfd);
    return sock_open(fd, pd ? load_relaxed(&pd->traits) : PD_SOCKET);
}

/* --- dialling -------------------------------------------------------------------------------- */

static int sock_error(int fd)
{
    int value = 0;
    socklen_t len = sizeof value;
    int err = (int)sys_call(SYS_getsockopt, fd, SOL_SOCKET, SO_ERROR, &value, &len);

    return err < 0 ? err : -value;
}

/* A listener of a unix socket that has no place in its queue now: the kernel tells nobody when
 * there is one, but lets a blocking connect wait. */
struct patient {
    int fd;
    const gamp_addr *addr;
};

static long connect_blocking(void *arg)
{
    struct patient *p = arg;

    return sys_call(SYS_connect, p->fd, &p->addr->addr, p->addr->len);
}

static int connect_patient(int fd, const gamp_addr *a, int64_t until)
{
    struct patient p = {fd, a};
    const struct timeval none = {0, 0};
    long flags = sys_call(SYS_fcntl, fd, F_GETFL);
    long err;

    if (flags < 0)
        return (int)flags;
    do {
        int64_t left = until == NEVER ? 0 : until - nanotime();
        struct timeval tv = {.tv_sec = left / 1000000000, .tv_usec = left % 1000000000 / 1000 + 1};

        if (until == NEVER)
            tv = none;
        else if (left <= 0)
            return -ETIMEDOUT;
        sys_call(SYS_setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
        sys_call(SYS_fcntl, fd, F_SETFL, flags & ~O_NONBLOCK);
        err = fd_blocking(connect_blocking, &p);
    } while (err == -EAGAIN);
    sys_call(SYS_fcntl, fd, F_SETFL, flags);
    sys_call(SYS_setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
    return (int)err;
}

/* fd is registered. */
static int connect_wait(int fd, const gamp_addr *a, int64_t until)
{
    long err;

    do
        err = sys_call(SYS_connect, fd, &a->addr, a->len);
    while (err == -EINTR);
    if (err == -EISCONN)
        return 0;
    if (err == -EAGAIN && a->addr.ss_family == AF_UNIX)
        return connect_patient(fd, a, until);
    /* Begun by a call that was interrupted, it is under way. */
    if (err != -EINPROGRESS && err != -EALREADY)
        return (int)err;
    err = fd_wait(fd, POLLOUT, until);
    return err < 0 ? (int)err : sock_error(fd);
}

/* TCP may connect a socket to itself when the port is one that the system gives out. */
static bool connected_to_itself(int fd, const gamp_addr *a, const struct network *net)
{
    gamp_addr own = {.len = sizeof own.addr};

    if (net->type != SOCK_STREAM || net->family == AF_UNIX ||
        sys_call(SYS_getsockname, fd, &own.addr, &own.len) < 0 || own.len != a->len)
        return false;
    if (own.addr.ss_family == AF_INET)
        return memcmp(&own.addr, &a->addr, offsetof(struct sockaddr_in, sin_zero)) == 0;
    return ((struct sockaddr_in6 *)&own.addr)->sin6_port ==
               ((const struct sockaddr_in6 *)&a->addr)->sin6_port &&
           memcmp(&((struct sockaddr_in6 *)&own.addr)->sin6_addr,
                  &((const struct sockaddr_in6 *)&a->addr)->sin6_addr, 16) == 0;
}

static int dial_one(const struct network *net, const gamp_addr *a, int64_t until)
{
    for (int tries = 0; tries < DIAL_TRIES; tries++) {
        int family = a->addr.ss_family, err;
        int fd = sock_make(family, net->type);

        if (fd < 0)
            return fd;
        fd = sock_open(fd, sock_traits(family, net->type));
        if (fd < 0)
            return fd;
        err = connect_wait(fd, a, until);
        if (!err && !connected_to_itself(fd, a, net))
            return fd;
        fd_close(fd);
        if (err)
            return err;
    }
    return -ECONNREFUSED;
}

/* Until when the next of n addresses may try. */
static int64_t share(int64_t until, int n)
{
    int64_t now, left;

    if (until == NEVER)
        return NEVER;
    now = nanotime();
    left = until - now;
    if (left <= 0)
        return until;
    return time_add(now, MIN(left, MAX(left / n, dial_share_min)));
}

static int dial_all(const struct network *net, const gamp_addr *a, int n, int64_t until)
{
    int first = 0;

    for (int i = 0; i < n; i++) {
        int fd = dial_one(net, &a[i], share(until, n - i));

        if (fd >= 0)
            return fd;
        if (!first)
            first = fd;
        /* Nothing that another address would change. */
        if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM || until <= nanotime())
            break;
    }
    return first;
}

int sock_dial(const char *network, const char *address, int64_t until)
{
    struct network net;
    gamp_addr *a;
    int n, err = addr_network(network, &net);

    if (err || !address)
        return -EINVAL;
    a = calloc(ADDRS, sizeof *a);
    if (!a)
        return -ENOMEM;
    if (net.family == AF_UNIX) {
        n = addr_unix(address, a);
        n = n < 0 ? n : 1;
    } else {
        n = resolve_address(address, &net, false, a, ADDRS, until);
    }
    if (n > 0)
        n = dial_all(&net, a, n, until);
    free(a);
    return n;
}

/* --- addresses ------------------------------------------------------------------------------- */

static int name_of(long call, int fd, char *buf, size_t n)
{
    gamp_addr a = {.len = sizeof a.addr};
    long err = sys_call(call, fd, &a.addr, &a.len);

    return err < 0 ? (int)err : addr_format(&a, buf, n);
}

int sock_local_addr(int fd, char *buf, size_t n)
{
    return name_of(SYS_getsockname, fd, buf, n);
}

int sock_peer_addr(int fd, char *buf, size_t n)
{
    return name_of(SYS_getpeername, fd, buf, n);
}
