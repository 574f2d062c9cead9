/* SPDX-License-Identifier: BSD-3-Clause */
/* Stack slots: classes, promises, guards of both kinds, reuse, scavenging, and what happens when
 * there are no mappings left. */
#include "base/throw_up.h"
#include "lock/lockrank_up.h"
#include "mem/stack.h"
#include "os/linux/sys.h"
#include "os/linux/vm.h"
#include "harness/test.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct lockrank_held *lockrank_held(void)
{
    return NULL;
}

void throw_report(const char *message)
{
    fprintf(stderr, "fatal error: %s\n", message);
    _exit(2);
}

static bool readable(uintptr_t p)
{
    int fd[2];
    bool yes;

    CHECK_EQ(pipe(fd), 0);
    yes = write(fd[1], (void *)p, 1) == 1;
    CHECK(yes || errno == EFAULT);
    close(fd[0]);
    close(fd[1]);
    return yes;
}

static int resident(uintptr_t p)
{
    unsigned char in = 0;

    CHECK_EQ(mincore((void *)(p & ~(uintptr_t)(PAGE - 1)), PAGE, &in), 0);
    return in & 1;
}

static uintptr_t take_one(int class)
{
    uintptr_t slot;

    CHECK_EQ(stack_promise(class, 1), 0);
    CHECK_EQ(stack_take(class, &slot, 1), 1);
    return slot;
}

TEST(classes)
{
    CHECK_EQ(stack_class(0), 0);
    CHECK_EQ(stack_slot_size(0) - stack_guard_size(0), 196 << 10);
    CHECK_EQ(stack_class(1), 1);
    CHECK_EQ(stack_class(16 << 10), 1);
    CHECK_EQ(stack_class((16 << 10) + 1), 2);
    for (int k = 1; k < STACK_CLASSES; k++) {
        size_t usable = stack_slot_size(k) - stack_guard_size(k);

        CHECK_EQ(usable, (size_t)16384 << (k - 1));
        CHECK_EQ(stack_class(usable), k);
    }
    CHECK_EQ(stack_class(((size_t)16384 << (STACK_CLASSES - 2)) + 1), -1);
    CHECK_EQ(stack_class(SIZE_MAX), -1);
}

static void guarded(enum guard_kind kind)
{
    vm_guard_force(kind);
    for (int class = 0; class < 8; class ++) {
        uintptr_t slot[3];

        for (int i = 0; i < 3; i++) {
            uintptr_t lo, hi;

            slot[i] = take_one(class);
            lo = slot[i] + stack_guard_size(class);
            hi = slot[i] + stack_slot_size(class);
            CHECK_EQ(slot[i] % PAGE, 0);
            CHECK(!readable(slot[i]));
            CHECK(!readable(slot[i] + STACK_GUARD / 2));
            CHECK(!readable(lo - 1));
            CHECK(readable(lo));
            CHECK(readable(hi - 1));
            memset((void *)lo, 0x5a, hi - lo);
            CHECK(stack_in_guard(class, lo, lo - 1));
            CHECK(stack_in_guard(class, lo, slot[i]));
            CHECK(!stack_in_guard(class, lo, lo));
            CHECK(!stack_in_guard(class, lo, slot[i] - 1));
            for (int k = 0; k < i; k++)
                CHECK_GE(llabs((long long)(slot[k] - slot[i])), (long long)stack_slot_size(class));
        }
        stack_give(class, slot, 3);
        stack_unpromise(class, 3);
    }
}

TEST(guards_by_mprotect)
{
    struct stack_stats st;

    guarded(GUARD_PROTECT);
    stack_stats_read(&st);
    CHECK_EQ(st.unguarded, 0);
}

TEST(guards_by_madvise)
{
    struct stack_stats st;

    if (vm_guard_kind() != GUARD_LIGHT)
        test_skip("this kernel has no MADV_GUARD_INSTALL");
    guarded(GUARD_LIGHT);
    stack_stats_read(&st);
    CHECK_EQ(st.unguarded, 0);
}

