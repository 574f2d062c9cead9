/* SPDX-License-Identifier: BSD-3-Clause */
/* mutex_starve_planted: mutex_starve.pml with a token left behind by who gave up; the search must
 * find it. */
/* spin: -DPLANT */
/* cc: -DCOLLAPSE -DSAFETY */
/* expect: errors */
#include "mutex_starve.pml"
