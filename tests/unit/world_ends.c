/* SPDX-License-Identifier: BSD-3-Clause */
/* world_ends: the program comes to its end while a thread stops the world. Those that are at the
 * end keep their Ps, so nobody may wait for these any more. */
#include "harness/test.h"
#include "harness/waits.h"
#include "sched/schedt.h"
#include <gamp.h>
#include <pthread.h>

static uint32_t spinning, enough;

/* No call, and no signal stops it: it holds up who stops the world. */
static void hog(void)
{
    store_release(&spinning, 1);
    while (!load_acquire(&enough)) {
    }
    gamp_gosched();
    test_fail(__FILE__, __LINE__, "it goes on after the end");
}

static void *set_procs(void *arg)
{
    return (void *)(intptr_t)gamp_gomaxprocs(*(int *)arg);
}

static void *dump(void *arg)
{
    int fd = (int)syscall(SYS_memfd_create, "dump", 0);

    CHECK_EQ(gamp_stack_dump(fd, 1), 0);
    close(fd);
    return arg;
}

static void dump_goroutine(void *arg)
{
    dump(arg);
    test_fail(__FILE__, __LINE__, "it goes on after the end");
}

static void await(const uint32_t *what)
{
    while (!load_acquire(what))
        gamp_sleep(100 * GAMP_MICROSECOND);
}

static void end_while(bool goroutine, void *(*stops)(void *), int procs)
{
    pthread_t first, second;
    void *result;

    setenv("GAMPMAXPROCS", "2", 1);
    setenv("GAMPDEBUG", "asyncpreemptoff=1", 1);
    CHECK_EQ(gamp_start(NULL), 0);
    CHECK_EQ(gamp_go(hog), 0);
    await(&spinning);
    if (goroutine)
        CHECK_EQ(gamp_go(dump_goroutine, NULL), 0);
    else
        CHECK_EQ(pthread_create(&first, NULL, stops, &procs), 0);
    await(&sched.gcwaiting);
    /* One that waits for its turn. */
    CHECK_EQ(pthread_create(&second, NULL, dump, NULL), 0);
    CHECK_EQ(gamp_stop(gamp_now() + 10 * GAMP_MILLISECOND), -ETIMEDOUT);
    store_release(&enough, 1);
    CHECK_EQ(gamp_stop(gamp_now() + GAMP_HOUR), 0);
    CHECK_EQ(pthread_join(second, NULL), 0);
    if (!goroutine) {
        CHECK_EQ(pthread_join(first, &result), 0);
        CHECK(stops != set_procs || (intptr_t)result == 2);
    }
    CHECK_EQ(gamp_gomaxprocs(0), 2);
}

TEST(thread_sets_procs)
{
    end_while(false, set_procs, 3);
}

TEST(thread_dumps)
{
    end_while(false, dump, 0);
}

TEST(goroutine_dumps)
{
    end_while(true, NULL, 0);
}
