/* SPDX-License-Identifier: BSD-3-Clause */
/* fileline: source file and line of a pc, inlined functions included, by libbacktrace (which comes
 * with gcc). Each module has a state of its own, made when it is first asked about.
 *
 * libbacktrace as it is would call dl_iterate_phdr, and libc's open and mmap, which set errno: the
 * build links a copy whose every such call goes to diag/btlibc.h instead. It allocates by mmap. */
#ifndef GAMP_DIAG_FILELINE_H
#define GAMP_DIAG_FILELINE_H

#include "diag/modules.h"

/* false stops the walk. function may be NULL. */
typedef bool fileline_fn(void *arg, const char *file, int line, const char *function);

/* Calls f for the functions inlined at pc, innermost first, and last for the one that really is
 * there. false: nothing is known (no debug information, no libbacktrace), f was not called. Takes
 * no lock of libc or of the loader; in a signal handler as well; about 10 KiB of stack. */
bool fileline_each(struct module *m, uintptr_t pc, fileline_fn *f, void *arg);

#endif
