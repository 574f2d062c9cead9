/* SPDX-License-Identifier: BSD-3-Clause */
#include "std/file.h"
#include "os/linux/sys.h"
#include "sched/fdlock.h"
#include "sched/syscall.h"
#include "std/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

struct call {
    long number;
    long a, b, c, d;
};

static long do_call(void *arg)
{
    const struct call *k = arg;

    return sys_call(k->number, k->a, k->b, k->c, k->d);
}

static long blocking(long number, long a, long b, long c, long d)
{
    struct call k = {number, a, b, c, d};

    return fd_blocking(do_call, &k);
}

/* On a descriptor, which is not closed as long as it lasts (sched/polldesc.h). */
static long on_fd(long number, int fd, long b, long c, long d)
{
    struct call k = {number, fd, b, c, d};
    struct polldesc *pd;
    uint32_t seq;
    int err;
    long r;

    gamp_enter();
    r = err = fdlock_begin(fd, 0, &pd, &seq);
    if (err >= 0) {
        do {
            entersyscall();
            r = do_call(&k);
            exitsyscall();
        } while (r == -EINTR);
        if (err == 0)
            fdlock_end(pd, 0);
    }
    gamp_leave();
    return r;
}

/* Pipes, terminals and the like are registered; what cannot be polled is a file. */
static int register_opened(int fd)
{
    struct stat st;
    enum pollkind kind = PD_NONBLOCK;
    long flags;
    int err;

    if (sys_call(SYS_fstat, fd, &st) == 0 &&
        (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode)))
        kind = PD_FILE;
    gamp_enter();
    err = polldesc_open(fd, kind, 0, true);
    if (err == -EPERM)
        err = polldesc_open(fd, kind = PD_FILE, 0, true);
    gamp_leave();
    if (err < 0 || kind == PD_FILE)
        return err;
    flags = sys_call(SYS_fcntl, fd, F_GETFL);
    return flags < 0 ? (int)flags : (int)sys_call(SYS_fcntl, fd, F_SETFL, flags | O_NONBLOCK);
}

int file_open(const char *path, int flags, mode_t mode)
{
    long fd = blocking(SYS_openat, AT_FDCWD, (long)path, flags | O_CLOEXEC, mode);
    int err;

    /* With O_PATH it names a place and cannot be used. */
    if (fd < 0 || (flags & O_PATH))
        return (int)fd;
    err = register_opened((int)fd);
    if (err < 0) {
        fd_close((int)fd);
        return err;
    }
    return (int)fd;
}

ssize_t file_pread(int fd, void *p, size_t n, off_t offset)
{
    return on_fd(SYS_pread64, fd, (long)p, (long)n, offset);
}

ssize_t file_pwrite(int fd, const void *p, size_t n, off_t offset)
{
    return on_fd(SYS_pwrite64, fd, (long)p, (long)n, offset);
}

int file_fsync(int fd)
{
    return (int)on_fd(SYS_fsync, fd, 0, 0, 0);
}

int file_fdatasync(int fd)
{
    return (int)on_fd(SYS_fdatasync, fd, 0, 0, 0);
}

int file_ftruncate(int fd, off_t size)
{
    return (int)on_fd(SYS_ftruncate, fd, size, 0, 0);
}

int file_fstat(int fd, struct stat *st)
{
    return (int)on_fd(SYS_fstat, fd, (long)st, 0, 0);
}

int file_stat(const char *path, struct stat *st, int flags)
{
    return (int)blocking(SYS_newfstatat, AT_FDCWD, (long)path, (long)st, flags);
}

int file_unlink(const char *path)
{
    return (int)blocking(SYS_unlinkat, AT_FDCWD, (long)path, 0, 0);
}

int file_rename(const char *from, const char *to)
{
    return (int)blocking(SYS_renameat, AT_FDCWD, (long)from, AT_FDCWD, (long)to);
}

int file_mkdir(const char *path, mode_t mode)
{
    return (int)blocking(SYS_mkdirat, AT_FDCWD, (long)path, mode, 0);
}
