/* SPDX-License-Identifier: BSD-3-Clause */
#include "std/unixgram.h"
#include "os/linux/sys.h"
#include "sched/park.h"

static const int64_t blind_look = 1000 * 1000;

static bool commit(struct g *gp, void *gate)
{
    (void)gp;
    pollgate_parked(gate);
    return true;
}

/* Parks until helper is writable, or something happens to io's own descriptor. */
static void park_on_both(const struct fdio *io, int helper)
{
    struct g *gp = getg();
    struct pollgate gate;
    struct pollwait w[2] = {{.g = gp, .gate = &gate}, {.g = gp, .gate = &gate}};

    pollgate_init(&gate);
    w[0].ticket = w[1].ticket = wait_begin(gp);
    if (polldesc_select_arm(helper, PD_WRITE, &w[0]) == 0 &&
        polldesc_select_arm(io->fd, PD_WRITE, &w[1]) == 0 && !polldesc_ready(helper, PD_WRITE) &&
        pollwait_check(io->pd, io->mode, io->seq) == 0 && pollgate_close(&gate))
        gopark(commit, &gate, WAIT_IO);
    polldesc_select_disarm(&w[0]);
    polldesc_select_disarm(&w[1]);
    pollgate_leave(&gate);
}

static void look_later(void)
{
    struct g *gp = getg();
    int64_t until = time_add(nanotime(), blind_look);

    if (is_parkable(gp))
        sleep_until(until);
    else
        clock_sleep(blind_look);
}

/* Until the receiver may have room. 0, or -ETIMEDOUT, -EBADF. */
static int wait_receiver(const struct fdio *io, const struct sockaddr *addr, socklen_t len)
{
    int err, fd = -1;

    /* A thread, and who has no descriptor left for a helper, looks now and then. */
    if (is_parkable(getg()))
        fd = (int)sys_call(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        look_later();
        return pollwait_check(io->pd, io->mode, io->seq);
    }
    /* What fails here fails when sending too, which says it to the caller. */
    err = (int)sys_call(SYS_connect, fd, addr, len);
    if (err >= 0 && polldesc_open(fd, PD_NONBLOCK, PD_SOCKET, true) == 0)
        park_on_both(io, fd);
    polldesc_close(fd);
    return pollwait_check(io->pd, io->mode, io->seq);
}

static ssize_t send_nonblock(struct fdio *io, fdcall *call, const struct fdargs *a,
                             const struct sockaddr *addr, socklen_t len)
{
    io->nowait = true;
    for (;;) {
        ssize_t r = fdio_call(io, call, a, 0);
        int err;

        if (r != -EAGAIN)
            return r;
        if (poll_now(io->fd, POLLOUT) == 0)
            err = pollwait_wait(io->pd, io->mode, io->seq);
        else
            err = wait_receiver(io, addr, len);
        if (err)
            return err;
    }
}

ssize_t unixgram_send(struct fdio *io, fdcall *call, const struct fdargs *a,
                      const struct sockaddr *addr, socklen_t len)
{
    ssize_t r;

    fdio_race_before(io);
    gamp_enter();
    do {
        r = fdio_begin(io);
        if (r < 0)
            break;
        /* The kernel itself waits for the receiver on behalf of a blocking socket. */
        if (io->kind == PD_NONBLOCK)
            r = send_nonblock(io, call, a, addr, len);
        else
            r = fdio_call(io, call, a, 0);
        fdio_end(io);
    } while (r == -ESTALE);
    gamp_leave();
    return r;
}
