/* SPDX-License-Identifier: BSD-3-Clause */
/* entry_withdrawn_planted: entry.pml with an owner that takes a question withdrawn in the same
 * moment for a P taken; the search must find it. */
/* spin: -DPLANT2 */
/* expect: errors */
#include "entry.pml"
