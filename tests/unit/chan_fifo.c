/* SPDX-License-Identifier: BSD-3-Clause */
/* Who waits at a channel is served first in, first out, whatever form he waits in and whoever else
 * sends, receives, selects, closes or gives up meanwhile: histories of operations
 * (tests/harness/linear.h), for each of which it is seen when it stood in line. A goroutine's wait
 * passes an emit point (src/event) under the channel's lock, so before a partner can find it. */
#include "event/event.h"
#include "harness/linearplay.h"

static void on_event(enum event_kind kind, uint64_t a, uint64_t b)
{
    (void)b;
    if (kind == EV_GO_BLOCK)
        play_parked(a);
}

static enum linear_verdict in_turn(bool known, uint8_t first, uint8_t second)
{
    struct linear_history h = {
        .n = 4,
        .op = {{.begin = 1, .end = 20, .ncases = 1, .cases = {{LINEAR_SEND, 0, 1}}},
               {.begin = 3, .end = 21, .ncases = 1, .cases = {{LINEAR_SEND, 0, 2}}},
               {.begin = 5, .end = 6, .ncases = 1, .cases = {{LINEAR_RECV, 0, first}}},
               {.begin = 7, .end = 8, .ncases = 1, .cases = {{LINEAR_RECV, 0, second}}}},
    };

    if (known) {
        h.op[0].parked = 2;
        h.op[1].parked = 4;
    }
    return linear_check(&h);
}

/* Two send, and both are there when the first receive begins. */
TEST(the_checker_knows_whose_turn_it_is)
{
    CHECK_EQ(in_turn(true, 1, 2), LINEAR_YES);
    CHECK_EQ(in_turn(true, 2, 1), LINEAR_NO);
    CHECK_EQ(in_turn(false, 2, 1), LINEAR_YES);
}

/* A waiter of whom it is said that he came earlier than he did seems to be served too late. */
TEST_GO_WITHIN(one_that_is_served_out_of_turn_is_found, 60)
{
    static struct played p = {.threads = true};

    store_release(&event_sink, on_event);
    play_all(&p, PLANT_EARLIER, INT64_MAX, 5000);
    printf("in history %ld\n", p.rounds);
    CHECK(p.found);
}

static void at(int procs, bool threads)
{
    static struct played p;

    gamp_gomaxprocs(procs);
    store_release(&event_sink, on_event);
    p.threads = threads;
    play_all(&p, PLANT_NONE, test_nanotime() + 3 * GAMP_SECOND / 2, LONG_MAX);
    if (p.found)
        linear_print(&p.h);
    CHECK(!p.found);
    printf("%ld histories, %ld waits seen, %ld too wide to decide\n", p.rounds, p.parked,
           p.too_wide);
    CHECK_GT(p.parked, 0);
    CHECK_LE(p.too_wide * 20, p.rounds);
}

/* Without locks: sched/solo.h. */
TEST_GO_WITHIN(in_turn_at_one_p_alone, 60)
{
    at(1, false);
}

TEST_GO_WITHIN(in_turn_at_one_p, 60)
{
    at(1, true);
}

TEST_GO_WITHIN(in_turn_at_two_ps, 60)
{
    at(2, true);
}

TEST_GO_WITHIN(in_turn_at_eight_ps, 60)
{
    at(8, true);
}
