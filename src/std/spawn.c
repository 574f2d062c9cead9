/* SPDX-License-Identifier: BSD-3-Clause */
#include "std/spawn.h"
#include "os/linux/borrow.h"
#include "os/linux/sigaction.h"
#include "os/linux/sys.h"
#include "os/linux/vm.h"
#include "sched/syscall.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_STACK = 64 << 10, SIGNALS = 64 };

/* What the child needs, all of it made before: it may not allocate. */
struct child {
    const struct spawn *s;
    const char *const *env;
    char *names; /* candidates, one behind the other, each with its NUL; an empty one ends them */
    int *from;   /* s->fds, with copies of those that others would overwrite */
    size_t ncopies;
    uint64_t mask; /* the caller's */
    int err_read, err_write;
};

/* --- the child ------------------------------------------------------------------------------- */

/* A handler of ours would run in borrowed memory. What is ignored stays so. */
static void default_handlers(void)
{
    const struct sigaction_raw dfl = {0};
    struct sigaction_raw sa;

    for (int sig = 1; sig <= SIGNALS; sig++)
        if (sigaction_read(sig, &sa) == 0 && sa.handler > (uintptr_t)SIG_IGN)
            sigaction_restore(sig, &dfl);
}

static int place(int from, int to)
{
    int fd;

    if (from == to)
        return (int)sys_call(SYS_fcntl, to, F_SETFD, 0);
    if (from >= 0)
        return (int)sys_call(SYS_dup3, from, to, 0);
    fd = sys_open("/dev/null", O_RDWR, 0);
    if (fd < 0 || fd == to)
        return fd;
    from = (int)sys_call(SYS_dup3, fd, to, 0);
    sys_close(fd);
    return from;
}

/* Only comes back when none of them runs. */
static int run(const struct child *c)
{
    int err = -ENOENT;

    for (const char *name = c->names; *name; name += strlen(name) + 1) {
        int e = (int)sys_call(SYS_execve, name, c->s->argv, c->env);

        switch (e) {
        case -EACCES:
            err = e;
            break;
        case -ENOENT:
        case -ENOTDIR:
        case -ENODEV:
        case -ESTALE:
        case -ETIMEDOUT:
            break;
        default:
            return e;
        }
    }
    return err;
}

static void child(void *arg)
{
    const struct child *c = arg;
    int err = 0;

    default_handlers();
    for (size_t i = 0; i < c->s->nfds && err >= 0; i++)
        err = place(c->from[i], (int)i);
    if (err >= 0 && c->s->dir)
        err = (int)sys_call(SYS_chdir, c->s->dir);
    if (err >= 0) {
        sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &c->mask, NULL, sizeof c->mask);
        err = run(c);
    }
    sys_write(c->err_write, &err, sizeof err);
    for (;;)
        sys_call(SYS_exit_group, 127);
}

/* --- the caller ------------------------------------------------------------------------------ */

static char *append(char *to, const char *from, size_t n)
{
    memcpy(to, from, n);
    return to + n;
}

/* Where the program may be. */
static int candidates(struct child *c)
{
    const char *name = c->s->argv[0], *path = getenv("PATH");
    size_t len = strlen(name) + 1, dirs = 1;
    char *to;

    if (!path)
        path = "/usr/local/bin:/usr/bin:/bin";
    for (const char *p = path; *p; p++)
        dirs += *p == ':';
    to = c->names = malloc(strlen(path) + dirs * (len + 2) + 1);
    if (!to)
        return -ENOMEM;
    if (strchr(name, '/')) {
        to = append(to, name, len);
    } else if (*name) {
        for (;;) {
            size_t n = strcspn(path, ":");

            /* An empty one is the directory the program is in. */
            to = n ? append(to, path, n) : append(to, ".", 1);
            to = append(to, "/", 1);
            to = append(to, name, len);
            if (!path[n])
                break;
            path += n + 1;
        }
    }
    *to = '\0';
    return 0;
}

/* Copies what stands at a number that will be another's, above them all. */
static int sources(struct child *c)
{
    const size_t n = c->s->nfds;

    c->from = malloc(MAX(n, 1) * sizeof *c->from);
    if (!c->from)
        return -ENOMEM;
    for (; c->ncopies < n; c->ncopies++) {
        int fd = c->s->fds[c->ncopies];

        if (fd < -1)
            return -EBADF;
        if (fd >= 0 && (size_t)fd < n && fd != (int)c->ncopies) {
            fd = (int)sys_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, n);
            if (fd < 0)
                return fd;
        }
        c->from[c->ncopies] = fd;
    }
    return 0;
}

/* The child's end is out of the way of the numbers that it fills. */
static int error_pipe(struct child *c)
{
    int fd[2], high;
    int err = (int)sys_call(SYS_pipe2, fd, O_CLOEXEC);

    if (err < 0)
        return err;
    c->err_read = fd[0];
    c->err_write = fd[1];
    if ((size_t)fd[1] >= c->s->nfds)
        return 0;
    high = (int)sys_call(SYS_fcntl, fd[1], F_DUPFD_CLOEXEC, c->s->nfds);
    if (high < 0)
        return high;
    sys_close(fd[1]);
    c->err_write = high;
    return 0;
}

/* The child's error, or 0: it runs. */
static int child_error(struct child *c)
{
    int err = 0;
    ssize_t n;

    sys_close(c->err_write);
    c->err_write = -1;
    do
        n = sys_read(c->err_read, &err, sizeof err);
    while (n == -EINTR);
    return n == (ssize_t)sizeof err ? err : 0;
}

/* With every signal blocked, libc's own included: until it is the program, a signal to the child
 * would find our handlers. */
static pid_t start(struct child *c, char *stack)
{
    const uint64_t all = ~UINT64_C(0);
    long pid;

    sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &c->mask, sizeof all);
    pid = borrow_start(child, c, stack + CHILD_STACK);
    sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &c->mask, NULL, sizeof all);
    return (pid_t)pid;
}

static pid_t start_and_check(struct child *c)
{
    char *stack = vm_map(CHILD_STACK);
    pid_t pid;
    int err;

    if (!stack)
        return -ENOMEM;
    gamp_enter();
    entersyscall();
    pid = start(c, stack);
    err = pid < 0 ? 0 : child_error(c);
    if (err < 0)
        while (sys_call(SYS_wait4, pid, NULL, 0, NULL) == -EINTR)
            ;
    exitsyscall();
    gamp_leave();
    vm_unmap(stack, CHILD_STACK);
    return err < 0 ? err : pid;
}

pid_t spawn(const struct spawn *s)
{
    struct child c = {.s = s, .env = s->env, .err_read = -1, .err_write = -1};
    int err;

    if (!c.env)
        c.env = (const char *const *)environ;
    err = candidates(&c);
    if (!err)
        err = sources(&c);
    if (!err)
        err = error_pipe(&c);
    if (!err)
        err = start_and_check(&c);
    for (size_t i = 0; i < c.ncopies; i++)
        if (c.from[i] != s->fds[i])
            sys_close(c.from[i]);
    if (c.err_read >= 0)
        sys_close(c.err_read);
    if (c.err_write >= 0)
        sys_close(c.err_write);
    free(c.from);
    free(c.names);
    return err;
}
