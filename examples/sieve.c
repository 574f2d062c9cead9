/* SPDX-License-Identifier: BSD-3-Clause */
/* sieve: the primes, found by a chain of goroutines, each of which filters out the multiples of
 * one.
 *
 *   generate -> filter 2 -> filter 3 -> filter 5 -> ... -> main
 *
 * Every goroutine of the chain also listens to `stop`, so that the chain can be taken down. */
#include <gamp.h>
#include <stdio.h>

enum { PRIMES = 20 };

/* 2, 3, 4, ... */
static void generate(gamp_chan *out, gamp_chan *stop)
{
    int n = 2;

    while (gamp_select(GAMP_SEND(out, &n), GAMP_RECV(stop, NULL)) == 0)
        n++;
}

/* What comes in goes out, but for the multiples of prime. */
static void filter(gamp_chan *in, gamp_chan *out, gamp_chan *stop, int prime)
{
    int n;

    while (gamp_select(GAMP_RECV(in, &n), GAMP_RECV(stop, NULL)) == 0) {
        if (n % prime == 0)
            continue;
        if (gamp_select(GAMP_SEND(out, &n), GAMP_RECV(stop, NULL)) != 0)
            break;
    }
}

GAMP_MAIN(argc, argv)
{
    gamp_chan *links[PRIMES + 1], *stop = gamp_chan_new(0, 0);
    gamp_waitgroup chain = {0};

    links[0] = gamp_chan_of(int, 0);
    if (gamp_waitgroup_go(&chain, generate, links[0], stop) < 0)
        return 1;
    for (int i = 0; i < PRIMES; i++) {
        int prime;

        gamp_chan_recv(links[i], &prime);
        printf("%d\n", prime);
        links[i + 1] = gamp_chan_of(int, 0);
        if (gamp_waitgroup_go(&chain, filter, links[i], links[i + 1], stop, prime) < 0)
            return 1;
    }
    gamp_chan_close(stop);
    gamp_waitgroup_wait(&chain);
    for (int i = 0; i <= PRIMES; i++)
        gamp_chan_unref(links[i]);
    gamp_chan_unref(stop);
    return 0;
}
