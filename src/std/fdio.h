/* SPDX-License-Identifier: BSD-3-Clause */
/* fdio: one operation on a descriptor, from its lock to its result; what the functions of std/fd.h
 * share. Inlined into each with the system call known. */
#ifndef GAMP_STD_FDIO_H
#define GAMP_STD_FDIO_H

#include "base/race.h"
#include "os/linux/clock.h"
#include "sched/fdlock.h"
#include "sched/pollthread.h"
#include "sched/pollwait.h"
#include "sched/syscall.h"
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

struct fdio {
    int fd;
    unsigned mode;
    struct polldesc *pd;
    uint32_t seq;
    uint8_t kind;   /* enum pollkind */
    uint8_t traits; /* enum polltraits */
    bool locked;    /* fdlock_begin gave it */
    bool nowait;    /* -EAGAIN goes to the caller */
};

/* The arguments of any of the system calls. */
struct fdargs {
    void *p;
    size_t n;
    int flags;
    void *addr;
    socklen_t *addrlen;
    int other;
    off_t *offset;
};

/* Outside the runtime. Makes the call once: a result or -errno. */
typedef ssize_t fdcall(const struct fdio *io, const struct fdargs *a);

/* For ThreadSanitizer, as Go's race detector has it: what comes before a write comes before what
 * follows any read after it. */
extern char fdio_race;

static always_inline void fdio_race_before(const struct fdio *io)
{
    if (RACE_TSAN && io->mode == PD_WRITE)
        race_release(&fdio_race);
}

static always_inline void fdio_race_after(const struct fdio *io, ssize_t r)
{
    if (RACE_TSAN && io->mode == PD_READ && r >= 0)
        race_acquire(&fdio_race);
}

/* Inside the runtime. 0, or why not. */
static always_inline int fdio_begin(struct fdio *io)
{
    int err = fdlock_begin(io->fd, io->mode, &io->pd, &io->seq);

    if (unlikely(err < 0))
        return err;
    io->locked = err == 0;
    io->kind = load_relaxed(&io->pd->kind);
    io->traits = load_relaxed(&io->pd->traits);
    return 0;
}

static always_inline void fdio_end(struct fdio *io)
{
    if (likely(io->locked))
        fdlock_end(io->pd, io->mode);
}

/* For descriptors that may block. */
static noinline ssize_t fdio_slow(const struct fdio *io, fdcall *call, const struct fdargs *a)
{
    for (;;) {
        ssize_t r;
        int err = 0;

        if (io->kind == PD_SOFT && io->nowait)
            err = pollwait_soft_check(io->pd, io->mode, io->seq);
        else if (io->kind == PD_SOFT)
            err = pollwait_soft(io->pd, io->mode, io->seq);
        if (err)
            return err;
        entersyscall();
        r = call(io, a);
        exitsyscall();
        if (r == -EINTR)
            continue;
        if (r != -EAGAIN || io->nowait || io->kind == PD_FILE)
            return r;
    }
}

/* The call, when it may go on, until it gives something other than -EAGAIN. want: how much makes it
 * whole; less means that there is no more; 0: that says nothing. -ESTALE: begin again. */
static always_inline ssize_t fdio_call(struct fdio *io, fdcall *call, const struct fdargs *a,
                                       size_t want)
{
    ssize_t r;
    int err;

    if (unlikely(io->kind != PD_NONBLOCK))
        return fdio_slow(io, call, a);
    if (unlikely(io->nowait))
        err = pollwait_check(io->pd, io->mode, io->seq);
    else
        err = pollwait_prepare(io->pd, io->mode, io->seq);
    while (likely(!err)) {
        gamp_leave();
        r = call(io, a);
        gamp_enter();
        if (likely(r >= 0)) {
            if ((size_t)r < want && r > 0)
                pollwait_short(io->pd, io->mode, io->seq);
            return r;
        }
        if (r == -EAGAIN && !io->nowait)
            err = pollwait_wait(io->pd, io->mode, io->seq);
        else if (r != -EINTR)
            return r;
    }
    return err;
}

/* A whole operation of one call, from outside the runtime. */
static always_inline ssize_t fdio_once(struct fdio *io, fdcall *call, const struct fdargs *a,
                                       size_t want)
{
    ssize_t r;

    fdio_race_before(io);
    gamp_enter();
    do {
        r = fdio_begin(io);
        if (likely(r == 0)) {
            r = fdio_call(io, call, a, want);
            fdio_end(io);
        }
    } while (unlikely(r == -ESTALE));
    gamp_leave();
    fdio_race_after(io, r);
    return r;
}

#endif
