/* SPDX-License-Identifier: BSD-3-Clause */
/* rwmutex_planted: rwmutex.pml with readers left waiting for a writer that gave up; the search must
 * find it. */
/* spin: -DPLANT */
/* cc: -DCOLLAPSE -DSAFETY */
/* expect: errors */
#include "rwmutex.pml"
