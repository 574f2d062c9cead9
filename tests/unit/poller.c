/* SPDX-License-Identifier: BSD-3-Clause */
/* The poller without a scheduler: breaks, time-outs, edges, registrations, end of streams. The
 * goroutines that wait are records of the test's, which netpoll hands back. */
#include "os/linux/clock.h"
#include "os/linux/sys.h"
#include "os/linux/thread.h"
#include "sched/m.h"
#include "sched/netpoll.h"
#include "sched/polldesc.h"
#include "sched/schedt.h"
#include "harness/test.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { MS = 1000000 };

/* As an M does, for which its thread must be one. */
static struct gqueue poll_for(int64_t delay)
{
    static __thread struct m m;

    if (!getg())
        m_attach(&m, true);
    return netpoll(delay);
}

static void pair(int *fd)
{
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(polldesc_open(fd[i], PD_NONBLOCK, PD_TRAITS_UNKNOWN, true), 0);
    /* The first edges say that both can be written to. */
    CHECK_EQ(poll_for(0).n, 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(polldesc_lookup(fd[i])->wg, PD_READY);
}

static struct polldesc *park_on(int fd, unsigned mode, struct g *gp)
{
    struct polldesc *pd = polldesc_lookup(fd);

    *polldesc_word(pd, mode) = (uintptr_t)gp;
    netpollwaiters_add(1);
    return pd;
}

static uint32_t seq_of(int fd)
{
    return PD_SEQ(polldesc_lookup(fd)->mu);
}

/* --- breaks and time-outs --------------------------------------------------------------------- */

static int tid;
static int rounds;

static void *poll_once(void *arg)
{
    (void)arg;
    store_release(&tid, sys_gettid());
    CHECK_EQ(poll_for(-1).n, 0);
    fetch_add_relaxed(&rounds, 1);
    return NULL;
}

TEST(break_ends_a_blocking_poll)
{
    pthread_t t;

    netpollbreak(); /* there is no poller yet: nothing */
    CHECK(!netpollinited());
    CHECK_EQ(netpollinit(), 0);
    CHECK_EQ(netpollinit(), 0);
    for (int i = 1; i <= 3; i++) {
        tid = 0;
        CHECK_EQ(pthread_create(&t, NULL, poll_once, NULL), 0);
        while (!load_acquire(&tid) || thread_state(load_acquire(&tid)) != 'S')
            usleep(200);
        CHECK_EQ(load_relaxed(&rounds), i - 1);
        netpollbreak();
        CHECK_EQ(pthread_join(t, NULL), 0);
        CHECK_EQ(load_relaxed(&rounds), i);
    }
}

/* Breaks before the poll count, many as one; polls that do not block, or stand beside, leave it to
 * the one that does, or is about to. */
TEST(break_is_kept_for_the_blocking_poll)
{
    int64_t at;

    CHECK_EQ(netpollinit(), 0);
    store_seqcst(&sched.lastpoll, 0);
    for (int i = 0; i < 100; i++)
        netpollbreak();
    poll_for(0);
    netpoll_beside(1000000000000);
    netpoll_beside(-1);
    poll_for(-1);
    at = nanotime();
    CHECK_EQ(poll_for(15 * MS).n, 0);
    CHECK_GE(nanotime() - at, 15 * MS);
}

/* While none blocks it is for the one beside, and is over with that. */
TEST(break_of_the_one_beside)
{
    int64_t at;

    CHECK_EQ(netpollinit(), 0);
    for (int i = 0; i < 3; i++) {
        store_seqcst(&sched.lastpoll, 1);
        netpollbreak();
        poll_for(0);
        netpoll_beside(-1);
        at = nanotime();
        CHECK_EQ(netpoll_beside(5 * MS).n, 0);
        CHECK_GE(nanotime() - at, 5 * MS);
        store_seqcst(&sched.lastpoll, 0);
        netpollbreak();
        netpoll_beside(-1);
        poll_for(-1);
    }
}

TEST(time_outs)
{
    static const int64_t delays[] = {1, 1000, 150000, MS, 2 * MS + 1, 12345678};

    CHECK_EQ(netpollinit(), 0);
    for (size_t i = 0; i < sizeof delays / sizeof *delays; i++) {
        int64_t at = nanotime();

        CHECK_EQ(poll_for(delays[i]).n, 0);
        CHECK_GE(nanotime() - at, delays[i]);
        at = nanotime();
        CHECK_EQ(netpoll_beside(delays[i]).n, 0);
        CHECK_GE(nanotime() - at, delays[i]);
    }
}

static void *breaker(void *arg)
{
    for (int i = 0; i < 20000; i++) {
        netpollbreak();
        while (load_acquire((int *)arg) <= i)
            ;
    }
    return NULL;
}

/* Each break ends a poll, however close the two come. */
TEST(no_break_is_lost)
{
    int n = 0;
    pthread_t t;

    CHECK_EQ(netpollinit(), 0);
    CHECK_EQ(pthread_create(&t, NULL, breaker, &n), 0);
    for (int i = 1; i <= 20000; i++) {
        poll_for(-1);
        store_release(&n, i);
    }
    CHECK_EQ(pthread_join(t, NULL), 0);
}

enum { BLOCKS = 5000 };

static struct {
    int asleep; /* atomic: the blocking poll's number, 0: none */
    int woken;  /* atomic: the last one that is to end */
    bool over;
} between;

static void *poll_beside(void *arg)
{
    (void)arg;
    while (!load_acquire(&between.over))
        netpoll_beside(MS);
    return NULL;
}

/* Breaks each blocking poll once, as whoever has news for it, and before that whoever is there. */
static void *break_both(void *arg)
{
    (void)arg;
    while (!load_acquire(&between.over)) {
        int n = load_acquire(&between.asleep);

        netpollbreak();
        if (load_seqcst(&sched.lastpoll) != 0 || n == load_relaxed(&between.woken))
            continue;
        store_release(&between.woken, n);
        netpollbreak();
        while (load_acquire(&between.asleep) == n && !load_acquire(&between.over))
            cpu_pause();
    }
    return NULL;
}

/* Of one that blocks no break is lost to the one beside, whose breaks are others'. */
TEST(no_break_is_lost_between_two)
{
    pthread_t t[2];

    CHECK_EQ(netpollinit(), 0);
    CHECK_EQ(pthread_create(&t[0], NULL, poll_beside, NULL), 0);
    CHECK_EQ(pthread_create(&t[1], NULL, break_both, NULL), 0);
    for (int i = 1; i <= BLOCKS; i++) {
        store_release(&between.asleep, i);
        store_seqcst(&sched.lastpoll, 0);
        while (load_acquire(&between.woken) != i)
            poll_for(-1);
        store_seqcst(&sched.lastpoll, 1);
    }
    store_release(&between.over, true);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_join(t[i], NULL), 0);
}

