/* SPDX-License-Identifier: BSD-3-Clause */
/* btlibc: the C library as the copy of libbacktrace in libgamp sees it. cmake/backtrace.cmake gives
 * its calls these names. They make plain system calls, with an errno of their own, and show it one
 * loaded object only: the module that is being asked about. Writing memory is here as well, because
 * ThreadSanitizer watches libc's functions but not libbacktrace's own atomics, which hand memory
 * from one thread to another. What it calls besides are functions that only read memory. */
#ifndef GAMP_DIAG_BTLIBC_H
#define GAMP_DIAG_BTLIBC_H

#include "diag/modules.h"
#include <link.h>
#include <sys/stat.h>

/* Around each use: the module in question on this thread. Nests, also by a signal handler:
 * leave gets what enter returned. */
struct module *btlibc_enter(struct module *m);
void btlibc_leave(struct module *outer);

int bt_open(const char *path, int flags, ...);
int bt_open_2(const char *path, int flags);
int bt_close(int fd);
int bt_fcntl(int fd, int cmd, ...);
int bt_fstat(int fd, struct stat *st);
int bt_lstat(const char *path, struct stat *st);
ssize_t bt_readlink(const char *path, char *buf, size_t n);
ssize_t bt_readlink_chk(const char *path, char *buf, size_t n, size_t room);
void *bt_mmap(void *addr, size_t n, int prot, int flags, int fd, off_t offset);
int bt_munmap(void *addr, size_t n);
int bt_getpagesize(void);
int bt_getpid(void);
int bt_snprintf(char *buf, size_t n, const char *format, ...) printf_like(3, 4);
int bt_snprintf_chk(char *buf, size_t n, int flag, size_t room, const char *format, ...)
    printf_like(5, 6);
void *bt_memcpy(void *to, const void *from, size_t n);
void *bt_memset(void *to, int byte, size_t n);
int *bt_errno_location(void);
int bt_dl_iterate_phdr(int (*f)(struct dl_phdr_info *, size_t, void *), void *arg);

#endif
