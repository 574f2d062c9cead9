/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/cxx.h"
#include "base/fmt.h"
#include "sched/m.h"
#include "sched/panic.h"
#include <stdlib.h>

typedef void terminate_handler(void);

/* std::type_info (Itanium C++ ABI 2.9.4): a table pointer and the mangled name. */
struct type_info {
    const void *vtable;
    const char *name;
};

__attribute__((weak)) void *__cxa_get_globals(void);
__attribute__((weak)) void __cxa_end_catch(void);
__attribute__((weak)) const struct type_info *__cxa_current_exception_type(void);
__attribute__((weak)) char *__cxa_demangle(const char *name, char *buf, size_t *n, int *status);
/* std::set_terminate */
__attribute__((weak)) terminate_handler *_ZSt13set_terminatePFvvE(terminate_handler *);

static terminate_handler *before;

void cxx_state_read(struct cxx_state *s)
{
    *s = __cxa_get_globals ? *(struct cxx_state *)__cxa_get_globals() : (struct cxx_state){NULL, 0};
}

void cxx_state_back(const struct cxx_state *s)
{
    struct cxx_state *now;

    if (!__cxa_get_globals || !__cxa_end_catch)
        return;
    now = __cxa_get_globals();
    while (now->caught && now->caught != s->caught)
        __cxa_end_catch();
    now->uncaught = s->uncaught;
}

/* Runs as user code, on the stack of the throw. */
static void terminate(void)
{
    struct g *gp = getg();
    const struct type_info *type =
        __cxa_current_exception_type ? __cxa_current_exception_type() : NULL;
    char message[PANIC_TEXT], *readable = NULL;

    if (!gp || !is_parkable(gp)) {
        if (before)
            before();
        abort();
    }
    if (!type)
        gopanic("std::terminate called without an active C++ exception");
    if (__cxa_demangle)
        readable = __cxa_demangle(type->name + (type->name[0] == '*'), NULL, NULL, NULL);
    fmt_buf(message, sizeof message, "uncaught C++ exception of type %s",
            readable ? readable : type->name);
    free(readable);
    gopanic(message);
}

void cxx_init(void)
{
    if (_ZSt13set_terminatePFvvE)
        before = _ZSt13set_terminatePFvvE(terminate);
}
