/* SPDX-License-Identifier: BSD-3-Clause */
/* A hundred million short goroutines (SHORT_GOROUTINES sets the number): plain ones for the most
 * part; others that start one more, yield, meet on a channel, or have a stack and a name of their
 * own. Each runs once, and memory stays flat: what the first ones took serves all. */
/* quick: SHORT_GOROUTINES=2000000 */
#include "harness/test.h"
#include <gamp.h>
#include <stdio.h>
#include <stdlib.h>

#if TEST_SANITIZED
enum { DIVIDE = 40, BATCH = 500 }; /* each is dear */
#else
enum { DIVIDE = 1, BATCH = 10000 };
#endif
/* KiB. A batch may run wider than the first ones did: all of it parked at once, on a page each. Of
 * two million goroutines that is 33 bytes each; a record is 96. */
enum { GROWTH = 64 << 10 };

static gamp_waitgroup wg;
static _Atomic uint64_t ran;
static gamp_chan *meet;

static void one(void)
{
    ran++;
    gamp_waitgroup_done(&wg);
}

static void two(void)
{
    CHECK_EQ(gamp_go(one), 0);
    ran++;
    gamp_waitgroup_done(&wg);
}

static void yielding(void)
{
    gamp_gosched();
    one();
}

static void sending(int v)
{
    gamp_chan_send(meet, &v);
    one();
}

static void receiving(void)
{
    int v;

    CHECK(gamp_chan_recv(meet, &v));
    CHECK_EQ(v, 5);
    one();
}

/* BATCH goroutines that end before it returns. */
static void batch(uint64_t number)
{
    const gamp_go_options o = {.stack_size = 20000, .name = "short"};

    gamp_waitgroup_add(&wg, BATCH);
    for (int i = 0; i < BATCH; i++) {
        int err = 0;

        switch (number % 20 ? 0 : i % 10) {
        default:
            err = gamp_go(one);
            break;
        case 1:
            err = gamp_go(two);
            i++;
            break;
        case 3:
            err = gamp_go(yielding);
            break;
        case 4:
            err = gamp_go(sending, 5);
            break;
        case 5:
            err = gamp_go(receiving);
            break;
        case 6:
            err = gamp_go_with(&o, one);
            break;
        }
        CHECK_EQ(err, 0);
    }
    gamp_waitgroup_wait(&wg);
}

static long resident_kib(void)
{
    long total, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    CHECK(f && fscanf(f, "%ld %ld", &total, &resident) == 2);
    fclose(f);
    return resident * 4;
}

TEST_GO_WITHIN(short_goroutines, 240)
{
    const char *text = getenv("SHORT_GOROUTINES");
    uint64_t wanted = text ? strtoull(text, NULL, 10) : 100000000, batches;
    long first = 0, most = 0;
    uint64_t reserved = 0;
    gamp_sched_stats st;
    int64_t began;

    meet = gamp_chan_of(int, 0);
    batches = wanted / DIVIDE / BATCH;
    CHECK_GE(batches, 40);
    began = test_nanotime();
    for (uint64_t i = 0; i < batches; i++) {
        long now;

        batch(i);
        CHECK_EQ(ran, (i + 1) * BATCH);
        if (i % 20)
            continue;
        now = resident_kib();
        gamp_sched_stats_read(&st);
        if (i == 20) { /* every kind was there */
            first = now;
            reserved = st.stacks_reserved;
        }
        most = now > most ? now : most;
        if (i >= 20)
            CHECK_MSG(now <= first + GROWTH, "%ld KiB after %lu batches, %ld KiB at first", now,
                      (unsigned long)i, first);
    }
    printf("%lu goroutines, %.0f ns each; %ld KiB at first, %ld at most\n", (unsigned long)ran,
           (double)(test_nanotime() - began) / (double)ran, first, most);
    CHECK_LE(st.stacks_reserved, reserved + UINT64_C(4) * BATCH * (260 << 10));
    /* main is woken before the last one is gone. */
    while (gamp_num_goroutine() > 1)
        gamp_gosched();
    gamp_chan_unref(meet);
}
