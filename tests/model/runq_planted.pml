/* SPDX-License-Identifier: BSD-3-Clause */
/* runq_planted: runq.pml with a thief that stores head; the search must find it. */
/* spin: -DPLANT */
/* expect: errors */
#include "runq.pml"
