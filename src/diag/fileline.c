/* SPDX-License-Identifier: BSD-3-Clause */
#include "diag/fileline.h"

#ifdef HAVE_LIBBACKTRACE

#include "base/atomic.h"
#include "diag/btlibc.h"
#include "diag/elffile.h"
#include "diag/elfsyms.h"
#include <backtrace.h>

struct query {
    fileline_fn *f;
    void *arg;
    bool answered;
};

static char no_lines; /* its address says that the module has none */

static void on_error(void *data, const char *message, int error)
{
    (void)data;
    (void)message;
    (void)error;
}

static int on_line(void *data, uintptr_t pc, const char *file, int line, const char *function)
{
    struct query *q = data;

    (void)pc;
    if (!file || line <= 0)
        return 0;
    q->answered = true;
    return !q->f(q->arg, file, line, function);
}

/* The state's memory is libbacktrace's and stays; one that lost the race is lost. */
static void *create(struct module *m)
{
    const char *path = module_file(m);
    struct elffile file;
    bool same;
    void *state;

    if (!path || !elffile_open(&file, path))
        return &no_lines;
    same = module_is_file(m, &file);
    elffile_close(&file);
    state = same ? backtrace_create_state(path, 1, on_error, NULL) : NULL;
    return state ? state : &no_lines;
}

bool fileline_each(struct module *m, uintptr_t pc, fileline_fn *f, void *arg)
{
    void *state = load_acquire(&m->lines);
    struct query q = {f, arg, false};
    struct module *outer = btlibc_enter(m);

    if (!state) {
        void *mine = create(m);

        state = cas_acqrel(&m->lines, NULL, mine) ? mine : load_acquire(&m->lines);
    }
    if (state != &no_lines)
        backtrace_pcinfo(state, pc, on_line, on_error, &q);
    btlibc_leave(outer);
    return q.answered;
}

#else

bool fileline_each(struct module *m, uintptr_t pc, fileline_fn *f, void *arg)
{
    (void)m;
    (void)pc;
    (void)f;
    (void)arg;
    return false;
}

#endif
