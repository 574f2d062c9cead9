/* SPDX-License-Identifier: BSD-3-Clause */
/* highfd: numbers for the library's own descriptors, out of the way of programs that count on the
 * lowest free one or put descriptors at low numbers of their choice. */
#ifndef GAMP_OS_HIGHFD_H
#define GAMP_OS_HIGHFD_H

/* Moves fd, close-on-exec, to a number of about 1000, or what comes near it under the program's
 * limit. The number it has then; fd itself where there is none; fd, if it is negative. */
int highfd(int fd);

#endif
