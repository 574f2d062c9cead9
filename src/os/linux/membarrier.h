/* SPDX-License-Identifier: BSD-3-Clause */
/* membarrier: makes every running thread of the process pass a full barrier, so that the other
 * side of a store-load pair can do with a compiler barrier. */
#ifndef GAMP_OS_MEMBARRIER_H
#define GAMP_OS_MEMBARRIER_H

#include "base/compiler.h"

bool membarrier_init(void); /* registers; false when the kernel has none */
void membarrier(void);      /* only after membarrier_init said true */

#endif