/* --- edges ------------------------------------------------------------------------------------ */

TEST(a_waiter_is_handed_back_once)
{
    struct g reader = {.kind = GNORMAL}, writer = {.kind = GNORMAL};
    struct gqueue q;
    struct polldesc *pd;
    int fd[2];

    pair(fd);
    pd = park_on(fd[0], PD_READ, &reader);
    CHECK_EQ(netpollwaiters(), 1);
    CHECK_EQ(poll_for(0).n, 0);
    CHECK_EQ(write(fd[1], "x", 1), 1);
    q = poll_for(-1);
    CHECK_EQ(q.n, 1);
    CHECK(gqueue_pop(&q) == &reader);
    CHECK_EQ(pd->rg, PD_READY);
    CHECK_EQ(netpollwaiters(), 0);
    /* Nothing new: no edge. */
    pd->rg = PD_NIL;
    CHECK_EQ(poll_for(0).n, 0);
    CHECK_EQ(pd->rg, PD_NIL);
    /* Both modes in one event. */
    park_on(fd[0], PD_READ, &reader);
    park_on(fd[0], PD_WRITE, &writer);
    CHECK_EQ(pd->odd, 0);
    close(fd[1]);
    q = poll_for(-1);
    CHECK_EQ(q.n, 2);
    CHECK(gqueue_pop(&q) == &reader);
    CHECK(gqueue_pop(&q) == &writer);
    CHECK_EQ(pd->odd, 1);
    CHECK_EQ(netpollwaiters(), 0);
}

/* An edge that nobody waits for is kept for the next who does. */
TEST(an_early_edge_is_kept)
{
    struct polldesc *pd;
    int fd[2];

    pair(fd);
    pd = polldesc_lookup(fd[0]);
    CHECK_EQ(write(fd[1], "x", 1), 1);
    CHECK_EQ(poll_for(-1).n, 0);
    CHECK_EQ(pd->rg, PD_READY);
    /* About to park: it gets to know by the word. */
    pd->rg = PD_WAIT;
    CHECK_EQ(write(fd[1], "x", 1), 1);
    CHECK_EQ(poll_for(-1).n, 0);
    CHECK_EQ(pd->rg, PD_READY);
}

