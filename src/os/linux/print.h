/* SPDX-License-Identifier: BSD-3-Clause */
/* print: text onto a descriptor by the plain system call, without stdio and its locks. */
#ifndef GAMP_OS_PRINT_H
#define GAMP_OS_PRINT_H

#include "base/compiler.h"

/* Whole, in as many writes as the descriptor wants; gives up at an error. Formats as base/fmt.h. */
void print_fd(int fd, const char *format, ...) printf_like(2, 3);
void print_text(int fd, const char *text, size_t n);

#endif
