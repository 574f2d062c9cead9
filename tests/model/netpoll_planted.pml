/* SPDX-License-Identifier: BSD-3-Clause */
/* netpoll_planted: netpoll.pml with a break that comes between the two steps of draining and stays
 * set; the search must find it. */
/* spin: -DPLANT */
/* cc: -DCOLLAPSE -DSAFETY */
/* expect: errors */
#include "netpoll.pml"
