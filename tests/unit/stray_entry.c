/* SPDX-License-Identifier: BSD-3-Clause */
/* stray_entry: an entry that meets sysmon's question for the P. sysmon withdraws when it sees that
 * the M is in the runtime, and the owner ends the question itself: whichever comes first, the P was
 * not taken. An owner that thought so would look for another, and nobody would have this one. */
#include "harness/test.h"
#include "arch/cpu.h"
#include "sched/syscall.h"
#include <pthread.h>

enum { QUESTIONS = 200000 };

static struct m owner;
static int asked;

/* Both come and go at times that do not match. */
static void pause_a_while(uint64_t *random)
{
    for (uint64_t n = test_rand(random) % 64; n > 0; n--)
        cpu_pause();
}

/* As sysmon's take() does with an M that it finds in the runtime. */
static void *ask_and_withdraw(void *arg)
{
    uint64_t random = test_seed();

    while (load_relaxed(&asked) < QUESTIONS)
        if (cas_acqrel(&owner.stolen, STOLEN_OWNED, STOLEN_ASKING)) {
            pause_a_while(&random);
            cas_acqrel(&owner.stolen, STOLEN_ASKING, STOLEN_OWNED);
            store_relaxed(&asked, asked + 1);
        }
    return arg;
}

TEST_WITHIN(question_withdrawn_in_the_same_moment, 60)
{
    uint64_t random = ~test_seed();
    pthread_t t;

    CHECK_EQ(pthread_create(&t, NULL, ask_and_withdraw, NULL), 0);
    while (load_relaxed(&asked) < QUESTIONS) {
        pause_a_while(&random);
        CHECK(!stray_entering(&owner));
    }
    CHECK_EQ(pthread_join(t, NULL), 0);
}

TEST(question_ended)
{
    store_relaxed(&owner.stolen, STOLEN_ASKING);
    CHECK(!stray_entering(&owner));
    CHECK_EQ(owner.stolen, STOLEN_OWNED);
}

TEST(taken_stays_taken)
{
    store_relaxed(&owner.stolen, STOLEN_TAKEN);
    CHECK(stray_entering(&owner));
    CHECK_EQ(owner.stolen, STOLEN_TAKEN);
}
