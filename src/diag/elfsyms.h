/* SPDX-License-Identifier: BSD-3-Clause */
/* elfsyms: function names from a module's symbol table: .symtab of its file, or .dynsym of a
 * stripped one.
 *
 * The first look-up maps the file and sorts an index of its functions, which stays with the
 * module; two threads that come first at once both build it and one throws its own away. */
#ifndef GAMP_DIAG_ELFSYMS_H
#define GAMP_DIAG_ELFSYMS_H

#include "diag/modules.h"

struct elfsym {
    const char *name;
    uintptr_t lo;
    bool global; /* visible to other objects */
};

/* The function that pc lies in. false: nobody says. Takes no lock of libc or of the loader; in a
 * signal handler as well. The name stays. */
bool elfsyms_find(struct module *m, uintptr_t pc, struct elfsym *s) must_check;

/* The file at hand is the one that was loaded, as far as build ids tell. */
struct elffile;
bool module_is_file(const struct module *m, const struct elffile *f);

#endif
