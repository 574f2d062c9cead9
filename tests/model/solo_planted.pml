/* SPDX-License-Identifier: BSD-3-Clause */
/* solo_planted: solo.pml without the membarrier between solo_end's store and its look; the search
 * must find it. */
/* spin: -DPLANT */
/* expect: errors */
#include "solo.pml"
