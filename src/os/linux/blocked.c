/* SPDX-License-Identifier: BSD-3-Clause */
#include "os/linux/blocked.h"
#include "base/fmt.h"
#include "os/linux/sys.h"
#include <fcntl.h>

static bool hex(const char *s, uintptr_t *v)
{
    *v = 0;
    if (s[0] != '0' || s[1] != 'x')
        return false;
    for (s += 2;; s++) {
        if (*s >= '0' && *s <= '9')
            *v = *v << 4 | (uintptr_t)(*s - '0');
        else if (*s >= 'a' && *s <= 'f')
            *v = *v << 4 | (uintptr_t)(*s - 'a' + 10);
        else
            return true;
    }
}

/* "running", or the number of the call, its arguments, and at the end sp and pc. */
bool blocked_at(int tid, uintptr_t *pc, uintptr_t *sp)
{
    char path[64], text[256];
    int spaces = 0, fd;
    ssize_t n;

    fmt_buf(path, sizeof path, "/proc/self/task/%d/syscall", tid);
    fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return false;
    n = sys_read(fd, text, sizeof text - 1);
    sys_close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    for (ssize_t i = n - 1; i > 0; i--) {
        if (text[i] != ' ')
            continue;
        if (!hex(text + i + 1, spaces == 0 ? pc : sp))
            return false;
        if (++spaces == 2)
            return *pc != 0;
    }
    return false;
}
