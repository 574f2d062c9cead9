/* SPDX-License-Identifier: BSD-3-Clause */
/* sys: system calls without libc: they return -errno and leave errno alone, they are no
 * cancellation points, and no sanitizer or preloaded library stands between.
 *
 * sys_fault: tests of error paths set it to make calls fail; it gets the number and answers 0 to
 * let the call through or a negative errno. Threads, which libc makes, are asked for as SYS_clone.
 * Present in debug builds only. */
#ifndef GAMP_OS_SYS_H
#define GAMP_OS_SYS_H

#include "base/compiler.h"
#include <sys/syscall.h>
#include <sys/types.h>

#ifdef GAMP_DEBUG
extern long (*sys_fault)(long number);
#endif

static always_inline long sys_raw6(long n, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
    long ret;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;

    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return ret;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;

    __asm__ volatile("svc #0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
#endif
}

static always_inline long sys_call6(long n, long a, long b, long c, long d, long e, long f)
{
#ifdef GAMP_DEBUG
    if (unlikely(sys_fault != NULL)) {
        long err = sys_fault(n);

        if (err < 0)
            return err;
    }
#endif
    return sys_raw6(n, a, b, c, d, e, f);
}

/* sys_call(SYS_x, up to six arguments): each is an integer or a pointer. */
#define sys_call(...)                                                                              \
    sys_pick_(__VA_ARGS__, sys_c6_, sys_c5_, sys_c4_, sys_c3_, sys_c2_, sys_c1_, sys_c0_,          \
              0)(__VA_ARGS__)
#define sys_pick_(n, a, b, c, d, e, f, name, ...) name
#define sys_c0_(n) sys_call6(n, 0, 0, 0, 0, 0, 0)
#define sys_c1_(n, a) sys_call6(n, (long)(a), 0, 0, 0, 0, 0)
#define sys_c2_(n, a, b) sys_call6(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define sys_c3_(n, a, b, c) sys_call6(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define sys_c4_(n, a, b, c, d) sys_call6(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define sys_c5_(n, a, b, c, d, e)                                                                  \
    sys_call6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define sys_c6_(n, a, b, c, d, e, f)                                                               \
    sys_call6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

static inline ssize_t sys_read(int fd, void *p, size_t n)
{
    return sys_call(SYS_read, fd, p, n);
}

static inline ssize_t sys_write(int fd, const void *p, size_t n)
{
    return sys_call(SYS_write, fd, p, n);
}

static inline ssize_t sys_pread(int fd, void *p, size_t n, int64_t off)
{
    return sys_call(SYS_pread64, fd, p, n, off);
}

static inline int sys_open(const char *path, int flags, unsigned mode)
{
    return (int)sys_call(SYS_openat, -100 /* AT_FDCWD */, path, flags, mode);
}

static inline int sys_close(int fd)
{
    return (int)sys_call(SYS_close, fd);
}

static inline int sys_gettid(void)
{
    return (int)sys_call(SYS_gettid);
}

static inline int sys_getpid(void)
{
    return (int)sys_call(SYS_getpid);
}

static inline int sys_tgkill(int pid, int tid, int sig)
{
    return (int)sys_call(SYS_tgkill, pid, tid, sig);
}

_Noreturn static inline void sys_exit_group(int status)
{
    for (;;)
        sys_raw6(SYS_exit_group, status, 0, 0, 0, 0, 0);
}

#endif
