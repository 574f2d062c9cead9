/* SPDX-License-Identifier: BSD-3-Clause */
/* init_b: the same, linked before init_a. */
#include <gamp/run.h>

static int ran;
GAMP_INIT(b1)
{
    ran++;
}
GAMP_INIT(b2)
{
    ran++;
}
GAMP_INIT(b3)
{
    ran++;
}
GAMP_INIT(same)
{
    ran++;
}
