/* SPDX-License-Identifier: BSD-3-Clause */
/* gamp/errno.h: an errno that stays right when a goroutine changes threads.
 *
 * The errno of libc is a call to a function declared const, and compilers keep the address it
 * gave for as long as they like. A goroutine may run on another thread after any gamp call; the
 * kept address is then the old thread's. Here errno asks anew each time. Its value travels with
 * the goroutine, so the value seen before a gamp call is seen after it.
 *
 * Every header of gamp includes this one. Code that uses errno around gamp calls must include one
 * of them. A later <errno.h> does no harm. */
#ifndef GAMP_ERRNO_H
#define GAMP_ERRNO_H

#include <errno.h>
#include <gamp/base.h>

GAMP_BEGIN_DECLS

/* The address of the calling thread's errno at this moment; not to be kept over another gamp
 * call. Does not block; any thread or goroutine. */
GAMP_API int *gamp_errno_location(void) GAMP_OPAQUE_;

GAMP_END_DECLS

#undef errno
#define errno (*gamp_errno_location())

#endif
