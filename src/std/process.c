/* SPDX-License-Identifier: BSD-3-Clause */
#include "std/process.h"
#include "os/linux/sys.h"
#include "sched/pollwait.h"
#include "sched/syscall.h"
#include "std/helper.h"
#include "std/spawn.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

static struct mutex process_lock = MUTEX_INIT(LOCK_LEAF);

/* --- starting -------------------------------------------------------------------------------- */

/* A descriptor of the process that the poller takes; -1: the kernel has none. */
static int pidfd_make(pid_t pid)
{
    int fd = (int)sys_call(SYS_pidfd_open, pid, 0), err;

    if (fd < 0)
        return -1;
    gamp_enter();
    err = polldesc_open(fd, PD_NONBLOCK, 0, true);
    gamp_leave();
    if (err < 0) {
        sys_close(fd);
        return -1;
    }
    return fd;
}

int process_exec(const char *const argv[], const gamp_exec_options *o, gamp_process *p)
{
    struct spawn s = {.argv = argv};
    pid_t pid;

    if (!argv || !argv[0] || !p || (o && o->nfds > 0 && !o->fds))
        return -EINVAL;
    if (o) {
        s.env = o->env;
        s.dir = o->dir;
        s.fds = o->fds;
        s.nfds = o->nfds;
    }
    pid = spawn(&s);
    if (pid < 0)
        return pid;
    *p = (gamp_process){.pid = pid, .pidfd = pidfd_make(pid)};
    return 0;
}

/* --- waiting --------------------------------------------------------------------------------- */

static int result_of(const siginfo_t *info)
{
    return info->si_code == CLD_EXITED ? info->si_status : 128 + info->si_status;
}

/* 1: it has ended, and p says how; 0: not yet; -errno. process_lock held. */
static int reap(gamp_process *p)
{
    siginfo_t info;
    long err;

    if (load_relaxed(&p->state))
        return 1;
    memset(&info, 0, sizeof info);
    do
        err = sys_call(SYS_waitid, P_PID, p->pid, &info, WEXITED | WNOHANG, NULL);
    while (err == -EINTR);
    if (err < 0)
        return (int)err;
    if (info.si_pid == 0)
        return 0;
    p->status = result_of(&info);
    store_release(&p->state, 1);
    return 1;
}

struct watch {
    pid_t pid;
    int eventfd; /* its own copy */
};

static void watcher(void *arg)
{
    struct watch *w = arg;
    siginfo_t info;
    uint64_t one = 1;
    long err;

    gamp_enter();
    entersyscall();
    do
        err = sys_call(SYS_waitid, P_PID, w->pid, &info, WEXITED | WNOWAIT, NULL);
    while (err == -EINTR);
    exitsyscall();
    gamp_leave();
    sys_write(w->eventfd, &one, sizeof one);
    sys_close(w->eventfd);
    free(w);
}

/* An eventfd instead of the pidfd that the kernel did not give. */
static int watch_start(gamp_process *p)
{
    struct watch *w = malloc(sizeof *w);
    int fd, err;

    if (!w)
        return -ENOMEM;
    fd = (int)sys_call(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) {
        free(w);
        return fd;
    }
    w->pid = p->pid;
    w->eventfd = (int)sys_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 0);
    err = w->eventfd < 0 ? w->eventfd : helper_start(watcher, w, "waitid");
    if (err) {
        if (w->eventfd >= 0)
            sys_close(w->eventfd);
        free(w);
        sys_close(fd);
        return err;
    }
    gamp_enter();
    err = polldesc_open(fd, PD_NONBLOCK, 0, true);
    lock(&process_lock);
    if (!err && !p->spare[1]) {
        p->spare[1] = (uint64_t)fd + 1;
        fd = -1;
    }
    unlock(&process_lock);
    if (fd >= 0)
        polldesc_close(fd);
    gamp_leave();
    return err;
}

/* The descriptor to wait on, or -1. process_lock held. */
static int waitfd(const gamp_process *p)
{
    return p->pidfd >= 0 ? p->pidfd : (int)p->spare[1] - 1;
}

/* Inside the runtime. */
static int wait_ended(gamp_process *p, int64_t until)
{
    int r, fd, err;

    for (;;) {
        lock(&process_lock);
        r = reap(p);
        fd = waitfd(p);
        unlock(&process_lock);
        if (r != 0)
            return r;
        err = pollwait_events(fd, POLLIN, until);
        if (err < 0)
            return err;
    }
}

int process_wait(gamp_process *p, int64_t until)
{
    int r = 0, fd = -1;

    if (!p || p->pid <= 0)
        return -EINVAL;
    if (load_acquire(&p->state))
        return p->status;
    if (p->pidfd < 0) {
        bool watched;

        gamp_enter();
        lock(&process_lock);
        watched = p->spare[1] != 0;
        unlock(&process_lock);
        gamp_leave();
        r = watched ? 0 : watch_start(p);
        if (r < 0)
            return r;
    }
    gamp_enter();
    lock(&process_lock);
    p->spare[0]++;
    unlock(&process_lock);
    r = wait_ended(p, until);
    lock(&process_lock);
    if (--p->spare[0] == 0 && load_relaxed(&p->state)) {
        fd = waitfd(p);
        p->pidfd = -1;
        p->spare[1] = 0;
    }
    unlock(&process_lock);
    if (fd >= 0)
        polldesc_close(fd);
    gamp_leave();
    return r < 0 ? r : p->status;
}
