/* SPDX-License-Identifier: BSD-3-Clause */
/* resolve: names of hosts and services, by the system's resolver.
 *
 * getaddrinfo blocks as it likes and cannot be called off, so it runs in a goroutine of its own (a
 * thread while no runtime runs), with a stack that does for it; whoever asked waits as long as he
 * wants to. What comes too late is thrown away. */
#ifndef GAMP_STD_RESOLVE_H
#define GAMP_STD_RESOLVE_H

#include "base/compiler.h"
#include "std/addr.h"

/* host or service may be NULL, not both. The count written, at most n; without a service the ports
 * are 0. -ENOENT, -EAGAIN, -EIO, -EINVAL (no such service), -ENOMEM, -ETIMEDOUT. Outside the
 * runtime. */
int resolve_lookup(const char *host, const char *service, const struct network *net, gamp_addr *out,
                   size_t n, int64_t until);

/* gamp_resolve: a name, or an IP address as text, which asks nobody. */
int resolve_host(const char *host, gamp_addr *out, size_t n, int64_t until);

/* All of an address text: where to listen (passive) or to connect. At most n; preferred ones
 * first. */
int resolve_address(const char *text, const struct network *net, bool passive, gamp_addr *out,
                    size_t n, int64_t until);

#endif
