/* SPDX-License-Identifier: BSD-3-Clause */
/* api_select: the door of gamp/select.h. Many cases take memory, which is had before the runtime is
 * entered and given back after it is left, before a panic too. */
#include "api/api_select.h"
#include "base/fmt.h"
#include "sched/entry.h"
#include "sched/panic.h"
#include "sync/objmem.h"
#include "sync/select.h"

static cold_path _Noreturn void panic_cases(enum select_error err, const gamp_case *bad)
{
    char text[128];

    switch (err) {
    case SELECT_DEFAULTS:
        gopanic("multiple defaults in select");
    case SELECT_SIZE:
        if (bad->size == bad->chan->elem_size || bad->size == GAMP_SIZE_UNCHECKED_)
            gopanic("send of a NULL element in select");
        fmt_buf(text, sizeof text, "element size mismatch: %zu bytes on a channel of %u in select",
                bad->size, bad->chan->elem_size);
        gopanic(text);
    default:
        gopanic("unknown kind of case in select");
    }
}

static always_inline int run(const gamp_case *cases, uint32_t n, struct selcase *waits,
                             struct selchan *order, void *memory)
{
    struct selector s;
    enum select_error err;
    bool closed;
    uint32_t bad;
    int index;

    err = select_init(&s, cases, n, waits, order, &bad);
    if (unlikely(err != SELECT_OK)) {
        objmem_free(memory);
        panic_cases(err, &cases[bad]);
    }
    gamp_enter();
    index = select_go(&s, &closed);
    gamp_leave();
    if (unlikely(s.left))
        chan_free_all(s.left);
    if (memory)
        objmem_free(memory);
    if (unlikely(closed))
        gopanic("send on closed channel");
    return index;
}

static noinline int run_many(const gamp_case *cases, uint32_t n)
{
    char *memory = objmem_alloc(n * (sizeof(struct selcase) + sizeof(struct selchan)));

    if (!memory)
        return -ENOMEM;
    return run(cases, n, (struct selcase *)memory,
               (struct selchan *)(memory + n * sizeof(struct selcase)), memory);
}

int gamp_selectv(gamp_case *cases, size_t n)
{
    struct selcase waits[SELECT_FEW];
    struct selchan order[SELECT_FEW];

    if (likely(n <= SELECT_FEW))
        return run(cases, (uint32_t)n, waits, order, NULL);
    if (n > SELECT_MAX)
        gopanic("too many cases in select (max 65536)");
    return run_many(cases, (uint32_t)n);
}
