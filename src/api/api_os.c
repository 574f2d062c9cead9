/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a function below calls malloc or libc's posix_spawn, errno is put back as it was:
 * gamp/errno.h's errno, which asks for its place anew after a park. */
#include "api/api_os.h"
#include "sched/panic.h"
#include "sched/syscall.h"
#include "std/file.h"
#include "std/osignal.h"
#include "std/process.h"
#include "sync/chan.h"
#include <gamp/os.h>
#include <sys/stat.h>

int gamp_open(const char *path, int flags, mode_t mode)
{
    return file_open(path, flags, mode);
}

ssize_t gamp_pread(int fd, void *p, size_t n, off_t offset)
{
    return file_pread(fd, p, n, offset);
}

ssize_t gamp_pwrite(int fd, const void *p, size_t n, off_t offset)
{
    return file_pwrite(fd, p, n, offset);
}

int gamp_fsync(int fd)
{
    return file_fsync(fd);
}

int gamp_fdatasync(int fd)
{
    return file_fdatasync(fd);
}

int gamp_ftruncate(int fd, off_t size)
{
    return file_ftruncate(fd, size);
}

int gamp_fstat(int fd, struct stat *st)
{
    return file_fstat(fd, st);
}

int gamp_stat(const char *path, struct stat *st)
{
    return file_stat(path, st, 0);
}

int gamp_lstat(const char *path, struct stat *st)
{
    return file_stat(path, st, AT_SYMLINK_NOFOLLOW);
}

int gamp_unlink(const char *path)
{
    return file_unlink(path);
}

int gamp_rename(const char *from, const char *to)
{
    return file_rename(from, to);
}

int gamp_mkdir(const char *path, mode_t mode)
{
    return file_mkdir(path, mode);
}

int gamp_signal_notifyv(gamp_chan *c, const int *sigs, size_t n)
{
    int saved = errno, r;

    if (!c)
        gopanic("gamp_signal_notify using nil channel");
    if (c->elem_size != sizeof(int))
        gopanic("gamp_signal_notify using a channel whose elements are not ints");
    if (n > 0 && !sigs)
        return -EINVAL;
    r = osignal_notify(c, sigs, n);
    errno = saved;
    return r;
}

int gamp_signal_stop(gamp_chan *c)
{
    int saved = errno, r = c ? osignal_stop(c) : 0;

    errno = saved;
    return r;
}

int gamp_exec(const char *const argv[], const gamp_exec_options *o, gamp_process *p)
{
    int saved = errno, r = process_exec(argv, o, p);

    errno = saved;
    return r;
}

int gamp_process_wait(gamp_process *p, gamp_time until)
{
    int saved = errno, r = process_wait(p, until);

    errno = saved;
    return r;
}

void gamp_blocking_enter(void)
{
    gamp_enter();
    entersyscall();
}

void gamp_blocking_exit(void)
{
    exitsyscall();
    gamp_leave();
}
