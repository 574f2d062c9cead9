/* SPDX-License-Identifier: BSD-3-Clause */
/* entry_planted: entry.pml without sysmon's membarrier; the search must find it. */
/* spin: -DPLANT */
/* expect: errors */
#include "entry.pml"
