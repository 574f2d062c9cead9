/* SPDX-License-Identifier: BSD-3-Clause */
/* init_a: hooks in a file of their own; see macros.c for the order. */
#include <gamp/run.h>

static int ran;
GAMP_INIT(a1)
{
    ran++;
}
GAMP_INIT(a2)
{
    ran++;
}
GAMP_INIT(a3)
{
    ran++;
}
GAMP_INIT(a4)
{
    ran++;
}
GAMP_INIT(same)
{
    ran++;
}
