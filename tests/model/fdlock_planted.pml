/* SPDX-License-Identifier: BSD-3-Clause */
/* fdlock_planted: fdlock.pml with a closer that misses the last operation's leaving; the search
 * must find it. */
/* spin: -DPLANT */
/* cc: -DCOLLAPSE -DSAFETY */
/* expect: errors */
#include "fdlock.pml"
