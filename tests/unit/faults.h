/* SPDX-License-Identifier: BSD-3-Clause */
/* faults: system calls, threads and allocations that fail on demand, for tests named *_faults:
 * these are linked with the library of a debug build, and with --wrap for malloc and its kin.
 *
 *     arm(SYS_mmap, -ENOMEM, 3);   the fourth call from now on fails
 *     fault.every = true;          and all after it
 *     ...
 *     disarm();
 *     if (faulted()) ...           one has failed
 *
 * FAULT_MALLOC stands for malloc, calloc and aligned_alloc; SYS_clone for making a thread. */
#ifndef GAMP_TEST_FAULTS_H
#define GAMP_TEST_FAULTS_H

#include "os/linux/sys.h"
#include <errno.h>
#include <gamp/run.h>
#include <stdbool.h>
#include <stdlib.h>

#define FAULT_MALLOC (-7)

/* The sanitizer does not see how the library orders its reads of these. */
#define FAULTS_FN __attribute__((no_sanitize("thread"), unused))

static struct {
    long number;
    long error;
    int at;          /* which call of that number fails, from 0 */
    int n;           /* calls so far */
    bool every;      /* all from there on */
    bool done;       /* it has failed */
    pid_t tid;       /* of this thread alone, unless 0 */
    bool goroutines; /* of these alone */
} fault;

/* Other threads of the runtime come by too; what they then see does not matter. */
FAULTS_FN static long inject(long number)
{
    int n;

    if (number != fault.number || (fault.goroutines && gamp_goid() == 0) ||
        (fault.tid && sys_raw6(SYS_gettid, 0, 0, 0, 0, 0, 0) != fault.tid))
        return 0;
    n = __atomic_fetch_add(&fault.n, 1, __ATOMIC_RELAXED);
    if (n != fault.at && !(fault.every && n > fault.at))
        return 0;
    __atomic_store_n(&fault.done, true, __ATOMIC_RELAXED);
    return fault.error;
}

FAULTS_FN static void arm(long number, long error, int at)
{
    __atomic_store_n(&sys_fault, NULL, __ATOMIC_SEQ_CST);
    fault.number = number;
    fault.error = error;
    fault.at = at;
    fault.n = 0;
    __atomic_store_n(&fault.done, false, __ATOMIC_RELAXED);
    fault.every = false;
    fault.tid = 0;
    fault.goroutines = false;
    __atomic_store_n(&sys_fault, inject, __ATOMIC_SEQ_CST);
}

FAULTS_FN static void disarm(void)
{
    __atomic_store_n(&sys_fault, NULL, __ATOMIC_SEQ_CST);
}

FAULTS_FN static bool faulted(void)
{
    return __atomic_load_n(&fault.done, __ATOMIC_RELAXED);
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t k, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t k, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);

FAULTS_FN static bool malloc_fails(void)
{
    if (!__atomic_load_n(&sys_fault, __ATOMIC_RELAXED) || inject(FAULT_MALLOC) == 0)
        return false;
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t n)
{
    return malloc_fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t k, size_t n)
{
    return malloc_fails() ? NULL : __real_calloc(k, n);
}

void *__wrap_aligned_alloc(size_t align, size_t n)
{
    return malloc_fails() ? NULL : __real_aligned_alloc(align, n);
}

#endif
