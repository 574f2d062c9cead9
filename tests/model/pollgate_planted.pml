/* SPDX-License-Identifier: BSD-3-Clause */
/* pollgate_planted: pollgate.pml with a goroutine that leaves while its own commit, or a waker, is
 * still at the gate; the search must find it. */
/* spin: -DPLANT */
/* cc: -DCOLLAPSE -DSAFETY */
/* expect: errors */
#include "pollgate.pml"
