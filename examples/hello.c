/* SPDX-License-Identifier: BSD-3-Clause */
/* hello: the smallest program with a second goroutine. */
#include <gamp.h>
#include <stdio.h>

static void greet(const char *whom, gamp_chan *done)
{
    printf("Hello, %s, from a goroutine!\n", whom);
    gamp_chan_send(done, NULL);
}

GAMP_MAIN(argc, argv)
{
    gamp_chan *done = gamp_chan_new(0, 0);

    if (gamp_go(greet, "world", done) < 0)
        return 1;
    gamp_chan_recv(done, NULL);
    printf("And good-bye from main.\n");
    gamp_chan_unref(done);
    return 0;
}
