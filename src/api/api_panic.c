/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/api_panic.h"
#include "base/fmt.h"
#include "sched/panic.h"
#include <gamp/errno.h>
#include <gamp/go.h>
#include <gamp/panic.h>
#include <stdio.h>

void gamp_panic(const char *fmt, ...)
{
    char message[PANIC_TEXT];
    va_list ap;

    /* The program's formats may ask for all that printf can; this is user code, outside the
     * runtime. */
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    gopanic(message);
}

int gamp_protect(void (*fn)(void *), void *arg, gamp_panic_info *info)
{
    char message[PANIC_TEXT];
    int r = protect(fn, arg, message);

    if (r && info) {
        struct g *gp = getg();

        fmt_buf(info->message, sizeof info->message, "%s", message);
        info->goid = gp && is_parkable(gp) ? gp->goid : 0;
    }
    return r;
}

void gamp_defer_push(struct gamp_defer *d)
{
    struct gx *x = gx_self();

    d->link = x->defers;
    x->defers = d;
}

void gamp_defer_pop(struct gamp_defer *d)
{
    struct gx *x = gx_self();

    /* Off the list already: a panic or gamp_goexit ran it. */
    if (x->defers != d)
        return;
    x->defers = d->link;
    d->fn(d->arg);
}

int *gamp_errno_location(void)
{
    return __errno_location();
}
