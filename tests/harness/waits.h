/* SPDX-License-Identifier: BSD-3-Clause */
/* waits: seeing from outside that others wait, where a sleep would only hope so.
 *
 *     await_goroutines(3, "chan receive");     three or more wait so, by the words of reports
 *     await_thread(tid);                       the thread sleeps in the kernel
 *
 * A goroutine that reports call waiting stands in its queue already. A thread that has told its
 * tid, and does nothing after that but the wait, stands there once it sleeps and goes on sleeping:
 * for a lock of the runtime, of a sanitizer or of an emulator it would do so for a moment. */
#ifndef GAMP_TEST_WAITS_H
#define GAMP_TEST_WAITS_H

#include "harness/test.h"
#include <fcntl.h>
#include <gamp/debug.h>
#include <gamp/run.h>
#include <gamp/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int goroutines_waiting(const char *why)
{
    int fd = (int)syscall(SYS_memfd_create, "dump", 0), n = 0;
    char start[64];
    char *text;
    off_t size;

    CHECK_GE(fd, 0);
    CHECK_EQ(gamp_stack_dump(fd, 1), 0);
    size = lseek(fd, 0, SEEK_END);
    CHECK_GT(size, 0);
    text = (char *)calloc(1, (size_t)size + 1);
    CHECK(text && pread(fd, text, (size_t)size, 0) == size);
    close(fd);
    snprintf(start, sizeof start, " [%s", why);
    for (const char *at = text; (at = strstr(at, start)); at++)
        n++;
    free(text);
    return n;
}

static inline void await_goroutines(int n, const char *why)
{
    while (goroutines_waiting(why) < n)
        gamp_sleep(100 * GAMP_MICROSECOND);
}

/* The state of a thread, and how often it has gone to sleep so far. */
static inline char thread_state(pid_t tid, long *sleeps)
{
    char path[64], line[128], state = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/self/task/%d/status", (int)tid);
    f = fopen(path, "r");
    CHECK(f != NULL);
    *sleeps = -1;
    while (fgets(line, sizeof line, f)) {
        sscanf(line, "State: %c", &state);
        sscanf(line, "voluntary_ctxt_switches: %ld", sleeps);
    }
    fclose(f);
    return state;
}

static inline void await_thread(pid_t tid)
{
    long sleeps, before = -1;

    for (int same = 0; same < 3;) {
        same = thread_state(tid, &sleeps) == 'S' && sleeps == before ? same + 1 : 0;
        before = sleeps;
        gamp_sleep(3 * GAMP_MILLISECOND);
    }
}

#endif
