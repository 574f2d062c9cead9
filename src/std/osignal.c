/* SPDX-License-Identifier: BSD-3-Clause */
#include "std/osignal.h"
#include "os/linux/highfd.h"
#include "os/linux/sigaction.h"
#include "os/linux/sys.h"
#include "sched/entry.h"
#include "sched/fatal.h"
#include "sched/netpoll.h"
#include "sched/polldesc.h"
#include "sched/schedt.h"
#include "std/fd.h"
#include "std/helper.h"
#include "std/sigpipe.h"
#include "sync/chan.h"
#include <stdlib.h>
#include <sys/eventfd.h>

enum { SIGNALS = 64 };

struct sigchan {
    struct sigchan *next;
    struct gamp_chan *c; /* with a reference */
    uint64_t mask;
};

static struct {
    struct mutex lock; /* LOCK_SIGNAL */
    struct sigchan *chans;
    bool delivering;                       /* the deliverer is there */
    uint32_t turn;                         /* which deliverer it is */
    uint32_t in_thread;                    /* atomic: it is a thread, as the runtime did not run */
    int wakefd;                            /* atomic; lock to write */
    uint64_t pending;                      /* atomic */
    uint64_t wanted;                       /* atomic */
    struct sigaction_raw old[SIGNALS + 1]; /* what was there; stable while the signal is wanted */
} signals = {.lock = MUTEX_INIT(LOCK_SIGNAL), .wakefd = -1};

static uint64_t bit(int sig)
{
    return UINT64_C(1) << (sig - 1);
}

/* --- the handler ----------------------------------------------------------------------------- */

/* What the signal did before the first notify. */
static void as_before(int sig, siginfo_t *info, void *context)
{
    const struct sigaction_raw *old = &signals.old[sig];
    uint64_t set = bit(sig);

    if (!sigaction_is_default(old)) {
        sigaction_chain(old, sig, info, context);
        return;
    }
    /* It comes again when it is let through, and finds the default. */
    sigaction_restore(sig, old);
    sys_tgkill(sys_getpid(), sys_gettid(), sig);
    sys_call(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, NULL, sizeof set);
}

/* The library's own handlers are what the channel takes the place of. */
static bool is_own(const struct sigaction_raw *sa)
{
    return sigaction_is(sa, sigpipe_handler) || fatal_is_handler(sa);
}

static void handler(int sig, siginfo_t *info, void *context)
{
    uint64_t one = 1;

    if (!(load_acquire(&signals.wanted) & bit(sig)) ||
        (sched_phase() >= PHASE_STOPPING && !load_acquire(&signals.in_thread))) {
        as_before(sig, info, context);
        return;
    }
    if (!is_own(&signals.old[sig]))
        sigaction_chain(&signals.old[sig], sig, info, context);
    fetch_or_acqrel(&signals.pending, bit(sig));
    sys_write(load_acquire(&signals.wakefd), &one, sizeof one);
}

/* --- delivering ------------------------------------------------------------------------------ */

/* signals.lock held. */
static void deliver(void)
{
    uint64_t pending = xchg_acqrel(&signals.pending, 0);

    while (pending) {
        int sig = __builtin_ctzll(pending) + 1;

        pending &= pending - 1;
        for (struct sigchan *s = signals.chans; s; s = s->next)
            if (s->mask & bit(sig))
                chantrysend(s->c, &sig);
    }
}

static int wakefd_make(void);

/* There is no eventfd to be had; the next notify tries again. */
static bool delivery_fails(uint32_t turn)
{
    gamp_enter();
    lock(&signals.lock);
    if (signals.turn == turn)
        signals.delivering = false;
    unlock(&signals.lock);
    gamp_leave();
    return false;
}

/* The one whose turn it is reads the eventfd, until no channel is left. The program may close what
 * is not its own: then there is another eventfd, perhaps of the same number, and perhaps another
 * deliverer, as this one may have slept on the old for ever. */
static void deliverer(void *arg)
{
    uint32_t turn = (uint32_t)(uintptr_t)arg;
    uint64_t count, one = 1;
    ssize_t n = 1;
    int fd = -1;
    bool on = true;

    while (on) {
        bool mine;

        gamp_enter();
        lock(&signals.lock);
        mine = signals.turn == turn;
        if (mine) {
            if (n <= 0 && signals.wakefd == fd)
                store_release(&signals.wakefd, -1);
            /* After each change of wakefd too: the handler found none, or wrote to the old one.
             * It sets pending before it reads wakefd. */
            deliver();
            signals.delivering = signals.chans != NULL;
        } else if (n > 0 && fd >= 0) {
            sys_write(signals.wakefd, &one, sizeof one); /* it was meant for the other */
        }
        on = mine && signals.chans;
        fd = signals.wakefd;
        unlock(&signals.lock);
        gamp_leave();
        n = 1;
        if (on && fd >= 0)
            n = fd_read(fd, &count, sizeof count);
        else if (on && wakefd_make() < 0)
            on = delivery_fails(turn);
    }
}

static int wakefd_make(void)
{
    int fd = highfd((int)sys_call(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK)), err;

    if (fd < 0)
        return fd;
    gamp_enter();
    err = polldesc_open(fd, PD_NONBLOCK, 0, true);
    lock(&signals.lock);
    if (!err && signals.wakefd < 0) {
        store_release(&signals.wakefd, fd);
        fd = -1;
    }
    unlock(&signals.lock);
    if (fd >= 0)
        polldesc_close(fd);
    gamp_leave();
    return err;
}

