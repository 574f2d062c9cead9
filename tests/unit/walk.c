/* SPDX-License-Identifier: BSD-3-Clause */
/* walk: the order in which a P looks at the others for work. */
#include "sched/walk.h"
#include "harness/test.h"
#include <gamp/run.h>
#include <string.h>

enum { MOST = 1024 };

static void each_once(uint32_t count)
{
    struct walk w = walk_begin(count);
    bool seen[MOST] = {false};
    uint32_t n = 0, k;

    while (walk_next(&w, &k)) {
        CHECK_LT(k, count);
        CHECK(!seen[k]);
        seen[k] = true;
        n++;
    }
    CHECK_EQ(n, count);
    CHECK(!walk_next(&w, &k));
}

TEST_GO(covers_all_once)
{
    for (uint32_t count = 1; count <= 130; count++)
        for (int i = 0; i < 50; i++)
            each_once(count);
    each_once(210);
    each_once(1023);
    each_once(MOST);
}

/* Every start and every step that covers all come up, and each P is second after each other one:
 * for 8, four steps of 1, 3, 5, 7. A miss has a probability of (31/32)^2000. */
TEST_GO(orders_differ)
{
    int first[8] = {0}, pairs[8][8] = {{0}};

    for (int i = 0; i < 2000; i++) {
        struct walk w = walk_begin(8);
        uint32_t a = 0, b = 0;

        CHECK(walk_next(&w, &a));
        CHECK(walk_next(&w, &b));
        first[a]++;
        pairs[a][b]++;
    }
    for (int a = 0; a < 8; a++) {
        CHECK_GT(first[a], 0);
        for (int b = 0; b < 8; b++)
            CHECK_EQ(pairs[a][b] > 0, (b - a) % 2 != 0);
    }
}
