/* SPDX-License-Identifier: BSD-3-Clause */
/* modules: which ELF objects the process has mapped, for unwinding and symbols.
 *
 * dl_iterate_phdr takes the loader's lock, which a goroutine stopped inside dlopen may hold, so it
 * is asked once, at the start. Later /proc/self/maps tells: modules_refresh reads it with plain
 * system calls and takes ELF headers from memory, safely (diag/peek.h).
 *
 * The table grows only; a record is complete before modules_count covers it and its fields but
 * `gone`, `syms` and `lines` never change, so readers need no lock:
 *   Pairs: add's store_release(count) with module_at's load_acquire(count).
 * A module that was unloaded stays as a record marked gone; it revives when the same file is mapped
 * again at the same place. A process that loads libraries at more than MODULES_MAX places sees the
 * late ones without symbols.
 * Rejected: reusing records, because a reader in a signal handler may be in the middle of one. */
#ifndef GAMP_DIAG_MODULES_H
#define GAMP_DIAG_MODULES_H

#include "base/compiler.h"

#define MODULES_MAX 512u
#define MODULE_SEGMENTS 8u
#define MODULE_ID_MAX 32u

struct elfsyms;

struct segment {
    uintptr_t lo, hi;
    uintptr_t offset; /* of lo in the file */
    bool exec;
};

struct module {
    uintptr_t bias;   /* added to the file's addresses */
    uintptr_t lo, hi; /* covers every segment */
    uint32_t nsegments;
    uint32_t id_len;
    struct segment segments[MODULE_SEGMENTS];
    uint8_t id[MODULE_ID_MAX]; /* build id */
    uintptr_t eh_frame_hdr;    /* PT_GNU_EH_FRAME, 0: none */
    uintptr_t eh_frame;        /* used without a header (gcc -static), 0: none */
    size_t eh_frame_hdr_size, eh_frame_size;
    const char *path; /* as the kernel names it */
    bool main;        /* the executable; read it by /proc/self/exe */
    bool vdso;        /* has no file: memory is the file */
    uint32_t gone;    /* atomic */
    /* Caches, filled by whoever needs them first, by CAS from NULL. */
    struct elfsyms *syms; /* diag/elfsyms.h */
    void *lines;          /* diag/fileline.h */
};

/* Once, at the start of the runtime, where locks are fine. Calling it again does nothing. */
void modules_init(void);

/* Brings the table up to date. Takes no lock of libc or of the loader, allocates by mmap alone,
 * works in a signal handler; best effort: where another thread is at it already it returns at once.
 * Uses 3 KiB of stack. */
void modules_refresh(void);

/* The module with an executable segment at pc, or NULL. */
struct module *module_find(uintptr_t pc);
/* Any segment. */
struct module *module_of_data(uintptr_t addr);
uint32_t modules_count(void);
struct module *module_at(uint32_t i);

/* [addr, addr + n) lies in one segment of m. */
bool module_has(const struct module *m, uintptr_t addr, size_t n);

/* The name to open m's file by; NULL when it has none. */
const char *module_file(const struct module *m);

#endif
