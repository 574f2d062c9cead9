/* SPDX-License-Identifier: BSD-3-Clause */
#include "os/linux/print.h"
#include "base/fmt.h"
#include "os/linux/sys.h"
#include <errno.h>

void print_text(int fd, const char *text, size_t n)
{
    while (n > 0) {
        long r = sys_write(fd, text, n);

        if (r == -EINTR || r == -EAGAIN)
            continue;
        if (r <= 0)
            return;
        text += r;
        n -= (size_t)r;
    }
}

void print_fd(int fd, const char *format, ...)
{
    char buf[1024];
    va_list ap;
    size_t n;

    va_start(ap, format);
    n = fmt_vbuf(buf, sizeof buf, format, ap);
    va_end(ap);
    print_text(fd, buf, n);
}
