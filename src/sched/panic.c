/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/panic.h"
#include "base/fmt.h"
#include "base/race.h"
#include "base/throw.h"
#include "os/linux/print.h"
#include "sched/cxx.h"
#include "sched/entry.h"
#include "sched/fatal.h"
#include "sched/foreign.h"
#include "sched/newproc.h"
#include "sched/schedt.h"
#include <errno.h>
#include <gamp/panic.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

struct protect {
    struct protect *link;
    struct gamp_defer *defers;
    struct panic *panics;
    char *message;
    struct cxx_state cxx;
    jmp_buf at;
};

struct gx *gx_self(void)
{
    struct g *gp = getg();

    return (gp ? gp : foreign_attach())->x;
}

/* Runs the deferred calls down to limit. Protects whose frames are passed on the way are gone. */
static void run_defers(struct gx *x, struct gamp_defer *limit)
{
    while (x->defers != limit) {
        struct gamp_defer *d = x->defers;

        while (x->protects && x->protects->defers == d)
            x->protects = x->protects->link;
        x->defers = d->link;
        d->fn(d->arg);
    }
}

/* Those of the list down to limit no longer keep the end of main waiting. */
static void panics_over(struct panic *p, const struct panic *limit)
{
    for (; p != limit; p = p->link) {
        if (p->counted)
            fetch_add_acqrel(&sched.panicking, -1);
        p->counted = false;
    }
}

/* A C++ exception leaves the panic: a deferred call threw it, and it takes the panic's place. */
static void panic_left(struct panic *p)
{
    struct gx *x = gx_self();

    panics_over(x->panics, p->link);
    x->panics = p->link;
}

/* Whether gamp_goexit was called since limit was the newest of the list. */
static bool goexit_since(const struct panic *p, const struct panic *limit)
{
    while (p != limit && !p->goexit)
        p = p->link;
    return p != limit;
}

enum { STOPPED = 1, STOPPED_IN_GOEXIT };

_Noreturn static void recovered(struct gx *x, const struct panic *p)
{
    struct protect *pr = x->protects;
    int how = goexit_since(p, pr->panics) ? STOPPED_IN_GOEXIT : STOPPED;

    if (pr->message)
        fmt_buf(pr->message, PANIC_TEXT, "%s", p->message);
    panics_over(x->panics, pr->panics);
    x->protects = pr->link;
    x->panics = pr->panics;
    if (is_parkable(x->g))
        race_frames_left(x->stack_lo, (uintptr_t)pr);
    _longjmp(pr->at, how);
}

void gopanic(const char *message)
{
    struct gx *x = gx_self();
    __attribute__((cleanup(panic_left))) struct panic p = {
        .link = x->panics, .message = message, .counted = true};

    x->panics = &p;
    fetch_add_acqrel(&sched.panicking, 1);
    run_defers(x, x->protects ? x->protects->defers : NULL);
    if (!x->protects) {
        store_release(&sched.dying, 1);
        gamp_enter();
        fatal_begin();
        printpanics(2, &p);
        fatal_panic(x->g);
    }
    recovered(x, &p);
}

/* Without recursion over the list's length: oldest first. */
void printpanics(int fd, const struct panic *p)
{
    int depth = 0;

    for (const struct panic *q = p; q; q = q->link)
        depth++;
    for (int i = depth; i > 0; i--) {
        const struct panic *q = p;

        for (int k = 1; k < i; k++)
            q = q->link;
        if (q->link && !q->link->goexit)
            print_text(fd, "\t", 1);
        if (q->goexit)
            continue;
        print_text(fd, "panic: ", 7);
        print_text(fd, q->message, strlen(q->message));
        print_text(fd, "\n", 1);
    }
}

/* The list may be damaged, as all that a stray pointer reached: only what lies on the goroutine's
 * own stack, each below the next, is believed. */
void printpanics_fault(int fd, const struct gx *x, const char *message)
{
    struct panic p = {.message = message};
    uintptr_t above = x->stack_lo;

    if (x->g && is_parkable(x->g))
        p.link = x->panics;
    for (struct panic *q = &p; q->link; q = q->link) {
        uintptr_t at = (uintptr_t)q->link;

        if (at <= above || at > x->stack_hi - sizeof(p) || at % _Alignof(struct panic) != 0) {
            q->link = NULL;
            break;
        }
        above = at;
    }
    printpanics(fd, &p);
}

/* Its record stays in the list as long as it runs deferred calls: a protect that began before it
 * does not hold it up. */
_Noreturn static void goexit_on(struct gx *x)
{
    __attribute__((cleanup(panic_left))) struct panic p = {.link = x->panics, .goexit = true};

    /* Panics that it interrupts are over: their deferred calls are part of its own now. They stay
     * in the list for the report of one that comes yet. */
    panics_over(x->panics, NULL);
    x->panics = &p;
    run_defers(x, NULL);
    x->protects = NULL;
    if (!is_parkable(x->g))
        exit(0); /* as where its function returns */
    race_frames_left(x->stack_lo, x->stack_hi);
    gamp_enter();
    if (x->g->goid == 1)
        sched.mainended = true;
    goexit0();
}

void goexit1(void)
{
    struct gx *x = gx_self();

    if (!is_parkable(x->g) && !foreign_was_goroutine(x->g))
        gopanic("gamp_goexit outside a goroutine");
    goexit_on(x);
}

/* Its frame is left, by a C++ exception perhaps. A panic has taken it off already; gamp_goexit,
 * when an exception ends it, may have taken more off than are left now. */
static void protect_end(struct protect *pr)
{
    gx_self()->protects = pr->link;
}

int protect(void (*fn)(void *), void *arg, char *message)
{
    struct gx *x = gx_self();
    __attribute__((cleanup(protect_end))) struct protect pr = {
        .link = x->protects, .defers = x->defers, .panics = x->panics, .message = message};

    cxx_state_read(&pr.cxx);
    switch (_setjmp(pr.at)) {
    case 0:
        x->protects = &pr;
        fn(arg);
        return 0;
    case STOPPED_IN_GOEXIT: /* one of its deferred calls panicked; it goes on */
        cxx_state_back(&pr.cxx);
        goexit_on(gx_self());
    default:
        cxx_state_back(&pr.cxx);
        return -EFAULT;
    }
}

void panic_leave(const char *format, ...)
{
    char message[PANIC_TEXT];
    va_list ap;

    va_start(ap, format);
    fmt_vbuf(message, sizeof message, format, ap);
    va_end(ap);
    gamp_leave();
    gopanic(message);
}
