/* SPDX-License-Identifier: BSD-3-Clause */
/* sema_handoff: a token released with handoff takes the P along: the waiter runs at once in the
 * releaser's place. Go's TestSemaHandoff asks for two thirds of ten thousand; the rest may meet a
 * preemption, a steal or a waiter that had not parked yet. */
#include "harness/test.h"
#include "sched/entry.h"
#include "sync/sema.h"
#include <gamp/go.h>
#include <gamp/run.h>
#include <gamp/sync.h>
#include <stdatomic.h>

static uint32_t sema;
static _Atomic int waiting, first;
static _Atomic bool over;

static void waiter(void)
{
    int nobody = 0;

    gamp_enter();
    waiting = 1;
    semacquire(&sema, false, WAIT_SEMACQUIRE);
    gamp_leave();
    atomic_compare_exchange_strong(&first, &nobody, 1);
}

/* The other Ps have something to do, so that none of them lies in wait for the releaser. */
static void yielder(void)
{
    while (!over)
        gamp_gosched();
}

static int round_of(bool handoff)
{
    gamp_waitgroup wg = {0};
    int nobody = 0;

    waiting = first = 0;
    CHECK_EQ(gamp_waitgroup_go(&wg, waiter), 0);
    while (!waiting)
        gamp_gosched();
    gamp_gosched();
    gamp_enter();
    semrelease(&sema, handoff);
    gamp_leave();
    atomic_compare_exchange_strong(&first, &nobody, 2);
    gamp_waitgroup_wait(&wg);
    return first;
}

static void waiter_runs_first(int procs)
{
    enum { N = 3000 };
    gamp_waitgroup wg = {0};
    int direct = 0;

    gamp_gomaxprocs(procs);
    for (int i = 1; i < gamp_gomaxprocs(0); i++)
        CHECK_EQ(gamp_waitgroup_go(&wg, yielder), 0);
    for (int i = 0; i < N; i++)
        direct += round_of(true) == 1;
    over = true;
    gamp_waitgroup_wait(&wg);
    CHECK_MSG(direct > N * 2 / 3, "%d of %d", direct, N);
}

TEST_GO_WITHIN(the_waiter_runs_first_at_one_p, 60)
{
    waiter_runs_first(1);
}

TEST_GO_WITHIN(the_waiter_runs_first_at_two_ps, 60)
{
    waiter_runs_first(2);
}

TEST_GO_WITHIN(the_waiter_runs_first_at_eight_ps, 60)
{
    waiter_runs_first(8);
}

/* Without handoff the releaser goes on, on one P surely: the test above can fail. */
TEST_GO_WITHIN(the_releaser_goes_on_without_handoff, 60)
{
    enum { N = 1000 };
    int direct = 0;

    gamp_gomaxprocs(1);
    for (int i = 0; i < N; i++)
        direct += round_of(false) == 1;
    CHECK_MSG(direct < N / 3, "%d of %d", direct, N);
}
