/* SPDX-License-Identifier: BSD-3-Clause */
/* timer_planted: timer.pml with a late firing that serves the arming after its own; the search must
 * find it. */
/* spin: -DPLANT */
/* cc: -DCOLLAPSE -DSAFETY */
/* expect: errors */
#include "timer.pml"
