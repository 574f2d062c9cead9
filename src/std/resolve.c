/* SPDX-License-Identifier: BSD-3-Clause */
#include "std/resolve.h"
#include "base/race.h"
#include "os/linux/clock.h"
#include "sched/entry.h"
#include "sched/park.h"
#include "std/helper.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { RESULTS = 64 };

/* Shared by who asks and who looks it up; freed by the second to leave. */
struct job {
    struct mutex lock;
    uint32_t refs; /* atomic */
    struct g *g;   /* who asks; lock */
    uint32_t ticket;
    bool done; /* lock; the results are written before */
    int result;
    int family, type;
    bool have_host, have_service;
    char host[ADDR_HOST_MAX], service[ADDR_PORT_MAX];
    gamp_addr found[RESULTS];
};

static void job_unref(struct job *j)
{
    race_release(j);
    if (fetch_add_acqrel(&j->refs, (uint32_t)-1) == 1) {
        race_acquire(j);
        free(j);
    }
}

static int error_of(int eai)
{
    switch (eai) {
    case EAI_NONAME:
#ifdef EAI_NODATA
    case EAI_NODATA:
#endif
#ifdef EAI_ADDRFAMILY
    case EAI_ADDRFAMILY:
#endif
        return -ENOENT;
    case EAI_AGAIN:
        return -EAGAIN;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_SERVICE:
        return -EINVAL;
    default:
        return -EIO;
    }
}

static bool already(const struct job *j, int n, const struct addrinfo *ai)
{
    for (int i = 0; i < n; i++)
        if (j->found[i].len == ai->ai_addrlen &&
            memcmp(&j->found[i].addr, ai->ai_addr, ai->ai_addrlen) == 0)
            return true;
    return false;
}

static int look_up(struct job *j)
{
    struct addrinfo hints = {.ai_family = j->family, .ai_socktype = j->type};
    struct addrinfo *list = NULL;
    int saved = errno, n = 0, eai;

    if (!j->have_host)
        hints.ai_flags = AI_PASSIVE;
    eai = getaddrinfo(j->have_host ? j->host : NULL, j->have_service ? j->service : NULL, &hints,
                      &list);
    errno = saved;
    if (eai != 0)
        return error_of(eai);
    for (struct addrinfo *ai = list; ai && n < RESULTS; ai = ai->ai_next) {
        if ((ai->ai_family != AF_INET && ai->ai_family != AF_INET6) || already(j, n, ai))
            continue;
        memcpy(&j->found[n].addr, ai->ai_addr, ai->ai_addrlen);
        j->found[n++].len = ai->ai_addrlen;
    }
    freeaddrinfo(list);
    return n > 0 ? n : -ENOENT;
}

static void work(void *arg)
{
    struct job *j = arg;
    struct g *g = NULL;

    j->result = look_up(j);
    race_release(j);
    gamp_enter();
    lock(&j->lock);
    j->done = true;
    if (j->g && wait_claim(j->g, j->ticket))
        g = j->g;
    unlock(&j->lock);
    if (g)
        goready(g);
    gamp_leave();
    job_unref(j);
}

static bool commit(struct g *gp, void *l)
{
    (void)gp;
    unlock(l);
    return true;
}

/* true: done; false: the point has come. */
static bool await(struct job *j, int64_t until)
{
    struct g *gp = gamp_enter();
    bool done;

    gp->run.param = NULL;
    lock(&j->lock);
    done = j->done;
    if (done) {
        unlock(&j->lock);
    } else {
        j->ticket = wait_begin(gp);
        j->g = gp;
        done = gopark_until(commit, &j->lock, WAIT_IO, until, j->ticket);
        lock(&j->lock);
        j->g = NULL;
        done = j->done;
        unlock(&j->lock);
    }
    gamp_leave();
    return done;
}

