/* SPDX-License-Identifier: BSD-3-Clause */
#include "std/sigpipe.h"
#include "base/atomic.h"
#include "os/linux/sigaction.h"
#include "os/linux/sigcall.h"
#include "os/linux/sys.h"
#include <errno.h>
#include <poll.h>
#include <time.h>

static uint32_t ours;   /* atomic: the handler is installed */
static uint32_t wanted; /* atomic */

#define SIGPIPE_BIT (UINT64_C(1) << (SIGPIPE - 1))

static void mask(int how, uint64_t set, uint64_t *old)
{
    sys_call(SYS_rt_sigprocmask, how, &set, old, sizeof set);
}

/* As if the signal had come with nobody to catch it. */
_Noreturn static void die(void)
{
    struct sigaction_raw dfl = {0};

    for (;;) {
        sigaction_restore(SIGPIPE, &dfl);
        mask(SIG_UNBLOCK, SIGPIPE_BIT, NULL);
        sys_tgkill(sys_getpid(), sys_gettid(), SIGPIPE);
    }
}

static bool broken(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    struct timespec now = {0};

    return sys_call(SYS_ppoll, &p, 1, &now, NULL, 0) == 1 && (p.revents & (POLLERR | POLLHUP));
}

void sigpipe_handler(int sig, siginfo_t *info, void *context)
{
    int fd;

    (void)sig;
    (void)info;
    switch (sigcall_failed(context, EPIPE, &fd)) {
    case SIGCALL_FD:
        if (fd == 1 || fd == 2)
            die();
        break;
    case SIGCALL_UNKNOWN_FD:
        if (broken(1) || broken(2))
            die();
        break;
    case SIGCALL_NONE:
        /* Sent by somebody. Go lets it pass too. */
        break;
    }
}

void sigpipe_init(void)
{
    struct sigaction_raw old;

    if (sigaction_read(SIGPIPE, &old) == 0 && sigaction_is_default(&old) &&
        sigaction_install(SIGPIPE, sigpipe_handler, NULL) == 0)
        store_release(&ours, 1);
}

bool sigpipe_installed(void)
{
    return load_acquire(&ours) != 0;
}

void sigpipe_want(bool on)
{
    store_release(&wanted, on);
}

void sigpipe_broken(void)
{
    struct sigaction_raw now;

    if (!load_acquire(&ours) || load_acquire(&wanted))
        return;
    /* The program may have said since then that it ignores it, or handles it. */
    if (sigaction_read(SIGPIPE, &now) < 0 || sigaction_is_default(&now) ||
        sigaction_is(&now, sigpipe_handler))
        die();
}

/* The handler is still there, or a channel's in its place. */
static bool in_place(void)
{
    struct sigaction_raw now;

    return load_acquire(&wanted) || sigaction_read(SIGPIPE, &now) < 0 ||
           sigaction_is(&now, sigpipe_handler);
}

void sigpipe_enter(struct sigpipe_guard *g, bool thorough)
{
    uint64_t pending = 0;

    g->blocked = false;
    g->on = !load_acquire(&ours) || (thorough && !in_place());
    if (!g->on)
        return;
    mask(SIG_BLOCK, SIGPIPE_BIT, &g->old);
    /* One that waits already is not ours to take. */
    if (g->old & SIGPIPE_BIT)
        sys_call(SYS_rt_sigpending, &pending, sizeof pending);
    g->blocked = !(pending & SIGPIPE_BIT);
}

void sigpipe_leave(struct sigpipe_guard *g, bool maybe)
{
    uint64_t set = SIGPIPE_BIT;
    struct timespec now = {0};

    if (!g->on)
        return;
    if (g->blocked && maybe)
        sys_call(SYS_rt_sigtimedwait, &set, NULL, &now, sizeof set);
    if (!(g->old & SIGPIPE_BIT))
        mask(SIG_SETMASK, g->old, NULL);
}
