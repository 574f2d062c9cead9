/* SPDX-License-Identifier: BSD-3-Clause */
/* pingpong: two players hit a ball to each other over two unbuffered channels. */
#include <gamp.h>
#include <stdio.h>

enum { HITS = 8 };

/* Hits what comes, until the other stops playing or the last hit is his own. */
static void player(const char *name, gamp_chan *in, gamp_chan *out)
{
    int hits;

    while (gamp_chan_recv(in, &hits)) {
        printf("%s %d\n", name, hits);
        if (hits == HITS)
            break;
        hits++;
        gamp_chan_send(out, &hits);
    }
    gamp_chan_close(out);
}

GAMP_MAIN(argc, argv)
{
    gamp_chan *to_ping = gamp_chan_of(int, 0);
    gamp_chan *to_pong = gamp_chan_of(int, 0);
    gamp_waitgroup players = {0};
    int first = 1;

    if (gamp_waitgroup_go(&players, player, "ping", to_ping, to_pong) < 0 ||
        gamp_waitgroup_go(&players, player, "pong", to_pong, to_ping) < 0)
        return 1;
    gamp_chan_send(to_ping, &first);
    gamp_waitgroup_wait(&players);
    printf("game over\n");
    gamp_chan_unref(to_ping);
    gamp_chan_unref(to_pong);
    return 0;
}
