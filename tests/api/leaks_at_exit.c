/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory that only goroutines know which are there still when the process ends is no leak, for a
 * sanitizer's search either. */
#include "harness/test.h"
#include <gamp.h>
#include <stdlib.h>
#include <string.h>

enum { SLEEPERS = 20, BYTES = 1000 };

static void sleeper(gamp_chan *begun)
{
    char *mine = malloc(BYTES);
    int one = 1;

    CHECK(mine != NULL);
    memset(mine, 1, BYTES);
    gamp_chan_send(begun, &one);
    gamp_sleep(GAMP_HOUR);
    CHECK_EQ(mine[BYTES - 1], 1);
    free(mine);
}

static void never(char *theirs)
{
    free(theirs);
}

TEST_GO(goroutines_that_are_left)
{
    gamp_chan *begun = gamp_chan_of(int, 0);
    int one;

    for (int i = 0; i < SLEEPERS; i++)
        CHECK_EQ(gamp_go(sleeper, begun), 0);
    for (int i = 0; i < SLEEPERS; i++)
        CHECK(gamp_chan_recv(begun, &one));
    for (int i = 0; i < SLEEPERS; i++)
        CHECK_EQ(gamp_go(never, (char *)malloc(BYTES)), 0);
}
