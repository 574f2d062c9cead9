/* SPDX-License-Identifier: BSD-3-Clause */
/* Names. The resolver is this program's own getaddrinfo, so that it can be slow, wrong and counted
 * without a network; the system's is asked for what it knows without one. */
#define _GNU_SOURCE
#include "harness/test.h"
#include <arpa/inet.h>
#include <dlfcn.h>
#include <gamp/go.h>
#include <gamp/net.h>
#include <gamp/run.h>
#include <gamp/sync.h>
#include <gamp/time.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MS GAMP_MILLISECOND

static int slow_ms, calls;
static bool held; /* slow.test has no answer until it is false again */

static struct addrinfo *answer(struct addrinfo *next, const char *ip)
{
    struct addrinfo *ai = calloc(1, sizeof *ai + sizeof(struct sockaddr_in6));
    struct sockaddr_in *in = (struct sockaddr_in *)(ai + 1);
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(ai + 1);

    ai->ai_next = next;
    ai->ai_addr = (struct sockaddr *)(ai + 1);
    if (inet_pton(AF_INET, ip, &in->sin_addr) == 1) {
        ai->ai_family = in->sin_family = AF_INET;
        ai->ai_addrlen = sizeof *in;
    } else {
        CHECK_EQ(inet_pton(AF_INET6, ip, &in6->sin6_addr), 1);
        ai->ai_family = in6->sin6_family = AF_INET6;
        ai->ai_addrlen = sizeof *in6;
    }
    return ai;
}

/* In the place of libc's, for the library in this program. Not instrumented, as libc is not: it
 * writes the thread's errno. */
__attribute__((no_sanitize("thread"))) int getaddrinfo(const char *host, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **out)
{
    static const struct {
        const char *host;
        int error;
    } errors[] = {{"none.test", EAI_NONAME},      {"nodata.test", EAI_NODATA},
                  {"again.test", EAI_AGAIN},      {"fail.test", EAI_FAIL},
                  {"system.test", EAI_SYSTEM},    {"memory.test", EAI_MEMORY},
                  {"family.test", EAI_ADDRFAMILY}};
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    struct addrinfo *list = NULL;

    __atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
    errno = ERANGE;
    if (!host || !strstr(host, ".test")) {
        next = (__typeof__(next))dlsym(RTLD_NEXT, "getaddrinfo");
        return next(host, service, hints, out);
    }
    if (strcmp(host, "slow.test") == 0) {
        usleep((unsigned)slow_ms * 1000);
        while (__atomic_load_n(&held, __ATOMIC_RELAXED))
            usleep(1000);
    }
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (strcmp(host, errors[i].host) == 0)
            return errors[i].error;
    if (strcmp(host, "dead-first.test") == 0) {
        list = answer(list, "127.0.0.1");
        list = answer(list, "127.0.0.2");
        list = answer(list, "127.0.0.3");
    } else {
        for (int i = 0; i < 3; i++) {
            list = answer(list, "::1");
            list = answer(list, "127.0.0.1");
        }
    }
    *out = list;
    return 0;
}

void freeaddrinfo(struct addrinfo *ai)
{
    void (*next)(struct addrinfo *) = (__typeof__(next))dlsym(RTLD_NEXT, "freeaddrinfo");

    if (ai && ai->ai_addr != (struct sockaddr *)(ai + 1)) {
        next(ai);
        return;
    }
    while (ai) {
        struct addrinfo *rest = ai->ai_next;

        free(ai);
        ai = rest;
    }
}

TEST_GO(literals_ask_nobody)
{
    gamp_addr a[4];

    errno = 77;
    CHECK_EQ(gamp_resolve("127.0.0.1", a, 4, GAMP_NEVER), 1);
    CHECK_EQ(a[0].addr.ss_family, AF_INET);
    CHECK_EQ(a[0].len, sizeof(struct sockaddr_in));
    CHECK_EQ(gamp_resolve("::1", a, 4, gamp_now() - 1), 1);
    CHECK_EQ(a[0].addr.ss_family, AF_INET6);
    CHECK_EQ(gamp_resolve("::1", a, 0, GAMP_NEVER), 0);
    CHECK_EQ(gamp_resolve(NULL, a, 4, GAMP_NEVER), -EINVAL);
    CHECK_EQ(gamp_resolve("", a, 4, GAMP_NEVER), -EINVAL);
    CHECK_EQ(calls, 0);
    CHECK_EQ(errno, 77);
}

