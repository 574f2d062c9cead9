/* SPDX-License-Identifier: BSD-3-Clause */
#include "os/linux/highfd.h"
#include "os/linux/sys.h"
#include <fcntl.h>
#include <sys/resource.h>

enum { HIGH = 1000, ROOM = 16 };

int highfd(int fd)
{
    struct rlimit rl;
    long least = HIGH, high;

    if (fd < 0)
        return fd;
    if (sys_call(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &rl) == 0 && rl.rlim_cur < HIGH + ROOM)
        least = (long)rl.rlim_cur - ROOM;
    if (least <= fd)
        return fd;
    high = sys_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, least);
    if (high < 0)
        return fd;
    sys_close(fd);
    return (int)high;
}
