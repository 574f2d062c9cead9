/* SPDX-License-Identifier: BSD-3-Clause */
/* fmt: formatted text without malloc, stdio or locale, for reports that may run in a signal
 * handler or while libc's locks are taken. Understands %s %c %d %u %x %p %% with the lengths
 * l, ll, z, a zero flag and a width; %-Ns pads a string on its right. Text that does not fit is
 * cut. */
#ifndef GAMP_BASE_FMT_H
#define GAMP_BASE_FMT_H

#include "base/compiler.h"
#include <stdarg.h>

/* Returns the length written, without the closing NUL; always < n when n > 0. */
size_t fmt_buf(char *buf, size_t n, const char *format, ...) printf_like(3, 4);
size_t fmt_vbuf(char *buf, size_t n, const char *format, va_list ap) printf_like(3, 0);

#endif
