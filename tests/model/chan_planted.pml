/* SPDX-License-Identifier: BSD-3-Clause */
/* chan_planted: chan.pml with tickets that come again; the search must find it. */
/* spin: -DPLANT */
/* cc: -DCOLLAPSE -DSAFETY */
/* expect: errors */
#include "chan.pml"
