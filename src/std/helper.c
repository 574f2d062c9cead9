/* SPDX-License-Identifier: BSD-3-Clause */
#include "std/helper.h"
#include "os/linux/thread.h"
#include "sched/entry.h"
#include "sched/newproc.h"
#include <errno.h>

/* Resolvers' plugins have frames of tens of KiB. */
enum { HELPER_STACK = 256 << 10 };

int helper_start(void (*fn)(void *), void *arg, const char *name)
{
    const struct newproc_options o = {.stack_size = HELPER_STACK, .name = name};
    uintptr_t word = (uintptr_t)arg;
    int err;

    gamp_enter();
    err = newproc(&o, (void (*)(void))fn, &word, 1, GSYSTEM, (uintptr_t)helper_start);
    gamp_leave();
    return err == -EPERM ? thread_create(fn, arg, HELPER_STACK) : err;
}
