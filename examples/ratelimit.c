/* SPDX-License-Identifier: BSD-3-Clause */
/* ratelimit: requests are let through at a steady rate, with a burst allowed after a pause. The
 * tokens of a token bucket are the elements of a channel, and a ticker puts one in at a time. */
#include <gamp.h>
#include <stdio.h>

enum { BURST = 3, REQUESTS = 8 };
#define INTERVAL (20 * GAMP_MILLISECOND)

struct limiter {
    gamp_chan *tokens; /* as many as may go at once */
    gamp_chan *stop;
    gamp_timer *ticker;
};

static void refill(struct limiter *l)
{
    gamp_time tick;

    while (gamp_select(GAMP_RECV(gamp_timer_chan(l->ticker), &tick), GAMP_RECV(l->stop, NULL)) == 0)
        gamp_chan_try_send(l->tokens, NULL); /* a full bucket stays full */
}

GAMP_MAIN(argc, argv)
{
    struct limiter l = {gamp_chan_new(0, BURST), gamp_chan_new(0, 0), NULL};
    gamp_waitgroup wg = {0};
    gamp_time begin;

    for (int i = 0; i < BURST; i++)
        gamp_chan_send(l.tokens, NULL);
    begin = gamp_now();
    l.ticker = gamp_ticker_new(INTERVAL);
    if (!l.ticker || gamp_waitgroup_go(&wg, refill, &l) < 0)
        return 1;
    for (int i = 0; i < REQUESTS; i++) {
        /* The first go at once; each of the others waits for a tick of its own. */
        gamp_duration at_least = i < BURST ? 0 : (i - BURST + 1) * INTERVAL;

        gamp_chan_recv(l.tokens, NULL);
        if (gamp_now() - begin < at_least)
            printf("request %d came too early\n", i + 1);
        else if (at_least == 0)
            printf("request %d: at once\n", i + 1);
        else
            printf("request %d: after %d ms\n", i + 1, (int)(at_least / GAMP_MILLISECOND));
    }
    gamp_chan_close(l.stop);
    gamp_waitgroup_wait(&wg);
    gamp_timer_free(l.ticker);
    gamp_chan_unref(l.tokens);
    gamp_chan_unref(l.stop);
    return 0;
}