/* More than one call brings: each comes, and once. */
TEST(more_than_fit_one_call)
{
    enum { N = 300 };
    static struct g g[N];
    static int fd[N][2], seen[N];
    struct rlimit rl;
    int got = 0, calls = 0;

    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &rl), 0);
    rl.rlim_cur = rl.rlim_max;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &rl), 0);
    if (rl.rlim_cur < 2 * N + 64)
        test_skip("too few descriptors");
    for (int i = 0; i < N; i++) {
        pair(fd[i]);
        park_on(fd[i][0], PD_READ, &g[i]);
    }
    CHECK_EQ(netpollwaiters(), N);
    for (int i = 0; i < N; i++)
        CHECK_EQ(write(fd[i][1], "x", 1), 1);
    while (got < N) {
        struct gqueue q = poll_for(-1);
        struct g *gp;

        CHECK_LE(q.n, 128);
        calls++;
        while ((gp = gqueue_pop(&q)) != NULL) {
            CHECK_EQ(seen[gp - g]++, 0);
            got++;
        }
    }
    CHECK_GE(calls, 3);
    CHECK_EQ(netpollwaiters(), 0);
    CHECK_EQ(poll_for(0).n, 0);
}

/* --- registrations ---------------------------------------------------------------------------- */

TEST(events_of_an_earlier_registration_are_dropped)
{
    struct g g = {.kind = GNORMAL};
    struct gqueue q = {0};
    struct polldesc *pd;
    uint32_t old;
    int fd[2];

    pair(fd);
    old = seq_of(fd[0]);
    CHECK(old != 0);
    CHECK_EQ(polldesc_close(fd[0]), 0);
    CHECK_EQ(dup2(fd[1], fd[0]), fd[0]);
    CHECK_EQ(polldesc_open(fd[0], PD_NONBLOCK, PD_TRAITS_UNKNOWN, true), 0);
    CHECK(seq_of(fd[0]) != old);
    pd = park_on(fd[0], PD_READ, &g);
    polldesc_event(fd[0], old, EPOLLIN | EPOLLHUP, &q);
    CHECK_EQ(q.n, 0);
    CHECK_EQ(pd->rg, (uintptr_t)&g);
    CHECK_EQ(pd->odd, 0);
    polldesc_event(fd[0], seq_of(fd[0]), EPOLLIN, &q);
    CHECK(gqueue_pop(&q) == &g);
    polldesc_event(1 << 20, 1, EPOLLIN, &q); /* never seen */
    polldesc_event(-1, 1, EPOLLIN, &q);
    CHECK_EQ(q.n, 0);
}

TEST(what_cannot_be_polled)
{
    char name[] = "/tmp/gamp-poll-XXXXXX";
    int fd = mkstemp(name);

    unlink(name);
    CHECK_EQ(polldesc_open(fd, PD_NONBLOCK, 0, true), -EPERM);
    CHECK_EQ(polldesc_open(fd, PD_SOFT, 0, true), 0);
    CHECK_EQ(polldesc_lookup(fd)->kind, PD_FILE);
    CHECK_EQ(polldesc_close(fd), 0);
    CHECK_EQ(polldesc_close(fd), -EBADF);
    CHECK_EQ(polldesc_open(fd, PD_SOFT, 0, true), -EBADF);
    CHECK_EQ(polldesc_open(-1, PD_SOFT, 0, true), -EBADF);
    CHECK_EQ(polldesc_open(1 << 30, PD_SOFT, 0, true), -EBADF);
}

/* A number that came again behind our back is noticed when it is registered. */
TEST(a_reused_number_gets_a_new_registration)
{
    uint32_t seq;
    int fd[2], other[2];

    pair(fd);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, other), 0);
    seq = seq_of(fd[0]);
    CHECK_EQ(polldesc_open(fd[0], PD_SOFT, 0, false), 0);
    CHECK_EQ(seq_of(fd[0]), seq); /* the very same */
    CHECK_EQ(dup2(other[0], fd[0]), fd[0]);
    CHECK_EQ(polldesc_open(fd[0], PD_SOFT, 0, false), 0);
    CHECK(seq_of(fd[0]) != seq);
    /* Its edges arrive. */
    polldesc_lookup(fd[0])->rg = PD_NIL;
    CHECK_EQ(write(other[1], "x", 1), 1);
    CHECK_EQ(poll_for(-1).n, 0);
    CHECK_EQ(polldesc_lookup(fd[0])->rg, PD_READY);
}

/* What is no socket has edges as well. */
TEST(a_timerfd)
{
    struct itimerspec ts = {.it_value = {.tv_nsec = 2 * MS}};
    struct g g = {.kind = GNORMAL};
    struct gqueue q = {0};
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);

    CHECK_EQ(polldesc_open(fd, PD_NONBLOCK, 0, true), 0);
    park_on(fd, PD_READ, &g);
    CHECK_EQ(timerfd_settime(fd, 0, &ts, NULL), 0);
    while (q.n == 0)
        q = poll_for(-1);
    CHECK(gqueue_pop(&q) == &g);
    CHECK_EQ(polldesc_close(fd), 0);
}
