/* SPDX-License-Identifier: BSD-3-Clause */
#include "os/linux/sys.h"

#ifdef GAMP_DEBUG
long (*sys_fault)(long number);
#endif
