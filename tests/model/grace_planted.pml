/* SPDX-License-Identifier: BSD-3-Clause */
/* grace_planted: grace.pml with tickets that are good one period early; the search must find it. */
/* spin: -DPLANT */
/* cc: -DCOLLAPSE -DSAFETY */
/* expect: errors */
#include "grace.pml"
