/* SPDX-License-Identifier: BSD-3-Clause */
#include "diag/btlibc.h"
#include "base/fmt.h"
#include "os/linux/sys.h"
#include "os/linux/vm.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

static __thread struct module *current;
static __thread int error;

struct module *btlibc_enter(struct module *m)
{
    struct module *outer = current;

    current = m;
    return outer;
}

void btlibc_leave(struct module *outer)
{
    current = outer;
}

static long answer(long r)
{
    if (r < 0 && r > -4096) {
        error = (int)-r;
        return -1;
    }
    return r;
}

/* When a module's file is gone it would turn to the executable's. */
static bool is_other_file(const char *path)
{
    return current && !current->main && strcmp(path, "/proc/self/exe") == 0;
}

int bt_open_2(const char *path, int flags)
{
    if (is_other_file(path))
        return (int)answer(-2 /* ENOENT */);
    return (int)answer(sys_open(path, flags | O_CLOEXEC | O_NOCTTY, 0));
}

int bt_open(const char *path, int flags, ...)
{
    return bt_open_2(path, flags);
}

int bt_close(int fd)
{
    return (int)answer(sys_close(fd));
}

int bt_fcntl(int fd, int cmd, ...)
{
    va_list ap;
    long arg;

    va_start(ap, cmd);
    arg = va_arg(ap, long);
    va_end(ap);
    return (int)answer(sys_call(SYS_fcntl, fd, cmd, arg));
}

int bt_fstat(int fd, struct stat *st)
{
    return (int)answer(sys_call(SYS_fstat, fd, st));
}

int bt_lstat(const char *path, struct stat *st)
{
    return (int)answer(sys_call(SYS_newfstatat, AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW));
}

ssize_t bt_readlink(const char *path, char *buf, size_t n)
{
    return answer(sys_call(SYS_readlinkat, AT_FDCWD, path, buf, n));
}

ssize_t bt_readlink_chk(const char *path, char *buf, size_t n, size_t room)
{
    return bt_readlink(path, buf, MIN(n, room));
}

void *bt_mmap(void *addr, size_t n, int prot, int flags, int fd, off_t offset)
{
    return (void *)answer(sys_call(SYS_mmap, addr, n, prot, flags, fd, offset));
}

int bt_munmap(void *addr, size_t n)
{
    return (int)answer(sys_call(SYS_munmap, addr, n));
}

int bt_getpagesize(void)
{
    return PAGE;
}

int bt_getpid(void)
{
    return sys_getpid();
}

int bt_snprintf(char *buf, size_t n, const char *format, ...)
{
    va_list ap;
    size_t len;

    va_start(ap, format);
    len = fmt_vbuf(buf, n, format, ap);
    va_end(ap);
    return (int)len;
}

int bt_snprintf_chk(char *buf, size_t n, int flag, size_t room, const char *format, ...)
{
    va_list ap;
    size_t len;

    (void)flag;
    va_start(ap, format);
    len = fmt_vbuf(buf, MIN(n, room), format, ap);
    va_end(ap);
    return (int)len;
}

/* volatile keeps the compiler from making calls of libc's functions out of the loops. */
#define UNWATCHED __attribute__((no_sanitize("thread", "address")))

UNWATCHED void *bt_memcpy(void *to, const void *from, size_t n)
{
    volatile char *t = to;
    const volatile char *f = from;

    if ((((uintptr_t)t | (uintptr_t)f) & 7) == 0)
        for (; n >= 8; n -= 8, t += 8, f += 8)
            *(volatile uint64_t *)t = *(const volatile uint64_t *)f;
    while (n-- > 0)
        *t++ = *f++;
    return to;
}

UNWATCHED void *bt_memset(void *to, int byte, size_t n)
{
    volatile char *t = to;
    uint64_t word = 0x0101010101010101u * (uint8_t)byte;

    if (((uintptr_t)t & 7) == 0)
        for (; n >= 8; n -= 8, t += 8)
            *(volatile uint64_t *)t = word;
    while (n-- > 0)
        *t++ = (char)byte;
    return to;
}

int *bt_errno_location(void)
{
    return &error;
}

/* Without a name it is taken for the file that the state was made with. The program headers are
 * not looked at. */
int bt_dl_iterate_phdr(int (*f)(struct dl_phdr_info *, size_t, void *), void *arg)
{
    struct dl_phdr_info info = {.dlpi_name = ""};

    if (!current)
        return 0;
    info.dlpi_addr = current->bias;
    return f(&info, sizeof info, arg);
}
