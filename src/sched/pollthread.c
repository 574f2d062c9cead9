/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/pollthread.h"
#include "arch/cpu.h"
#include "os/linux/clock.h"
#include "os/linux/sys.h"
#include "sched/pollwait.h"
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>

static const int64_t blind_look = 5 * 1000 * 1000;

static int poll_until(struct pollfd *fds, unsigned n, int64_t until)
{
    struct timespec ts, *timeout = NULL;

    if (until != NEVER) {
        int64_t left = until - nanotime();

        left = MAX(left, 0);
        ts = (struct timespec){.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
        timeout = &ts;
    }
    return (int)sys_call(SYS_ppoll, fds, n, timeout, NULL, 0);
}

int poll_now(int fd, int events)
{
    struct pollfd p = {.fd = fd, .events = (short)events};
    int r;

    if (fd < 0)
        return POLLNVAL; /* poll(2) would pass over it */
    do
        r = poll_until(&p, 1, 0);
    while (r == -EINTR);
    return r > 0 ? p.revents : r;
}

static int wakefd_new(void)
{
    return (int)sys_call(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void pollthread_kick(struct polldesc *pd)
{
    uint64_t one = 1;

    for (struct list *l = pd->waits.next; l != &pd->waits; l = l->next) {
        struct pollwait *w = container_of(l, struct pollwait, link);

        if (w->thread && w->wakefd >= 0)
            sys_write(w->wakefd, &one, sizeof one);
    }
}

/* Waits once; w stands in the list. */
static void poll_both(int fd, int events, int wakefd, int64_t until)
{
    struct pollfd p[2] = {{.fd = fd, .events = (short)events}, {.fd = wakefd, .events = POLLIN}};

    if (wakefd < 0)
        until = MIN(until, time_add(nanotime(), blind_look));
    poll_until(p, wakefd < 0 ? 1 : 2, until);
}

static bool enlist(struct polldesc *pd, uint32_t seq, struct pollwait *w)
{
    uint64_t mu;
    bool open;

    w->thread = true;
    w->g = getg();
    w->wakefd = wakefd_new();
    lock(&pd->lock);
    mu = load_relaxed(&pd->mu);
    open = PD_SEQ(mu) == seq && (mu & (PDF_OPEN | PDF_CLOSING)) == PDF_OPEN;
    if (open) {
        w->pd = pd;
        list_add_tail(&pd->waits, &w->link);
        fetch_add_seqcst(&pd->nwaits, 1);
    }
    unlock(&pd->lock);
    return open;
}

static void wakefd_free(struct pollwait *w)
{
    if (w->wakefd >= 0)
        sys_close(w->wakefd);
}

int pollthread_wait(struct polldesc *pd, unsigned mode, uint32_t seq)
{
    struct pollwait w = {0};

    if (!enlist(pd, seq, &w)) {
        wakefd_free(&w);
        return -EBADF;
    }
    /* The deadline as it is now: one set after enlisting kicks. */
    poll_both(pd->fd, mode == PD_READ ? POLLIN : POLLOUT, w.wakefd,
              load_seqcst(polldesc_deadline(pd, mode)));
    pollwait_disarm(&w);
    wakefd_free(&w);
    return 0;
}

int pollthread_events(int fd, int events, int64_t until)
{
    for (;;) {
        int now = poll_now(fd, events);
        struct pollwait w = {0};
        struct polldesc *pd;
        uint64_t mu;

        if (now != 0)
            return now > 0 && (now & POLLNVAL) ? -EBADF : now;
        if (until <= nanotime())
            return -ETIMEDOUT;
        if (polldesc_open(fd, PD_SOFT, PD_TRAITS_UNKNOWN, false) < 0) {
            poll_both(fd, events, -1, until);
            continue;
        }
        pd = polldesc_lookup(fd);
        mu = load_acquire(&pd->mu);
        if (!enlist(pd, PD_SEQ(mu), &w)) {
            wakefd_free(&w);
            return -EBADF;
        }
        poll_both(fd, events, w.wakefd, until);
        pollwait_disarm(&w);
        wakefd_free(&w);
        if (PD_SEQ(load_acquire(&pd->mu)) != PD_SEQ(mu) || (load_acquire(&pd->mu) & PDF_CLOSING))
            return -EBADF;
    }
}
