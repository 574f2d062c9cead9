/* SPDX-License-Identifier: BSD-3-Clause */
#include "os/linux/clock.h"
#include "base/race.h"
#include "os/linux/sys.h"

static int64_t to_ns(const struct timespec *ts)
{
    return ts->tv_sec * 1000000000ll + ts->tv_nsec;
}

/* ThreadSanitizer replaces libc's function by one that reports what it writes, to stacks that the
 * runtime is about to leave or has just entered. The library is not watched otherwise. */
static void clock_read(clockid_t clock, struct timespec *ts)
{
    if (RACE_TSAN)
        sys_call(SYS_clock_gettime, clock, ts);
    else
        clock_gettime(clock, ts);
}

int64_t nanotime(void)
{
    struct timespec ts;

    clock_read(CLOCK_MONOTONIC, &ts);
    return to_ns(&ts);
}

int64_t walltime(void)
{
    struct timespec ts;

    clock_read(CLOCK_REALTIME, &ts);
    return to_ns(&ts);
}

int64_t thread_cputime(clockid_t clock)
{
    struct timespec ts;
    long r = sys_call(SYS_clock_gettime, clock, &ts);

    return r < 0 ? r : to_ns(&ts);
}

clockid_t thread_cpuclock(int tid)
{
    /* The kernel's encoding (include/linux/posix-timers.h): ~tid << 3 | per-thread 4 |
     * CPUCLOCK_SCHED 2. */
    return (clockid_t)((~(unsigned)tid << 3) | 6);
}

int64_t time_add(int64_t a, int64_t b)
{
    int64_t sum;

    if (__builtin_add_overflow(a, b, &sum))
        return b > 0 ? INT64_MAX : INT64_MIN;
    return sum;
}

void clock_sleep(int64_t ns)
{
    struct timespec ts = {ns / 1000000000, ns % 1000000000};

    if (ns > 0)
        sys_call(SYS_nanosleep, &ts, NULL);
}
