/* SPDX-License-Identifier: BSD-3-Clause */
/* workers: a pool of goroutines takes jobs from one channel and gives results on another.
 *
 * A job is to count the steps that a number takes to 1 when an even one is halved and an odd one
 * becomes 3n + 1. */
#include <gamp.h>
#include <stdio.h>

enum { WORKERS = 3, JOBS = 10 };

struct job {
    int id;
    long n;
};

struct result {
    int id;
    int steps;
};

static int steps(long n)
{
    int count = 0;

    for (; n != 1; count++)
        n = n % 2 == 0 ? n / 2 : 3 * n + 1;
    return count;
}

static void worker(gamp_chan *jobs, gamp_chan *results)
{
    struct job j;

    while (gamp_chan_recv(jobs, &j))
        gamp_chan_send(results, &(struct result){j.id, steps(j.n)});
}

static void hand_out(gamp_chan *jobs)
{
    for (int i = 0; i < JOBS; i++)
        gamp_chan_send(jobs, &(struct job){i, 1000003L * (i + 1)});
    gamp_chan_close(jobs);
}

/* Receivers of results learn in this way that there will be no more. */
static void close_after(gamp_waitgroup *pool, gamp_chan *results)
{
    gamp_waitgroup_wait(pool);
    gamp_chan_close(results);
}

GAMP_MAIN(argc, argv)
{
    gamp_chan *jobs = gamp_chan_of(struct job, 0);
    gamp_chan *results = gamp_chan_of(struct result, WORKERS);
    gamp_waitgroup pool = {0}, others = {0};
    struct result r;
    int by_id[JOBS], n = 0;

    for (int i = 0; i < WORKERS; i++)
        if (gamp_waitgroup_go(&pool, worker, jobs, results) < 0)
            return 1;
    if (gamp_waitgroup_go(&others, hand_out, jobs) < 0 ||
        gamp_waitgroup_go(&others, close_after, &pool, results) < 0)
        return 1;
    while (gamp_chan_recv(results, &r)) {
        by_id[r.id] = r.steps;
        n++;
    }
    gamp_waitgroup_wait(&others);
    for (int i = 0; i < n; i++)
        printf("job %d: %d steps\n", i, by_id[i]);
    gamp_chan_unref(jobs);
    gamp_chan_unref(results);
    return 0;
}
