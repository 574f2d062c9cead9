/* SPDX-License-Identifier: BSD-3-Clause */
#include "diag/symbol.h"
#include "base/atomic.h"
#include "diag/elfsyms.h"
#include "diag/fileline.h"
#include <string.h>

/* In libgamp.a all code is in a section of this name, so the linker knows its bounds. In
 * libgamp.so it is the module's. */
extern const char __start_gamp_text[] __attribute__((weak, visibility("hidden")));
extern const char __stop_gamp_text[] __attribute__((weak, visibility("hidden")));

static uint32_t level; /* atomic; enum symbol_level */

enum symbol_level symbol_degrade(void)
{
    uint32_t now = load_relaxed(&level); /* the reports that share it are of one process's end */

    if (now < SYMBOL_NONE)
        store_relaxed(&level, now + 1);
    return (enum symbol_level)load_relaxed(&level);
}

bool symbol_is_gamp(uintptr_t pc)
{
    const struct module *m;

    if (__start_gamp_text)
        return pc >= (uintptr_t)__start_gamp_text && pc < (uintptr_t)__stop_gamp_text;
    m = module_find(pc);
    return m && !m->main && m == module_find((uintptr_t)symbol_is_gamp);
}

struct query {
    symbol_fn *f;
    void *arg;
    struct symbol outer; /* what the symbol table says */
    struct symbol held;  /* the last one told, which may be the outermost */
    bool holding;
};

/* Each is passed on when the next one comes, so that the last is known to be. */
static bool on_line(void *arg, const char *file, int line, const char *function)
{
    struct query *q = arg;

    if (q->holding)
        q->f(q->arg, &q->held);
    q->holding = true;
    q->held = (struct symbol){
        .function = function, .file = file, .line = line, .module = q->outer.module};
    return true;
}

static void from_table(struct module *m, uintptr_t pc, struct symbol *s)
{
    bool ours = symbol_is_gamp(pc);
    struct elfsym sym;

    s->module = m;
    if (elfsyms_find(m, pc, &sym)) {
        s->function = sym.name;
        s->entry = sym.lo;
        s->api = ours && sym.global && strncmp(sym.name, "gamp_", 5) == 0;
    }
    s->internal = ours && !s->api;
}

void symbol_each(uintptr_t pc, symbol_fn *f, void *arg)
{
    struct query q = {.f = f, .arg = arg};
    uint32_t l = load_relaxed(&level);
    struct module *m = module_find(pc);

    if (m && l < SYMBOL_NONE) {
        from_table(m, pc, &q.outer);
        if (l == SYMBOL_LINES && fileline_each(m, pc, on_line, &q)) {
            q.outer.file = q.held.file;
            q.outer.line = q.held.line;
            /* Parts that the compiler split off (f.cold) go by the function's own name; but C++
             * names stay as the linker has them. */
            if (q.held.function && (!q.outer.function || strchr(q.outer.function, '.')))
                q.outer.function = q.held.function;
        }
    }
    q.outer.module = m;
    f(arg, &q.outer);
}

static void keep(void *arg, const struct symbol *s)
{
    *(struct symbol *)arg = *s;
}

void symbol_of(uintptr_t pc, struct symbol *s)
{
    symbol_each(pc, keep, s);
}
