/* SPDX-License-Identifier: BSD-3-Clause */
/* spinning_planted: spinning.pml without the last look at all queues; the search must find it. */
/* spin: -DPLANT */
/* expect: errors */
#include "spinning.pml"