/* There is an eventfd, and the poller knows it; one that the program closed is forgotten. */
static int wakefd_ensure(void)
{
    int fd = load_acquire(&signals.wakefd);

    if (fd >= 0 && netpollreopen(fd, PD_SEQ(load_acquire(&polldesc_lookup(fd)->mu))) == 0)
        return 0;
    gamp_enter();
    lock(&signals.lock);
    if (fd >= 0 && signals.wakefd == fd) {
        store_release(&signals.wakefd, -1);
        signals.delivering = false;
    }
    unlock(&signals.lock);
    gamp_leave();
    return wakefd_make();
}

/* The deliverer, if it is not there. Outside the runtime. */
static int deliverer_start(void)
{
    uint32_t turn = 0;
    bool there;
    int err;

    gamp_enter();
    lock(&signals.lock);
    /* The goroutine of a runtime that has ended is there for nothing. */
    there = signals.delivering && (sched_phase() <= PHASE_RUN || signals.in_thread);
    if (!there) {
        signals.delivering = true;
        turn = ++signals.turn;
        store_release(&signals.in_thread, sched_phase() != PHASE_RUN);
    }
    unlock(&signals.lock);
    gamp_leave();
    if (there)
        return 0;
    err = helper_start(deliverer, (void *)(uintptr_t)turn, "signals");
    if (err) {
        gamp_enter();
        lock(&signals.lock);
        signals.delivering = false;
        unlock(&signals.lock);
        gamp_leave();
    }
    return err;
}

/* --- registering ----------------------------------------------------------------------------- */

static bool catchable(int sig)
{
    switch (sig) {
    case SIGKILL:
    case SIGSTOP:
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
        return false;
    default:
        /* 32 and 33 are libc's own. */
        return sig >= 1 && sig <= SIGNALS && sig != debug.preemptsignal && sig != 32 && sig != 33;
    }
}

static uint64_t all_wanted(void)
{
    uint64_t all = 0;

    for (struct sigchan *s = signals.chans; s; s = s->next)
        all |= s->mask;
    return all;
}

/* Handlers go where a channel wants a signal, and what was there before comes back where none does
 * any more. signals.lock held. */
static void install(void)
{
    uint64_t wanted = all_wanted(), was = load_relaxed(&signals.wanted);

    for (int sig = 1; sig <= SIGNALS; sig++) {
        struct sigaction_raw now;

        if ((wanted & bit(sig)) && !(was & bit(sig))) {
            /* Before the handler can run: it reads old. */
            if (sigaction_read(sig, &now) == 0 && !sigaction_is(&now, handler))
                signals.old[sig] = now;
            fetch_or_acqrel(&signals.wanted, bit(sig));
            sigaction_install(sig, handler, NULL);
        } else if (!(wanted & bit(sig)) && (was & bit(sig))) {
            fetch_and_acqrel(&signals.wanted, ~bit(sig));
            if (sigaction_read(sig, &now) == 0 && sigaction_is(&now, handler))
                sigaction_restore(sig, &signals.old[sig]);
        }
    }
    sigpipe_want(wanted & bit(SIGPIPE));
}

static struct sigchan **find(struct gamp_chan *c)
{
    struct sigchan **at = &signals.chans;

    while (*at && (*at)->c != c)
        at = &(*at)->next;
    return at;
}

int osignal_notify(struct gamp_chan *c, const int *sigs, size_t n)
{
    struct sigchan *s, *spare;
    uint64_t mask = 0;
    int err;

    for (size_t i = 0; i < n; i++) {
        if (!catchable(sigs[i]))
            return -EINVAL;
        mask |= bit(sigs[i]);
    }
    err = wakefd_ensure();
    if (err < 0)
        return err;
    spare = malloc(sizeof *spare);
    if (!spare)
        return -ENOMEM;
    gamp_enter();
    lock(&signals.lock);
    s = *find(c);
    if (!s) {
        s = spare;
        spare = NULL;
        fetch_add_relaxed(&c->refs, 1);
        *s = (struct sigchan){.next = signals.chans, .c = c};
        signals.chans = s;
        fetch_add_relaxed(&sched.signalchans, 1);
    }
    s->mask |= mask;
    install();
    unlock(&signals.lock);
    gamp_leave();
    free(spare);
    err = deliverer_start();
    if (err)
        osignal_stop(c);
    return err;
}

int osignal_stop(struct gamp_chan *c)
{
    struct sigchan **at, *s;
    uint64_t one = 1;
    bool last = false;

    gamp_enter();
    lock(&signals.lock);
    at = find(c);
    s = *at;
    if (s) {
        /* What came before this call still goes to its channels. */
        deliver();
        *at = s->next;
        fetch_add_relaxed(&sched.signalchans, -1);
        install();
        if (!signals.chans)
            sys_write(signals.wakefd, &one, sizeof one);
    }
    unlock(&signals.lock);
    if (s)
        last = chan_release(s->c) == 1;
    gamp_leave();
    if (last)
        chan_free(s->c);
    free(s);
    return 0;
}
