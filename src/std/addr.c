/* SPDX-License-Identifier: BSD-3-Clause */
#include "std/addr.h"
#include "base/fmt.h"
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

int addr_network(const char *name, struct network *out)
{
    static const struct {
        const char *name;
        struct network network;
    } known[] = {
        {"tcp", {AF_UNSPEC, SOCK_STREAM}}, {"tcp4", {AF_INET, SOCK_STREAM}},
        {"tcp6", {AF_INET6, SOCK_STREAM}}, {"udp", {AF_UNSPEC, SOCK_DGRAM}},
        {"udp4", {AF_INET, SOCK_DGRAM}},   {"udp6", {AF_INET6, SOCK_DGRAM}},
        {"unix", {AF_UNIX, SOCK_STREAM}},  {"unixgram", {AF_UNIX, SOCK_DGRAM}},
    };

    for (size_t i = 0; name && i < ARRAY_LEN(known); i++)
        if (strcmp(name, known[i].name) == 0) {
            *out = known[i].network;
            return 0;
        }
    return -EINVAL;
}

static int copy(char *to, size_t room, const char *from, size_t n)
{
    if (n >= room)
        return -EINVAL;
    memcpy(to, from, n);
    to[n] = '\0';
    return 0;
}

int addr_split(const char *text, char host[ADDR_HOST_MAX], char port[ADDR_PORT_MAX])
{
    const char *colon, *begin = text, *end;

    /* libc's readers of numbers and names would pass over the space. */
    if (!text || strpbrk(text, " \t\r\n\v\f"))
        return -EINVAL;
    colon = strrchr(text, ':');
    if (!colon)
        return -EINVAL;
    end = colon;
    if (*text == '[') {
        begin++;
        if (end == text || end[-1] != ']')
            return -EINVAL;
        end--;
    } else if (memchr(begin, ':', (size_t)(end - begin))) {
        return -EINVAL;
    }
    if (memchr(begin, '[', (size_t)(end - begin)) || memchr(begin, ']', (size_t)(end - begin)) ||
        strpbrk(colon, "[]"))
        return -EINVAL;
    if (copy(host, ADDR_HOST_MAX, begin, (size_t)(end - begin)) < 0)
        return -EINVAL;
    return copy(port, ADDR_PORT_MAX, colon + 1, strlen(colon + 1));
}

int addr_port_number(const char *port)
{
    int n = *port ? 0 : -1;

    for (; *port; port++) {
        if (*port < '0' || *port > '9' || n > 65535)
            return -1;
        n = n * 10 + (*port - '0');
    }
    return n <= 65535 ? n : -1;
}

static uint32_t zone_number(const char *zone)
{
    uint32_t n = 0;

    for (const char *c = zone; *c; c++) {
        if (*c < '0' || *c > '9' || c - zone > 8)
            return if_nametoindex(zone);
        n = n * 10 + (uint32_t)(*c - '0');
    }
    return n;
}

int addr_ip(const char *host, gamp_addr *out)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&out->addr;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&out->addr;
    const char *zone = strchr(host, '%');
    char plain[ADDR_HOST_MAX];

    memset(&out->addr, 0, sizeof out->addr);
    if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        out->len = sizeof *in;
        return 0;
    }
    if (copy(plain, sizeof plain, host, zone ? (size_t)(zone - host) : strlen(host)) < 0 ||
        inet_pton(AF_INET6, plain, &in6->sin6_addr) != 1)
        return -EINVAL;
    in6->sin6_family = AF_INET6;
    out->len = sizeof *in6;
    if (zone) {
        in6->sin6_scope_id = zone_number(zone + 1);
        if (in6->sin6_scope_id == 0)
            return -EINVAL;
    }
    return 0;
}

int addr_unix(const char *path, gamp_addr *out)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&out->addr;
    size_t n = path ? strlen(path) : 0;

    /* An abstract name may fill it all; a path is followed by a NUL. */
    if (n == 0 || n > sizeof un->sun_path || (n == sizeof un->sun_path && *path != '@'))
        return -EINVAL;
    memset(&out->addr, 0, sizeof out->addr);
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, n);
    out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    if (*path == '@')
        un->sun_path[0] = '\0';
    else
        out->len++;
    return 0;
}

void addr_set_port(gamp_addr *a, int port)
{
    if (a->addr.ss_family == AF_INET)
        ((struct sockaddr_in *)&a->addr)->sin_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in6 *)&a->addr)->sin6_port = htons((uint16_t)port);
}

void addr_any(int family, gamp_addr *out)
{
    memset(&out->addr, 0, sizeof out->addr);
    out->addr.ss_family = (sa_family_t)family;
    out->len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

void addr_loopback(int family, gamp_addr *out)
{
    addr_any(family, out);
    if (family == AF_INET)
        ((struct sockaddr_in *)&out->addr)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        ((struct sockaddr_in6 *)&out->addr)->sin6_addr = in6addr_loopback;
}

bool addr_is_any(const gamp_addr *a)
{
    if (a->addr.ss_family == AF_INET)
        return ((const struct sockaddr_in *)&a->addr)->sin_addr.s_addr == INADDR_ANY;
    return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)&a->addr)->sin6_addr);
}

static int put(char *buf, size_t n, const char *text, size_t len)
{
    if (n <= len)
        return -ENOSPC;
    memcpy(buf, text, len);
    buf[len] = '\0';
    return (int)len;
}

static int format_unix(const gamp_addr *a, char *buf, size_t n)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&a->addr;
    char text[sizeof un->sun_path + 1];
    size_t len = 0;

    if (a->len > offsetof(struct sockaddr_un, sun_path))
        len = MIN(a->len - offsetof(struct sockaddr_un, sun_path), sizeof un->sun_path);
    memcpy(text, un->sun_path, len);
    if (len > 0 && text[0] == '\0')
        text[0] = '@';
    else
        len = strnlen(text, len);
    return put(buf, n, text, len);
}

int addr_format(const gamp_addr *a, char *buf, size_t n)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)&a->addr;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&a->addr;
    char ip[INET6_ADDRSTRLEN], zone[IF_NAMESIZE + 1] = "",
                                                  text[INET6_ADDRSTRLEN + IF_NAMESIZE + 16];
    size_t len;

    switch (a->addr.ss_family) {
    case AF_UNIX:
        return format_unix(a, buf, n);
    case AF_INET:
        inet_ntop(AF_INET, &in->sin_addr, ip, sizeof ip);
        len = fmt_buf(text, sizeof text, "%s:%u", ip, (unsigned)ntohs(in->sin_port));
        return put(buf, n, text, len);
    case AF_INET6:
        if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
            inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], ip, sizeof ip);
            len = fmt_buf(text, sizeof text, "%s:%u", ip, (unsigned)ntohs(in6->sin6_port));
            return put(buf, n, text, len);
        }
        inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof ip);
        if (in6->sin6_scope_id != 0 && !if_indextoname(in6->sin6_scope_id, zone))
            fmt_buf(zone, sizeof zone, "%u", (unsigned)in6->sin6_scope_id);
        len = fmt_buf(text, sizeof text, "[%s%s%s]:%u", ip, *zone ? "%" : "", zone,
                      (unsigned)ntohs(in6->sin6_port));
        return put(buf, n, text, len);
    default:
        return -EAFNOSUPPORT;
    }
}
