/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/api_go.h"
#include "sched/entry.h"
#include "sched/newproc.h"
#include <errno.h>
#include <gamp/go.h>

int gamp_go_call(const gamp_go_options *o, void (*fn)(void), const uintptr_t *args, unsigned nargs)
{
    struct newproc_options options;
    int r;

    if (nargs > 6)
        return -EINVAL;
    if (o)
        options = (struct newproc_options){o->stack_size, o->name};
    gamp_enter();
    r = newproc(o ? &options : NULL, fn, args, nargs, GNORMAL,
                (uintptr_t)__builtin_return_address(0));
    gamp_leave();
    return r;
}
