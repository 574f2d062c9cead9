/* SPDX-License-Identifier: BSD-3-Clause */
/* symbol: what a report prints for a pc: function, file, line. */
#ifndef GAMP_DIAG_SYMBOL_H
#define GAMP_DIAG_SYMBOL_H

#include "diag/modules.h"

struct symbol {
    const char *function; /* as the object file has it; NULL: unknown */
    const char *file;     /* NULL: unknown */
    int line;
    uintptr_t entry;             /* of the function that is really there; 0: unknown */
    const struct module *module; /* NULL: none */
    bool api;                    /* function is a public one of this library */
    bool internal;               /* it is another one of this library */
};

typedef void symbol_fn(void *arg, const struct symbol *s);

/* Calls f at least once: for the functions inlined at pc, innermost first, then for the one that
 * they are inlined into. For a return address pass the address - 1. Of functions of this library
 * the last call alone tells api and internal. Takes no lock of libc or of the loader; in a signal
 * handler as well. The strings stay. */
void symbol_each(uintptr_t pc, symbol_fn *f, void *arg);

/* The last of them. */
void symbol_of(uintptr_t pc, struct symbol *s);

/* pc is in this library's code. */
bool symbol_is_gamp(uintptr_t pc);

/* A report that itself faults goes on with less: files and lines are given up first, then names. */
enum symbol_level { SYMBOL_LINES, SYMBOL_NAMES, SYMBOL_NONE };
enum symbol_level symbol_degrade(void); /* returns what is left */

#endif
