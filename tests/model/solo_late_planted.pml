/* SPDX-License-Identifier: BSD-3-Clause */
/* solo_late_planted: solo.pml without the membarrier behind the look: the last lock that the owner
 * took by a store may not be seen yet; the search must find it. */
/* spin: -DPLANT2 */
/* expect: errors */
#include "solo.pml"
