/* SPDX-License-Identifier: BSD-3-Clause */
/* event: the stream of the scheduler's state changes. Every change passes an emit point; with no
 * reader that is one load and a branch not taken. A reader (trace writer, replayable scheduler,
 * probes) sets event_sink. The sink runs where the change happens, inside the runtime: it must not
 * block or allocate. */
#ifndef GAMP_EVENT_EVENT_H
#define GAMP_EVENT_EVENT_H

#include "base/atomic.h"

enum event_kind {
    EV_GO_CREATE,  /* a: goid of the new, b: creator pc */
    EV_GO_START,   /* a: goid, b: P id */
    EV_GO_END,     /* a: goid */
    EV_GO_BLOCK,   /* a: goid, b: wait reason */
    EV_GO_READY,   /* a: goid */
    EV_GO_SCHED,   /* a: goid, b: 0 yielded, 1 preempted at an entry, 2 preempted by signal */
    EV_GO_BLOCKED, /* a: goid, b: P id; its P was taken: it sleeps in the kernel */
    EV_GO_UNBLOCK, /* a: goid; came back from that */
    EV_PROC_START, /* a: P id, b: M id */
    EV_PROC_STOP,  /* a: P id */
    EV_PROCS,      /* a: how many */
    EV_M_START,    /* a: M id */
    EV_M_STOP,     /* a: M id */
    EV_STW_BEGIN,
    EV_STW_END,
};

typedef void event_fn(enum event_kind kind, uint64_t a, uint64_t b);
extern event_fn *event_sink; /* atomic */

static inline void event_emit(enum event_kind kind, uint64_t a, uint64_t b)
{
    /* Acquire pairs with the release store that published the sink and what it uses. */
    event_fn *f = load_acquire(&event_sink);

    if (unlikely(f != NULL))
        f(kind, a, b);
}

#endif