/* The last given is the first taken, with its pages and its guard. */
TEST(freed_slots_come_back_hot)
{
    uintptr_t a = take_one(0), b = take_one(0), again[2];
    uintptr_t end = stack_slot_size(0) - 8;

    *(uint64_t *)(a + end) = 1;
    *(uint64_t *)(b + end) = 2;
    stack_give(0, &a, 1);
    stack_give(0, &b, 1);
    CHECK_EQ(stack_take(0, again, 2), 2);
    CHECK(again[0] == b && again[1] == a);
    CHECK_EQ(*(uint64_t *)(a + end), 1);
    CHECK_EQ(*(uint64_t *)(b + end), 2);
    CHECK(!readable(a));
}

TEST(promises_and_counts)
{
    struct stack_stats st;
    uintptr_t slot[100];
    int got = 0;

    CHECK_EQ(stack_promise(3, 100), 0);
    stack_stats_read(&st);
    CHECK_EQ(st.promised, 100);
    CHECK_GE(st.mapped, 100);
    CHECK_EQ(st.taken, 0);
    CHECK_EQ(st.resident, 0);
    while (got < 100)
        got += stack_take(3, slot + got, 100 - got);
    stack_stats_read(&st);
    CHECK_EQ(st.taken, 100);
    CHECK_EQ(st.resident, 100);
    CHECK_GE(st.mapped_bytes, 100 * stack_slot_size(3));
    for (int i = 0; i < 100; i++)
        for (int k = 0; k < i; k++)
            CHECK(slot[i] != slot[k]);
    stack_give(3, slot, 100);
    stack_unpromise(3, 100);
    stack_stats_read(&st);
    CHECK_EQ(st.promised, 0);
    CHECK_EQ(st.taken, 0);
    CHECK_EQ(st.resident, 100);
}

/* Pages of slots unused for long go back; what came back lately is spared; a slot without pages is
 * as good as new. */
TEST(scavenge)
{
    enum { N = 40 };
    uintptr_t slot[N], s;
    size_t end = stack_slot_size(0) - 8;
    struct stack_stats st;

    for (int i = 0; i < N; i++) {
        slot[i] = take_one(0);
        *(uint64_t *)(slot[i] + end) = 0x1234;
    }
    CHECK(!stack_scavenge_pending());
    stack_give(0, slot, N / 2);
    CHECK(stack_scavenge_pending());
    CHECK_EQ(stack_scavenge(1000), 0); /* they came just now */
    stack_give(0, slot + N / 2, N / 2);
    CHECK_EQ(stack_scavenge(5), 5);
    CHECK_EQ(stack_scavenge(1000), N / 2 - 5);
    for (int i = 0; i < N; i++)
        CHECK_EQ(resident(slot[i] + end), i >= N / 2);
    stack_stats_read(&st);
    CHECK_EQ(st.resident, N / 2);
    /* One that goes out and comes back is young again. */
    CHECK_EQ(stack_take(0, &s, 1), 1);
    CHECK_EQ(s, slot[N - 1]);
    stack_give(0, &s, 1);
    CHECK_EQ(stack_scavenge(1000), N / 2 - 1);
    CHECK_EQ(resident(s + end), 1);
    CHECK_EQ(stack_scavenge(1000), 1);
    CHECK(!stack_scavenge_pending());
    for (int i = 0; i < N; i++) {
        CHECK_EQ(stack_take(0, &s, 1), 1);
        CHECK_EQ(*(uint64_t *)(s + end), 0);
        CHECK(!readable(s));
        *(uint64_t *)(s + end) = 5;
    }
}

/* A promise that cannot be kept is refused, changes nothing, and costs nothing later. */
TEST(promise_without_address_space)
{
    struct stack_stats before, after;
    uint32_t much = UINT32_MAX - 1000;
    uintptr_t s = take_one(0);

    stack_stats_read(&before);
    CHECK_EQ(stack_promise(0, much), -ENOMEM);
    CHECK_EQ(stack_promise(STACK_CLASSES - 1, much), -ENOMEM);
    stack_stats_read(&after);
    CHECK_EQ(after.promised, before.promised);
    CHECK_EQ(after.taken, before.taken);
    stack_give(0, &s, 1);
    CHECK_EQ(take_one(0), s);
}

