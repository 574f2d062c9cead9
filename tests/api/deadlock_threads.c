/* SPDX-License-Identifier: BSD-3-Clause */
/* No deadlock is reported while a thread lives that may still wake a goroutine, whatever other
 * threads begin and end at that moment: the look at who is there must not miss one. */
#include "harness/test.h"

#include <gamp.h>
#include <pthread.h>

enum { ROUNDS = 3000 };

static gamp_chan *c;

static void dawdle(int turns)
{
    for (int i = 0; i < turns; i++)
        __asm__ volatile("");
}

static void *end_soon(void *arg)
{
    dawdle(*(int *)arg % 61 * 1000);
    return NULL;
}

/* Comes after the other in the kernel's list of threads. */
static void *wake(void *arg)
{
    dawdle(*(int *)arg % 67 * 2000);
    gamp_chan_send(c, (int *)arg);
    return NULL;
}

TEST_GO(a_thread_that_ends_hides_no_other)
{
    /* As many as a slow machine has time for. */
    int64_t until = test_nanotime() + 4 * GAMP_SECOND;

    c = gamp_chan_of(int, 0);
    CHECK(c != NULL);
    for (int i = 0, v; i < ROUNDS && test_nanotime() < until; i++) {
        pthread_t ending, waker;

        CHECK_EQ(pthread_create(&ending, NULL, end_soon, &i), 0);
        CHECK_EQ(pthread_create(&waker, NULL, wake, &i), 0);
        CHECK(gamp_chan_recv(c, &v));
        CHECK_EQ(v, i);
        CHECK_EQ(pthread_join(ending, NULL), 0);
        CHECK_EQ(pthread_join(waker, NULL), 0);
    }
    gamp_chan_unref(c);
}
