/* SPDX-License-Identifier: BSD-3-Clause */
/* Every allocation behind a timer, a context and a group fails in turn: the call says so, nothing
 * leaks, and the next call works. The malloc here replaces libc's; under a sanitizer, which has its
 * own, there is nothing to test. */
#include "harness/test.h"
#include <errno.h>
#include <gamp.h>
#include <stdlib.h>

#if TEST_SANITIZED

TEST(allocations_fail_in_turn)
{
    test_skip("the sanitizer has malloc");
}

#else

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t k, size_t n);
void __libc_free(void *p);

/* Counts while >= 0; the one that makes it negative fails. Then -1: none does. */
static __thread long fail_in = -1;
static __thread long alive;

static bool fails(void)
{
    if (fail_in < 0 || fail_in-- > 0)
        return false;
    errno = ENOMEM;
    return true;
}

__attribute__((noinline)) void *malloc(size_t n)
{
    if (fails())
        return NULL;
    alive++;
    return __libc_malloc(n);
}

__attribute__((noinline)) void *calloc(size_t k, size_t n)
{
    if (fails())
        return NULL;
    alive++;
    return __libc_calloc(k, n);
}

__attribute__((noinline)) void free(void *p)
{
    if (p)
        alive--;
    __libc_free(p);
}

static void nothing(void *arg)
{
    (void)arg;
}

static bool make(int kind, gamp_context *parent)
{
    gamp_context *c = NULL;
    gamp_timer *t = NULL;
    gamp_group g;

    switch (kind) {
    case 0:
        c = gamp_context_with_cancel(gamp_context_background());
        break;
    case 1:
        c = gamp_context_with_cancel(parent);
        break;
    case 2:
        c = gamp_context_with_timeout(parent, GAMP_HOUR);
        break;
    case 3:
        c = gamp_context_with_timeout(parent, -1);
        break;
    case 4:
        c = gamp_context_with_value(parent, parent, parent);
        break;
    case 5:
        t = gamp_timer_new(GAMP_HOUR);
        break;
    case 6:
        t = gamp_ticker_new(GAMP_HOUR);
        break;
    case 7:
        t = gamp_after_func(GAMP_HOUR, nothing, NULL);
        break;
    default:
        if (gamp_group_init(&g, parent) == -ENOMEM)
            return false;
        CHECK_EQ(gamp_group_wait(&g), 0);
        return true;
    }
    if (!c && !t)
        return false;
    gamp_context_unref(c);
    gamp_timer_free(t);
    return true;
}

static int main_function(int argc, char **argv)
{
    gamp_context *parent = gamp_context_with_cancel(gamp_context_background());

    (void)argc;
    (void)argv;
    /* One thread, so that the counters above are this goroutine's. */
    gamp_lock_os_thread();
    for (int kind = 0; kind <= 8; kind++) {
        int failures = 0;

        for (long nth = 0;; nth++) {
            long before = alive;
            bool made;

            errno = 4711;
            fail_in = nth;
            made = make(kind, parent);
            CHECK_EQ(errno, 4711);
            CHECK_EQ(alive, before);
            if (made)
                break;
            failures++;
            CHECK_EQ(fail_in, -1);
            CHECK(make(kind, parent));
        }
        fail_in = -1;
        CHECK(failures >= 1 && failures <= 4);
        CHECK_EQ(gamp_context_err(parent), 0);
    }
    gamp_context_unref(parent);
    return 0;
}

TEST(allocations_fail_in_turn)
{
    CHECK_EQ(gamp_run(main_function, 0, NULL), 0);
}

#endif
