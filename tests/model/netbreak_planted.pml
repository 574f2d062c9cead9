/* SPDX-License-Identifier: BSD-3-Clause */
/* netbreak_planted: netbreak.pml where sysmon drains a break that was for one who had just begun to
 * block; the search must find it. */
/* spin: -DPLANT */
/* cc: -DSAFETY */
/* expect: errors */
#include "netbreak.pml"
