/* SPDX-License-Identifier: BSD-3-Clause */
/* gamp/debug.h: looking at a program that runs. */
#ifndef GAMP_DEBUG_H
#define GAMP_DEBUG_H

#include <gamp/base.h>
#include <gamp/errno.h>

GAMP_BEGIN_DECLS

/* Writes the stack of the calling goroutine, or of all (all != 0), to fd in the format of Go's
 * dumps, with file and line where they are known. All are stopped while theirs are taken. 0 or
 * -errno of the write. It takes no lock of libc. Any thread or goroutine. Go: runtime.Stack. */
GAMP_API int gamp_stack_dump(int fd, int all);

/* What the scheduler counts. "ever" ones only grow; the others are of one
 * moment, each by itself. */
typedef struct gamp_sched_stats {
    uint64_t goroutines;      /* alive */
    uint64_t created;         /* ever */
    uint64_t procs;           /* processors, as gamp_gomaxprocs */
    uint64_t threads;         /* that gamp has */
    uint64_t idle_procs;      /* processors without work */
    uint64_t spinning;        /* threads that look for work */
    uint64_t global_queue;    /* runnable goroutines there */
    uint64_t switches;        /* ever: a goroutine began or went on */
    uint64_t steals;          /* ever: goroutines taken from another processor */
    uint64_t handoffs;        /* ever: a processor handed on by a thread that blocks */
    uint64_t preemptions;     /* ever: goroutines stopped for overrunning their slice */
    uint64_t strays;          /* threads inside a blocking call that lost their processor */
    uint64_t stacks_reserved; /* bytes of address space */
    uint64_t stacks_resident; /* bytes of memory, an estimate */
    /* threads that wait with a goroutine stopped for overrunning its slice */
    uint64_t pinned;
    uint64_t reserved[9];     /* 0; later versions name more here */
} gamp_sched_stats;

/* Fills *s. Does not block; any thread, all 0 before the runtime runs. Go: runtime/metrics. */
GAMP_API void gamp_sched_stats_read(gamp_sched_stats *s);

GAMP_END_DECLS

#endif
