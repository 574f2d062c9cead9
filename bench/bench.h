/* SPDX-License-Identifier: BSD-3-Clause */
/* bench: what every C and C++ benchmark program shares: the command line, the clocks, the memory
 * figures, percentiles and the one output format, so that all runtimes are measured by the same
 * code.
 *
 * Command line:  PROGRAM [-w WORKERS] [-s DIVISOR] NAME...
 *                DIVISOR shortens each workload; a NAME the program does not know is an error (2).
 * Output:        one line a figure, "NAME VALUE UNIT". A rate comes twice: by the wall clock (NAME)
 *                and by the CPU time of the whole process (NAME.cpu), which other programs disturb
 *                less.
 *
 * Header-only, because programs that share no build (CMake's and the peers') include it. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct bench_job {
    const char *name;
    void (*fn)(void);
} bench_job;

typedef struct bench_span {
    int64_t wall, cpu;
} bench_span;

static int bench_workers = 1;
static int bench_divisor = 1;

static inline int64_t bench_clock(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static inline int64_t bench_now(void)
{
    return bench_clock(CLOCK_MONOTONIC);
}

static inline int64_t bench_cpu(void)
{
    return bench_clock(CLOCK_PROCESS_CPUTIME_ID);
}

static inline void bench_die(const char *what)
{
    fprintf(stderr, "benchmark: %s\n", what);
    _exit(1);
}

/* The count of a workload after the command line's divisor, at least 1. */
static inline int bench_scaled(int n)
{
    return n / bench_divisor > 0 ? n / bench_divisor : 1;
}

static inline void bench_print(const char *name, const char *part, double value, const char *unit)
{
    printf("%s%s %.3f %s\n", name, part, value, unit);
    fflush(stdout);
}

static inline bench_span bench_begin(void)
{
    bench_span s;
    s.wall = bench_now();
    s.cpu = bench_cpu();
    return s;
}

/* Nanoseconds for each of n operations since s. */
static inline void bench_end_ns(const char *name, bench_span s, double n)
{
    int64_t wall = bench_now() - s.wall, cpu = bench_cpu() - s.cpu;
    bench_print(name, "", (double)wall / n, "ns");
    bench_print(name, ".cpu", (double)cpu / n, "ns");
}

/* Milliseconds since s. */
static inline void bench_end_ms(const char *name, bench_span s)
{
    int64_t wall = bench_now() - s.wall, cpu = bench_cpu() - s.cpu;
    bench_print(name, "", (double)wall / 1e6, "ms");
    bench_print(name, ".cpu", (double)cpu / 1e6, "ms");
}

/* A figure of /proc/self/status, such as "VmRSS:" in KiB or "Threads:"; -1 when it is not there. */
static inline long bench_status(const char *key)
{
    char line[256];
    long v = -1;
    FILE *f = fopen("/proc/self/status", "r");
    if (!f)
        return -1;
    while (fgets(line, sizeof line, f))
        if (strncmp(line, key, strlen(key)) == 0)
            v = strtol(line + strlen(key), NULL, 10);
    fclose(f);
    return v;
}

static inline int bench_compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Sorts v and prints its 50th and 99th percentile, divided by unit_ns. */
static inline void bench_percentiles(const char *name, const char *part, int64_t *v, size_t n,
                                     double unit_ns, const char *unit)
{
    char sub[64];
    if (n == 0)
        return;
    qsort(v, n, sizeof *v, bench_compare);
    snprintf(sub, sizeof sub, "%s_p50", part);
    bench_print(name, sub, (double)v[n / 2] / unit_ns, unit);
    snprintf(sub, sizeof sub, "%s_p99", part);
    bench_print(name, sub, (double)v[(size_t)((double)(n - 1) * 0.99)] / unit_ns, unit);
}

/* Reads the options; returns the index of the first NAME. */
static inline int bench_options(int argc, char **argv)
{
    int c;
    while ((c = getopt(argc, argv, "w:s:")) != -1) {
        if (c == 'w')
            bench_workers = atoi(optarg);
        else if (c == 's')
            bench_divisor = atoi(optarg);
        else
            exit(2);
    }
    if (bench_workers < 1 || bench_divisor < 1 || optind == argc) {
        fprintf(stderr, "usage: %s [-w WORKERS] [-s DIVISOR] NAME...\n", argv[0]);
        exit(2);
    }
    return optind;
}

/* Runs the jobs named in argv[first..]; 0, or 2 when one is unknown. */
static inline int bench_jobs(const bench_job *jobs, size_t n, int argc, char **argv, int first)
{
    for (int i = first; i < argc; i++) {
        size_t k = 0;
        while (k < n && strcmp(jobs[k].name, argv[i]) != 0)
            k++;
        if (k == n) {
            fprintf(stderr, "%s: no workload %s\n", argv[0], argv[i]);
            return 2;
        }
        jobs[k].fn();
    }
    return 0;
}

#endif
