/* SPDX-License-Identifier: BSD-3-Clause */
#include "os/linux/futex.h"
#include "os/linux/clock.h"
#include "os/linux/sys.h"
#include <linux/futex.h>

int futex_wait(const uint32_t *addr, uint32_t val, int64_t until)
{
    struct timespec ts, *limit = NULL;

    if (until != NEVER) {
        if (until < 0)
            until = 0;
        ts.tv_sec = until / 1000000000;
        ts.tv_nsec = until % 1000000000;
        limit = &ts;
    }
    /* The bitset form takes the limit as a point in time. */
    return (int)sys_call(SYS_futex, addr, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, val, limit, NULL,
                         FUTEX_BITSET_MATCH_ANY);
}

int futex_wake(const uint32_t *addr, int n)
{
    return (int)sys_call(SYS_futex, addr, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, n);
}
