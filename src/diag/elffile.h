/* SPDX-License-Identifier: BSD-3-Clause */
/* elffile: an ELF file mapped for reading, as a report needs it: opened by plain system calls,
 * every offset in it checked, since the file on disk may be damaged or may not be the one that was
 * loaded.
 *
 * A file that shrinks while it is mapped makes reading it a SIGBUS; the report that is then cut off
 * goes on with less (diag/symbol.h, symbol_level). */
#ifndef GAMP_DIAG_ELFFILE_H
#define GAMP_DIAG_ELFFILE_H

#include "base/compiler.h"
#include <elf.h>

struct elffile {
    const uint8_t *data;
    size_t size;
    const Elf64_Shdr *sections; /* NULL: it has none */
    uint32_t nsections;
    bool mapped; /* by elffile_open, for elffile_close */
};

/* false: no such file, not a whole ELF file of this machine. f is then empty. */
bool elffile_open(struct elffile *f, const char *path) must_check;
/* An image that is in memory as it would be in a file (the vdso). */
bool elffile_memory(struct elffile *f, const void *data, size_t size) must_check;
void elffile_close(struct elffile *f);

/* The first section of that name (or, name NULL, that type) whose contents lie within the file;
 * NULL: none. */
const Elf64_Shdr *elffile_section(const struct elffile *f, const char *name, uint32_t type);
/* The section's contents lie within the file. */
bool elffile_has(const struct elffile *f, const Elf64_Shdr *s);
/* The contents of a section for which that is so. */
const void *elffile_contents(const struct elffile *f, const Elf64_Shdr *s);
/* The GNU build id: its length, 0 when there is none. */
uint32_t elffile_build_id(const struct elffile *f, const uint8_t **id);

/* The same within a block of notes, wherever it comes from. */
uint32_t elf_note_build_id(const void *notes, size_t size, const uint8_t **id);
/* The header is one of a 64-bit object for this machine. */
bool elf_header_ok(const Elf64_Ehdr *eh);

#endif