int resolve_lookup(const char *host, const char *service, const struct network *net, gamp_addr *out,
                   size_t n, int64_t until)
{
    struct job *j = calloc(1, sizeof *j);
    int r;

    if (!j)
        return -ENOMEM;
    mutex_init(&j->lock, LOCK_SYNC);
    j->refs = 2;
    j->family = net->family;
    j->type = net->type;
    j->have_host = host != NULL;
    j->have_service = service != NULL;
    if (host)
        strcpy(j->host, host);
    if (service)
        strcpy(j->service, service);
    r = helper_start(work, j, "resolve");
    if (r < 0) {
        free(j);
        return r;
    }
    r = -ETIMEDOUT;
    if (await(j, until)) {
        race_acquire(j);
        r = j->result;
        if (r > 0) {
            r = (int)MIN((size_t)r, n);
            memcpy(out, j->found, (size_t)r * sizeof *out);
        }
    }
    job_unref(j);
    return r;
}

int resolve_host(const char *host, gamp_addr *out, size_t n, int64_t until)
{
    const struct network any = {AF_UNSPEC, SOCK_STREAM};
    gamp_addr ip;

    if (!host || !*host || (n > 0 && !out))
        return -EINVAL;
    if (strlen(host) >= ADDR_HOST_MAX)
        return -ENOENT;
    if (addr_ip(host, &ip) < 0)
        return resolve_lookup(host, NULL, &any, out, n, until);
    if (n == 0)
        return 0;
    out[0] = ip;
    return 1;
}

static int port_of(const gamp_addr *a)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)&a->addr;

    /* The port stands at the same place in both families' structs. */
    return ntohs(in->sin_port);
}

/* What an empty host, or an unspecified address to connect to, stands for. */
static int unspecified(const struct network *net, bool passive, int literal, gamp_addr *out,
                       size_t n)
{
    int families[2], count = 0, r = 0;

    if (net->family != AF_UNSPEC) {
        families[count++] = net->family;
    } else if (passive || literal == AF_INET6) {
        families[count++] = AF_INET6;
        families[count++] = AF_INET;
    } else {
        families[count++] = AF_INET;
        families[count++] = AF_INET6;
    }
    for (int i = 0; i < count && (size_t)i < n; i++, r++) {
        if (passive)
            addr_any(families[i], &out[i]);
        else
            addr_loopback(families[i], &out[i]);
    }
    return r;
}

static int hosts(const char *host, const struct network *net, bool passive, gamp_addr *out,
                 size_t n, int64_t until)
{
    gamp_addr ip;

    if (!*host)
        return unspecified(net, passive, 0, out, n);
    if (addr_ip(host, &ip) < 0) {
        /* What is written with these characters alone is no name but an address, and a wrong
         * one. */
        if (strpbrk(host, ":%") || host[strspn(host, "0123456789.")] == '\0')
            return -EINVAL;
        return resolve_lookup(host, NULL, net, out, n, until);
    }
    if (net->family != AF_UNSPEC && net->family != ip.addr.ss_family)
        return -EINVAL;
    if (!passive && addr_is_any(&ip))
        return unspecified(net, false, ip.addr.ss_family, out, n);
    out[0] = ip;
    return 1;
}

int resolve_address(const char *text, const struct network *net, bool passive, gamp_addr *out,
                    size_t n, int64_t until)
{
    char host[ADDR_HOST_MAX], port[ADDR_PORT_MAX];
    gamp_addr service;
    int number, r = addr_split(text, host, port);

    if (r < 0)
        return r;
    number = addr_port_number(port);
    if (number < 0) {
        /* None, too large, or with a sign. */
        if (!*port || strchr("0123456789+-", *port))
            return -EINVAL;
        r = resolve_lookup(NULL, port, net, &service, 1, until);
        if (r < 0)
            return r == -ENOENT ? -EINVAL : r;
        number = port_of(&service);
    }
    r = hosts(host, net, passive, out, n, until);
    for (int i = 0; i < r; i++)
        addr_set_port(&out[i], number);
    return r;
}
