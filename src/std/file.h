/* SPDX-License-Identifier: BSD-3-Clause */
/* file: files. The system calls as they are, each with its caller alone held up. Results as of
 * the public functions. Called outside the runtime. */
#ifndef GAMP_STD_FILE_H
#define GAMP_STD_FILE_H

#include "base/compiler.h"
#include <sys/types.h>

struct stat;

int file_open(const char *path, int flags, mode_t mode);
ssize_t file_pread(int fd, void *p, size_t n, off_t offset);
ssize_t file_pwrite(int fd, const void *p, size_t n, off_t offset);
int file_fsync(int fd);
int file_fdatasync(int fd);
int file_ftruncate(int fd, off_t size);
int file_fstat(int fd, struct stat *st);
int file_stat(const char *path, struct stat *st, int flags);
int file_unlink(const char *path);
int file_rename(const char *from, const char *to);
int file_mkdir(const char *path, mode_t mode);

#endif
