/* SPDX-License-Identifier: BSD-3-Clause */
/* pipeline: stages joined by channels, which end together when the one who reads has had enough.
 *
 *   numbers -> squares -> main
 *
 * The stages are members of a group: they share its context, and gamp_group_wait outlives them. */
#include <gamp.h>
#include <stdio.h>

struct stage {
    gamp_chan *in, *out;
};

/* false: the pipeline is being taken down. */
static bool send_or_stop(gamp_context *ctx, gamp_chan *c, const int *v)
{
    return gamp_select(GAMP_SEND(c, v), GAMP_RECV(gamp_context_done(ctx), NULL)) == 0;
}

static bool recv_or_stop(gamp_context *ctx, gamp_chan *c, int *v)
{
    return gamp_select(GAMP_RECV(c, v), GAMP_RECV(gamp_context_done(ctx), NULL)) == 0;
}

static int numbers(gamp_context *ctx, void *arg)
{
    struct stage *s = arg;

    for (int n = 1; send_or_stop(ctx, s->out, &n); n++)
        ;
    return 0;
}

static int squares(gamp_context *ctx, void *arg)
{
    struct stage *s = arg;
    int n;

    while (recv_or_stop(ctx, s->in, &n)) {
        n *= n;
        if (!send_or_stop(ctx, s->out, &n))
            break;
    }
    return 0;
}

GAMP_MAIN(argc, argv)
{
    struct stage first = {NULL, gamp_chan_of(int, 0)};
    struct stage second = {first.out, gamp_chan_of(int, 0)};
    gamp_group g;
    int n;

    if (gamp_group_init(&g, NULL) < 0 || gamp_group_go(&g, numbers, &first) < 0 ||
        gamp_group_go(&g, squares, &second) < 0)
        return 1;
    do {
        gamp_chan_recv(second.out, &n);
        printf("%d\n", n);
    } while (n < 100);
    gamp_context_cancel(gamp_group_context(&g), 0);
    printf("the group ended with %d\n", gamp_group_wait(&g));
    printf("%d goroutine is left\n", gamp_num_goroutine());
    gamp_chan_unref(first.out);
    gamp_chan_unref(second.out);
    return 0;
}
