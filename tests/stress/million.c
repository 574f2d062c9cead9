/* SPDX-License-Identifier: BSD-3-Clause */
/* A million goroutines alive at once, each on a stack of its own, in the middle of a function: none
 * is lost, each finds its frame as it left it, and what one costs is printed and bounded. Fewer
 * where a sanitizer or an emulator makes each dear. */
/* quick: MILLION=1 */
#include "harness/test.h"
#include <gamp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__)
#define TSAN 1
#elif defined(__SANITIZE_ADDRESS__)
#define ASAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TSAN 1
#elif __has_feature(address_sanitizer)
#define ASAN 1
#endif
#endif

#if defined(TSAN)
enum { ALL = 5000 };
#elif defined(ASAN)
enum { ALL = 20000 };
#else
enum { ALL = 1000000 };
#endif
enum { EACH = 8192, GATES = 64 }; /* EACH: bytes that a goroutine may cost */

static gamp_chan *gates[GATES];
static gamp_waitgroup wg;
static _Atomic int arrived;
static _Atomic uint64_t sum;

/* Stands at a gate with something on its stack. */
__attribute__((noinline)) static void stand(uint64_t id)
{
    uint64_t frame[8];

    for (int i = 0; i < 8; i++)
        frame[i] = id * 8 + (uint64_t)i;
    __asm__ volatile("" : : "r"(frame) : "memory");
    arrived++;
    CHECK(!gamp_chan_recv(gates[id % GATES], (void *)NULL));
    __asm__ volatile("" : : "r"(frame) : "memory");
    for (int i = 0; i < 8; i++)
        CHECK_EQ(frame[i], id * 8 + (uint64_t)i);
    sum += id;
    gamp_waitgroup_done(&wg);
}

static int64_t kib(const char *file, const char *key)
{
    char line[256];
    int64_t n = -1;
    FILE *f = fopen(file, "r");

    while (f && n < 0 && fgets(line, sizeof line, f))
        if (!strncmp(line, key, strlen(key)))
            n = strtoll(line + strlen(key), NULL, 10);
    if (f)
        fclose(f);
    return n;
}

/* With the page tables. */
static int64_t used_kib(void)
{
    return kib("/proc/self/status", "VmRSS:") + kib("/proc/self/status", "VmPTE:");
}

static int how_many(void)
{
    int64_t have = kib("/proc/meminfo", "MemAvailable:");
    int n = getenv("TEST_EMULATOR") && *getenv("TEST_EMULATOR") ? ALL / 50 : ALL;

    if (have >= 0 && have < (int64_t)n * EACH / 1024)
        n = (int)(have * 1024 / EACH / 2);
    return n;
}

/* About ten seconds on two CPUs that are free, most of it the kernel's for the pages. */
TEST_GO_WITHIN(a_million_alive, 120)
{
    int n = how_many();
    int64_t before = used_kib(), began = test_nanotime(), each;
    gamp_sched_stats st;

    for (int i = 0; i < GATES; i++)
        gates[i] = gamp_chan_new(0, 0);
    gamp_waitgroup_add(&wg, n);
    for (int i = 0; i < n; i++)
        CHECK_EQ(gamp_go(stand, (uint64_t)i), 0);
    while (arrived < n)
        gamp_sleep(GAMP_MILLISECOND);
    CHECK_EQ(gamp_num_goroutine(), n + 1);
    gamp_sched_stats_read(&st);
    CHECK_GE(st.stacks_resident, n);
    each = (used_kib() - before) * 1024 / n;
    printf("%d goroutines alive after %.2f s, %lld bytes each with page tables\n", n,
           (double)(test_nanotime() - began) / 1e9, (long long)each);
#if !defined(TSAN) && !defined(ASAN)
    CHECK_LE(each, EACH);
#endif
    for (int i = 0; i < GATES; i++)
        gamp_chan_close(gates[i]);
    gamp_waitgroup_wait(&wg);
    CHECK_EQ(sum, (uint64_t)n * ((uint64_t)n - 1) / 2);
    /* main is woken before the last one is gone. */
    while (gamp_num_goroutine() > 1)
        gamp_gosched();
    printf("all gone after %.2f s\n", (double)(test_nanotime() - began) / 1e9);
    for (int i = 0; i < GATES; i++)
        gamp_chan_unref(gates[i]);
}
