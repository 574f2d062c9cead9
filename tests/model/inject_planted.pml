/* SPDX-License-Identifier: BSD-3-Clause */
/* inject_planted: inject.pml with the idle Ps counted before the put; the search must find it. */
/* spin: -DPLANT */
/* expect: errors */
#include "inject.pml"
