/* SPDX-License-Identifier: BSD-3-Clause */
/* addr: network names and addresses as text, as Go writes them.
 *
 *   HOST:PORT    host: empty, an IPv4 or IPv6 address (in brackets, with %ZONE), or a name
 *   PATH         unix; "@NAME" is in the abstract namespace */
#ifndef GAMP_STD_ADDR_H
#define GAMP_STD_ADDR_H

#include "base/compiler.h"
#include <gamp/net.h>

struct network {
    int family; /* AF_UNSPEC: both IPs; AF_INET, AF_INET6, AF_UNIX */
    int type;   /* SOCK_STREAM, SOCK_DGRAM */
};

enum { ADDR_HOST_MAX = 256, ADDR_PORT_MAX = 64 };

/* 0 or -EINVAL. */
int addr_network(const char *name, struct network *out);
/* Parts an IP network's address; brackets go. 0 or -EINVAL. */
int addr_split(const char *text, char host[ADDR_HOST_MAX], char port[ADDR_PORT_MAX]);
/* A number of a port, or -1. */
int addr_port_number(const char *port);
/* An IP address without a port, with a zone. 0; -EINVAL: it is none. */
int addr_ip(const char *host, gamp_addr *out);
int addr_unix(const char *path, gamp_addr *out);
void addr_set_port(gamp_addr *a, int port);
/* The unspecified address, and the loopback's. */
void addr_any(int family, gamp_addr *out);
void addr_loopback(int family, gamp_addr *out);
bool addr_is_any(const gamp_addr *a);

/* The length without NUL, or -ENOSPC. An IPv4 address mapped into IPv6 is written as IPv4. */
int addr_format(const gamp_addr *a, char *buf, size_t n);

#endif
