/* SPDX-License-Identifier: BSD-3-Clause */
/* polldesc_planted: polldesc.pml with an edge wiped out by the clearing after the call; the search
 * must find it. */
/* spin: -DPLANT */
/* cc: -DCOLLAPSE -DSAFETY */
/* expect: errors */
#include "polldesc.pml"