TEST_GO(localhost)
{
    gamp_addr a[8];
    int n = gamp_resolve("localhost", a, 8, gamp_now() + GAMP_HOUR);

    if (n == -ENOENT && access("/etc/hosts", R_OK) < 0)
        test_skip("a system without /etc/hosts");
    CHECK_GE(n, 1);
    for (int i = 0; i < n; i++) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&a[i].addr;

        if (a[i].addr.ss_family == AF_INET)
            CHECK_EQ(ntohl(in->sin_addr.s_addr) >> 24, 127);
        else
            CHECK_EQ(a[i].addr.ss_family, AF_INET6);
        CHECK_EQ(in->sin_port, 0);
    }
}

TEST_GO(errors)
{
    gamp_addr a[4];

    errno = 77;
    CHECK_EQ(gamp_resolve("none.test", a, 4, GAMP_NEVER), -ENOENT);
    CHECK_EQ(gamp_resolve("nodata.test", a, 4, GAMP_NEVER), -ENOENT);
    CHECK_EQ(gamp_resolve("family.test", a, 4, GAMP_NEVER), -ENOENT);
    CHECK_EQ(gamp_resolve("again.test", a, 4, GAMP_NEVER), -EAGAIN);
    CHECK_EQ(gamp_resolve("fail.test", a, 4, GAMP_NEVER), -EIO);
    CHECK_EQ(gamp_resolve("system.test", a, 4, GAMP_NEVER), -EIO);
    CHECK_EQ(gamp_resolve("memory.test", a, 4, GAMP_NEVER), -ENOMEM);
    CHECK_EQ(gamp_dial("tcp", "none.test:80", GAMP_NEVER), -ENOENT);
    CHECK_EQ(gamp_listen("tcp", "again.test:0"), -EAGAIN);
    CHECK_EQ(errno, 77);
}

TEST_GO(each_once_and_at_most_n)
{
    gamp_addr a[4];

    CHECK_EQ(gamp_resolve("both.test", a, 4, GAMP_NEVER), 2);
    CHECK_NE(a[0].addr.ss_family, a[1].addr.ss_family);
    CHECK_EQ(gamp_resolve("both.test", a, 1, GAMP_NEVER), 1);
}

TEST_GO(the_deadline_is_kept)
{
    gamp_addr a[4];
    gamp_time t = gamp_now() + 20 * MS;

    __atomic_store_n(&held, true, __ATOMIC_RELAXED);
    CHECK_EQ(gamp_resolve("slow.test", a, 4, t), -ETIMEDOUT);
    CHECK_GE(gamp_now(), t);
    CHECK_EQ(gamp_dial("tcp", "slow.test:80", gamp_now() + 20 * MS), -ETIMEDOUT);
    __atomic_store_n(&held, false, __ATOMIC_RELAXED);
    CHECK_EQ(gamp_resolve("slow.test", a, 4, gamp_now() + GAMP_HOUR), 2);
}

static void resolve_slow(gamp_waitgroup *wg)
{
    gamp_addr a[4];

    CHECK_EQ(gamp_resolve("slow.test", a, 4, GAMP_NEVER), 2);
    gamp_waitgroup_done(wg);
}

/* Twenty at once take as long as one, and the others run on. */
TEST_GO(many_at_once)
{
    gamp_waitgroup wg = {0};
    gamp_time begin = gamp_now();
    int turns = 0;

    slow_ms = 500;
    gamp_waitgroup_add(&wg, 20);
    for (int i = 0; i < 20; i++)
        CHECK_EQ(gamp_go(resolve_slow, &wg), 0);
    while (gamp_waitgroup_wait_until(&wg, gamp_now() + MS) < 0)
        turns++;
    CHECK_LT(gamp_now() - begin, 20 * 500 * MS);
    CHECK_GE(turns, 20);
}

/* dial tries each address; who refuses is passed over. */
TEST_GO(dial_tries_each)
{
    char where[64], target[64];
    int lfd = gamp_listen("tcp", "127.0.0.1:0"), fd;

    CHECK_GT(gamp_local_addr(lfd, where, sizeof where), 0);
    strcpy(target, "dead-first.test");
    strcat(target, strrchr(where, ':'));
    fd = gamp_dial("tcp", target, gamp_now() + 5 * GAMP_SECOND);
    CHECK_GE(fd, 0);
    CHECK_GT(gamp_peer_addr(fd, target, sizeof target), 0);
    CHECK_STR(target, where);
    gamp_close(fd);
    gamp_close(lfd);
}

/* Before the runtime runs, on the main thread: a thread does it. */
TEST(without_a_runtime)
{
    gamp_addr a[4];
    gamp_time t;

    CHECK_EQ(gamp_resolve("both.test", a, 4, GAMP_NEVER), 2);
    __atomic_store_n(&held, true, __ATOMIC_RELAXED);
    t = gamp_now() + 20 * MS;
    CHECK_EQ(gamp_resolve("slow.test", a, 4, t), -ETIMEDOUT);
    CHECK_GE(gamp_now(), t);
    __atomic_store_n(&held, false, __ATOMIC_RELAXED);
}
