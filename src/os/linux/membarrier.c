/* SPDX-License-Identifier: BSD-3-Clause */
#include "os/linux/membarrier.h"
#include "base/throw.h"
#include "os/linux/sys.h"

/* linux/membarrier.h */
enum { PRIVATE_EXPEDITED = 1 << 3, REGISTER_PRIVATE_EXPEDITED = 1 << 4 };

bool membarrier_init(void)
{
    return sys_call(SYS_membarrier, REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0 &&
           sys_call(SYS_membarrier, PRIVATE_EXPEDITED, 0, 0) == 0;
}

void membarrier(void)
{
    invariant(sys_raw6(SYS_membarrier, PRIVATE_EXPEDITED, 0, 0, 0, 0, 0) == 0);
}
