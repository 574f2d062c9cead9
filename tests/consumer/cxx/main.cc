/* SPDX-License-Identifier: BSD-3-Clause */
/* A program of an outsider's, who has the installed headers and library and nothing else. It has
 * functions named as some of the runtime's own, which must not meet. */
#include <gamp.h>

#include <cstdio>

int schedule(int n);
int newproc(int n);

int schedule(int n)
{
    return n + 1;
}

int newproc(int n)
{
    return schedule(n);
}

static void square(gamp_chan *out, int n)
{
    int v = n * n;
    gamp_chan_send(out, &v);
}

GAMP_MAIN(argc, argv)
{
    (void)argc;
    (void)argv;
    gamp_chan *c = gamp_chan_of(int, 0);
    int sum = 0, v;
    for (int i = 1; i <= 10; i++)
        if (gamp_go(square, c, i) != 0)
            return 1;
    for (int i = 0; i < 10 && gamp_chan_recv(c, &v); i++)
        sum += v;
    gamp_chan_unref(c);
    printf("gamp %s %d.%d.%d: %d\n", gamp_version(), GAMP_VERSION_MAJOR, GAMP_VERSION_MINOR,
           GAMP_VERSION_PATCH, sum + newproc(0));
    return 0;
}
