/* SPDX-License-Identifier: BSD-3-Clause */
/* rt0: a program without the compiler's start files, which begins in gamp's own entry,
 * _rt0_amd64_linux or _rt0_arm64_linux:
 *
 *     cc -nostartfiles rt0.c PREFIX/lib/gamp_rt0.o $(pkg-config --cflags --libs gamp) */
#include <gamp.h>
#include <stdio.h>

GAMP_INIT(hello)
{
    printf("hooks run on goroutine %d\n", (int)gamp_goid());
}

static void add(gamp_chan *sum, int a, int b)
{
    int c = a + b;

    gamp_chan_send(sum, &c);
}

GAMP_MAIN(argc, argv)
{
    gamp_chan *sum = gamp_chan_of(int, 0);
    int result;

    gamp_go(add, sum, 20, 22);
    gamp_chan_recv(sum, &result);
    printf("argc %d, the sum is %d\n", argc, result);
    gamp_chan_unref(sum);
    return 0;
}
