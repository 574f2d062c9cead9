/* SPDX-License-Identifier: BSD-3-Clause */
/* Histories of channel operations, by goroutines and threads at once, are linearizable
 * (tests/harness/linear.h, linearplay.h). Who stood in line first is checked in
 * tests/unit/chan_fifo.c, where it can be seen. */
/* quick at 1, 2 and 8 Ps: GAMP_STRESS_SECONDS=5 */
#include "harness/linearplay.h"

static void must_find(enum plant plant)
{
    static struct played p = {.threads = true};

    play_all(&p, plant, INT64_MAX, 5000);
    CHECK(p.found);
}

TEST_GO_WITHIN(a_value_received_twice_is_found, 60)
{
    must_find(PLANT_TWICE);
}

TEST_GO_WITHIN(a_lost_value_is_found, 60)
{
    must_find(PLANT_LOST);
}

TEST_GO_WITHIN(swapped_values_are_found, 60)
{
    must_find(PLANT_SWAPPED);
}

TEST_GO_WITHIN(a_value_not_seen_is_found, 60)
{
    must_find(PLANT_MISSED);
}

/* Without a buffer a send and a receive that did not overlap cannot have met. */
TEST(a_meeting_takes_two_at_once)
{
    struct linear_history h = {
        .n = 2,
        .op = {{.begin = 0, .end = 2, .ncases = 1, .cases = {{LINEAR_SEND, 0, 7}}},
               {.begin = 1, .end = 3, .ncases = 1, .cases = {{LINEAR_RECV, 0, 7}}}},
    };

    CHECK_EQ(linear_check(&h), LINEAR_YES);
    h.op[0].end = 1;
    h.op[1].begin = 2;
    CHECK_EQ(linear_check(&h), LINEAR_NO);
    h.cap[0] = 1;
    CHECK_EQ(linear_check(&h), LINEAR_YES);
    h.op[1].cases[0].value = 8;
    CHECK_EQ(linear_check(&h), LINEAR_NO);
}

TEST_GO_WITHIN(histories_are_linearizable, 600)
{
    static struct played p = {.threads = true};
    const char *seconds = getenv("GAMP_STRESS_SECONDS");
    int64_t ns = (seconds ? atoi(seconds) : 60) * GAMP_SECOND;

    play_all(&p, PLANT_NONE, test_nanotime() + ns, LONG_MAX);
    if (p.found)
        linear_print(&p.h);
    CHECK(!p.found);
    printf("%ld histories, %ld too wide to decide\n", p.rounds, p.too_wide);
    CHECK_GT(p.rounds, 0);
    CHECK_LE(p.too_wide * 20, p.rounds);
}
