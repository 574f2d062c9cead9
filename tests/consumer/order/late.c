/* SPDX-License-Identifier: BSD-3-Clause */
/* A library of the program's own with deferred calls, compiled with -fexceptions: it and the
 * archive both bring what unwinding needs, and the linker takes the first. */
#include <gamp.h>

int late_work(void);

static void triple(int *n)
{
    *n *= 3;
}

static void add(int *n)
{
    *n += 28;
}

static void work(int *n)
{
    gamp_defer(triple, n);
    gamp_defer(add, n);
    gamp_gosched();
    *n *= 10;
}

int late_work(void)
{
    int n = 10;

    work(&n);
    return n + 2;
}
