/* SPDX-License-Identifier: BSD-3-Clause */
/* traceback: a stack in the format of Go's dumps, two lines a frame:
 *
 *     serve(...)
 *     TAB /path/conn.c:87 +0x2c
 *
 * The offset is from the start of the function; of a function without a name, from the start of its
 * module. Functions of this library are left out, but for the public ones,
 * unless GAMPTRACEBACK=system.
 *
 * Nothing here takes a lock of libc or of the loader, allocates but by mmap, or touches errno. Some
 * 24 KiB of stack are enough. */
#ifndef GAMP_DIAG_TRACEBACK_H
#define GAMP_DIAG_TRACEBACK_H

#include "diag/unwind.h"

/* At most this many frames at either end; those between are counted. */
#define TRACEBACK_FRAMES 50

/* Text on its way to a descriptor; or, fd -1, collected in memory until printer_end says where it
 * goes. err is the first that a write or the lack of memory gave; what follows is dropped. */
struct printer {
    int fd, err;
    size_t n, size;
    char *buf;
    char own[1024];
};
void printer_init(struct printer *p, int fd);
void printer_put(struct printer *p, const char *format, ...) printf_like(2, 3);
int printer_flush(struct printer *p); /* returns err */
int printer_end(struct printer *p, int fd);

/* The frames of r and its callers. system: all of them. Returns how many were printed. */
int traceback_frames(struct printer *p, struct unwind_regs *r, bool system);
void traceback_created_by(struct printer *p, uintptr_t pc);

#endif
