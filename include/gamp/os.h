/* SPDX-License-Identifier: BSD-3-Clause */
/* gamp/os.h: files, signals, processes, and hints around foreign calls.
 *
 * Everything here may be called from any thread or goroutine; errors are
 * negative errno values. */
#ifndef GAMP_OS_H
#define GAMP_OS_H

#include <fcntl.h>
#include <sys/types.h>

#include <gamp/base.h>
#include <gamp/chan.h>
#include <gamp/errno.h>
#include <gamp/time.h>

GAMP_BEGIN_DECLS

/* As open(2), with O_CLOEXEC; pipes and devices that can be polled are registered (see
 * gamp/net.h). The descriptor; the caller closes it with gamp_close. A wait in the kernel holds
 * up its caller alone. Go: os.OpenFile. */
GAMP_API int gamp_open(const char *path, int flags, mode_t mode);
/* As the system calls. They block as files do, and hold up their caller alone. Go: File.ReadAt,
 * WriteAt, Sync. */
GAMP_API ssize_t gamp_pread(int fd, void *p, size_t n, off_t offset);
GAMP_API ssize_t gamp_pwrite(int fd, const void *p, size_t n, off_t offset);
GAMP_API int gamp_fsync(int fd);
GAMP_API int gamp_fdatasync(int fd);
GAMP_API int gamp_ftruncate(int fd, off_t size);
struct stat;
GAMP_API int gamp_fstat(int fd, struct stat *st);
/* As the system calls of these names; on slow file systems too they hold up their caller alone. Go:
 * os.Stat, Lstat, Remove, Rename, Mkdir. */
GAMP_API int gamp_stat(const char *path, struct stat *st);
GAMP_API int gamp_lstat(const char *path, struct stat *st);
GAMP_API int gamp_unlink(const char *path);
GAMP_API int gamp_rename(const char *from, const char *to);
GAMP_API int gamp_mkdir(const char *path, mode_t mode);

/* int gamp_signal_notify(gamp_chan *c, int sig, ...): from now on each of the signals is sent, as
 * an int, on c instead of what it did before; a handler that the program has set is called too. A
 * signal for which c has no place is dropped. The channel's elements must be ints (else a panic); a
 * reference to it is held until gamp_signal_stop. 0; -EINVAL for a signal that cannot be caught or
 * that gamp needs for itself.
 * Does not block. Go: signal.Notify. */
#ifdef __cplusplus
#define gamp_signal_notify(c, ...) (::gamp::detail::signal_notify(c, {__VA_ARGS__}))
#else
#define gamp_signal_notify(c, ...)                                                                 \
    gamp_signal_notifyv(c, (const int[]){__VA_ARGS__},                                             \
                        sizeof(__typeof__((const int[]){__VA_ARGS__})) / sizeof(int))
#endif
/* The same with n signals in an array, which is not kept. */
GAMP_API int gamp_signal_notifyv(gamp_chan *c, const int *sigs, size_t n);
/* No more signals are sent on c once this returns; those that no channel wants do again what they
 * did before the first notify. 0, also when c had none. Go: signal.Stop. */
GAMP_API int gamp_signal_stop(gamp_chan *c);

/* How a program is to be run; NULL or 0: as the caller has it. Not kept. */
typedef struct gamp_exec_options {
    const char *const *env GAMP_ZERO_; /* "NAME=value", ..., NULL */
    const char *dir GAMP_ZERO_;        /* the directory it starts in */
    const int *fds GAMP_ZERO_;         /* fds[i] becomes its descriptor i; -1: /dev/null */
    size_t nfds GAMP_ZERO_;
} gamp_exec_options;

/* A process that gamp_exec started. */
typedef struct gamp_process {
    pid_t pid;
    int pidfd; /* gamp's own, not to be closed; -1 where the kernel has none */
    /* The rest is not for programs. */
    uint32_t state;
    int32_t status;
    uint64_t spare[2];
} gamp_process;

/* Runs the program argv[0] (searched in PATH if it has no slash) with the arguments argv, ended
 * by NULL. 0 and *p when it runs; -ENOENT and the like when exec fails: *p is then untouched. o
 * may be NULL. A descriptor that does not block here does not block there. The caller waits for it
 * with gamp_process_wait. Holds up its caller alone. Go: os.StartProcess. */
GAMP_API int gamp_exec(const char *const argv[], const gamp_exec_options *o, gamp_process *p);
/* Waits until it has ended: its exit status, or 128 + the signal that killed it; again: the same.
 * -ETIMEDOUT at the point. Parks. Go: Process.Wait. */
GAMP_API int gamp_process_wait(gamp_process *p, gamp_time until);

/* Optional hints around a foreign call that may take long: between them another thread may serve
 * the other goroutines at once, where without them it takes the runtime some milliseconds to
 * notice. Between them no gamp function may be called. They do nothing on a foreign thread, and
 * do not block by themselves; exit may wait for the goroutine's turn. Go: what its runtime does
 * around system calls and cgo. */
GAMP_API void gamp_blocking_enter(void);
GAMP_API void gamp_blocking_exit(void);

GAMP_END_DECLS

#ifdef __cplusplus
GAMP_BEGIN_DETAIL_

template <size_t N>
inline int signal_notify(gamp_chan *c, const int (&signals)[N])
{
    return gamp_signal_notifyv(c, signals, N);
}

GAMP_END_DETAIL_
#endif

#endif