/* Slots of several mappings: what is left of the older ones is used up too, none twice. */
TEST(leftovers_are_used)
{
    enum { N = 3000, MAPPED = 20000 };
    static uintptr_t slot[MAPPED];
    struct stack_stats st;
    int got = 0, all;

    for (int turn = 1; turn <= 10; turn++) {
        CHECK_EQ(stack_promise(0, N / 10), 0);
        /* A third is taken before the next mapping is made. */
        for (int want = turn * N / 30; got < want;)
            got += stack_take(0, slot + got, 1);
    }
    stack_stats_read(&st);
    all = (int)st.mapped;
    CHECK_LE(N, all);
    CHECK_LE(all, MAPPED);
    CHECK_EQ(stack_promise(0, (uint32_t)(all - N)), 0);
    while (got < all)
        got += stack_take(0, slot + got, all - got);
    stack_stats_read(&st);
    CHECK_EQ(st.mapped, all);
    CHECK_EQ(st.taken, all);
    for (int i = 0; i < all; i++) {
        uint64_t *p = (uint64_t *)(slot[i] + stack_slot_size(0) - 8);

        CHECK_EQ(*p, 0);
        *p = 1;
    }
}

/* More guards than the kernel allows mappings: stacks are handed out all the same, and those
 * without a guard are counted. */
TEST_WITHIN(more_guards_than_mappings, 60)
{
    enum { N = 40000 };
    static uintptr_t slot[N];
    struct stack_stats st;
    long limit = 65530;
    FILE *f = fopen("/proc/sys/vm/max_map_count", "r");

    if (TEST_TSAN)
        test_skip("the sanitizer itself maps memory now and then");
    if (f && fscanf(f, "%ld", &limit) != 1)
        limit = 65530;
    if (f)
        fclose(f);
    if (limit > 2 * N - 10000)
        test_skip("vm.max_map_count is high");
    vm_guard_force(GUARD_PROTECT);
    CHECK_EQ(stack_promise(0, N), 0);
    for (int got = 0; got < N;)
        got += stack_take(0, slot + got, N - got);
    stack_stats_read(&st);
    CHECK_GT(st.unguarded, 0);
    CHECK_LT(st.unguarded, N - limit / 2 + 5000);
    CHECK(!readable(slot[0]));
    CHECK(readable(slot[N - 1] + stack_slot_size(0) - 1));
    /* A sanitizer maps things at the end. */
    for (int i = 0; i < N; i++)
        vm_unmap((void *)slot[i], stack_slot_size(0));
}

/* --- threads ---------------------------------------------------------------------------------- */

enum { THREADS = 3, TURNS = 20000, HELD = 20 };

/* Its last word: 1 while somebody holds it. */
static uint64_t *mark(uintptr_t slot)
{
    return (uint64_t *)(slot + stack_slot_size(0) - 8);
}

static void give_back(uintptr_t slot)
{
    CHECK_EQ(__atomic_exchange_n(mark(slot), 0, __ATOMIC_RELAXED), 1);
    stack_give(0, &slot, 1);
    stack_unpromise(0, 1);
}

static void *churn(void *arg)
{
    uint64_t r = *(uint64_t *)arg;
    uintptr_t held[HELD];
    int n = 0;

    for (int i = 0; i < TURNS; i++) {
        if (n < HELD && test_rand(&r) % 2) {
            held[n] = take_one(0);
            CHECK_EQ(__atomic_exchange_n(mark(held[n++]), 1, __ATOMIC_RELAXED), 0);
        } else if (n > 0) {
            give_back(held[--n]);
        }
        if (i % 512 == 0)
            stack_scavenge(10);
    }
    while (n > 0)
        give_back(held[--n]);
    return NULL;
}

/* No slot is held by two, none loses its pages while it is held. */
TEST(many_threads)
{
    uint64_t seed = test_seed(), seeds[THREADS];
    struct stack_stats st;
    pthread_t t[THREADS];

    for (int i = 0; i < THREADS; i++) {
        seeds[i] = test_rand(&seed);
        CHECK_EQ(pthread_create(&t[i], NULL, churn, &seeds[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_join(t[i], NULL), 0);
    stack_stats_read(&st);
    CHECK_EQ(st.promised, 0);
    CHECK_EQ(st.taken, 0);
    CHECK_LE(st.resident, THREADS * HELD);
}
