/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/polldesc.h"
#include "arch/cpu.h"
#include "base/throw.h"
#include "os/linux/clock.h"
#include "os/linux/sys.h"
#include "os/linux/vm.h"
#include "sched/deadline.h"
#include "sched/fdlock.h"
#include "sched/netpoll.h"
#include "sched/park.h"
#include "sched/pollthread.h"
#include "sched/pollwait.h"
#include "sched/schedt.h"
#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* The table: chunks of records by number, made when first wanted; 16 M numbers, which is 16 times
 * what the kernel lets a process have by default (fs.nr_open). */
enum { CHUNK = 256, CHUNKS = 65536 };

static struct polldesc *table[CHUNKS]; /* atomic; each is set once, under table_lock */
static int table_end;                  /* atomic; chunks from here on were never made */
static struct mutex table_lock = MUTEX_INIT(LOCK_MEM);

static void record_init(struct polldesc *pd, int fd)
{
    *pd = (struct polldesc){.fd = fd, .rd = NEVER, .wd = NEVER, .twhen = NEVER};
    mutex_init(&pd->lock, LOCK_FD);
    list_init(&pd->waits);
    list_init(&pd->rq);
    list_init(&pd->wq);
}

static void chunk_init(struct polldesc *c, int first)
{
    for (int i = 0; i < CHUNK; i++)
        record_init(&c[i], first + i);
}

struct polldesc *polldesc_get(int fd)
{
    struct polldesc *c, **slot;

    if (fd < 0 || fd >= CHUNK * CHUNKS)
        return NULL;
    slot = &table[fd / CHUNK];
    c = load_acquire(slot);
    if (!c) {
        lock(&table_lock);
        c = *slot;
        if (!c) {
            c = vm_map(CHUNK * sizeof *c);
            if (c) {
                chunk_init(c, fd / CHUNK * CHUNK);
                /* Pairs with the load_acquire of those who look a record up. */
                store_release(slot, c);
                store_release(&table_end, MAX(table_end, fd / CHUNK + 1));
            }
        }
        unlock(&table_lock);
    }
    return c ? &c[fd % CHUNK] : NULL;
}

struct polldesc *polldesc_lookup(int fd)
{
    struct polldesc *c;

    if (unlikely(fd < 0 || fd >= CHUNK * CHUNKS))
        return NULL;
    c = load_acquire(&table[fd / CHUNK]);
    return c ? &c[fd % CHUNK] : NULL;
}

bool polldesc_ended(const struct g *gp)
{
    return unlikely(sched_phase() >= PHASE_STOPPING) && gp->kind == GFOREIGN;
}

struct g *polldesc_unblock(uintptr_t *word, bool ready)
{
    for (;;) {
        uintptr_t old = load_seqcst(word);

        if (old == PD_READY || (old == PD_NIL && !ready))
            return NULL;
        if (cas_seqcst(word, old, ready ? PD_READY : PD_NIL))
            return old > PD_WAIT ? (struct g *)old : NULL;
    }
}

void polldesc_ready_all(struct gqueue *q)
{
    struct g *gp;

    while ((gp = gqueue_pop(q)) != NULL)
        goready(gp);
}

static void unblock_onto(struct polldesc *pd, unsigned mode, bool ready, struct gqueue *q)
{
    struct g *gp = polldesc_unblock(polldesc_word(pd, mode), ready);

    if (gp) {
        netpollwaiters_add(-1);
        gqueue_push(q, gp);
    }
}

void polldesc_event(int fd, uint32_t seq, uint32_t events, struct gqueue *ready)
{
    struct polldesc *pd = polldesc_lookup(fd);
    unsigned modes = 0;

    if (!pd || PD_SEQ(load_acquire(&pd->mu)) != seq)
        return;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI)) {
        /* Before the wake-up, for the reader that it wakes. When the record changes owner right
         * now it hits the new one, which costs that one its short cut and no more. */
        store_release(&pd->odd, 1);
    }
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI)) {
        modes |= PD_READ;
        unblock_onto(pd, PD_READ, true, ready);
    }
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) {
        modes |= PD_WRITE;
        unblock_onto(pd, PD_WRITE, true, ready);
    }
    /* A waiter counts itself, then asks the kernel: it sees what this event is about, or we see
     * it. */
    if (load_seqcst(&pd->nwaits) != 0)
        pollwait_event(pd, seq, modes, ready);
}

/* All that wait on the record: its seq, or CLOSING, is written already. pd->lock held. */
static void evict(struct polldesc *pd, struct gqueue *woken)
{
    if (polldesc_ended(getg())) {
        /* Goroutines stay where they are. */
        pollthread_kick(pd);
        return;
    }
    fdlock_evict(pd, woken);
    unblock_onto(pd, PD_READ, false, woken);
    unblock_onto(pd, PD_WRITE, false, woken);
    pollwait_evict(pd, woken);
}

static int socket_option(int fd, int name)
{
    int value = 0;
    socklen_t len = sizeof value;
    int err = (int)sys_call(SYS_getsockopt, fd, SOL_SOCKET, name, &value, &len);

    return err < 0 ? err : value;
}

/* A read from a unix socket also stops short at a message that carries descriptors. */
static unsigned find_traits(int fd)
{
    int domain = socket_option(fd, SO_DOMAIN);

    if (domain < 0)
        return 0;
    if (socket_option(fd, SO_TYPE) != SOCK_STREAM)
        return PD_SOCKET;
    if (domain == AF_UNIX)
        return PD_SOCKET | PD_WRITE;
    return socket_option(fd, SO_PROTOCOL) == IPPROTO_TCP ? PD_TCP : PD_SOCKET;
}

static uint32_t next_seq(uint32_t seq)
{
    return seq + 1 ? seq + 1 : 1;
}

static void set_flags(struct polldesc *pd, uint64_t seq, uint64_t clear, uint64_t set)
{
    uint64_t mu;

    do
        mu = load_relaxed(&pd->mu);
    while (!cas_seqcst(&pd->mu, mu, (seq << 32) | ((uint32_t)mu & ~clear) | set));
}

/* The record is for a new registration, which is not open yet; but its events are taken from here
 * on: the first may come before the poller's call has returned, and what it says of the end of a
 * stream is said once. Operations of before hold their locks and references still and will give
 * them back. pd->lock held. */
static void renew(struct polldesc *pd, uint32_t seq, struct gqueue *woken)
{
    deadline_clear(pd);
    store_relaxed(&pd->odd, 0);
    set_flags(pd, seq, PDF_OPEN | PDF_CLOSING, 0);
    evict(pd, woken);
}

static void set_open(struct polldesc *pd, uint32_t seq, enum pollkind kind, unsigned traits)
{
    if (traits & PD_TRAITS_UNKNOWN)
        traits = find_traits(pd->fd);
    store_relaxed(&pd->kind, (uint8_t)kind);
    store_relaxed(&pd->traits, (uint8_t)traits);
    set_flags(pd, seq, 0, PDF_OPEN);
}

/* A number that is in the table: is it still the same open file? pd->lock held. */
static int open_known(struct polldesc *pd, uint64_t mu, enum pollkind kind, struct gqueue *woken)
{
    uint32_t seq = next_seq(PD_SEQ(mu));
    int err;

    if (kind == PD_FILE)
        return 0;
    err = netpollopen(pd->fd, seq);
    if (err == -EEXIST) {
        if (kind == PD_NONBLOCK)
            store_relaxed(&pd->kind, PD_NONBLOCK);
        return 0;
    }
    if (err < 0 && err != -EPERM)
        return err;
    if (err == 0 || load_relaxed(&pd->kind) != PD_FILE) {
        renew(pd, seq, woken);
        set_open(pd, seq, err ? PD_FILE : kind, PD_TRAITS_UNKNOWN);
    }
    /* Its first events are lost: the record was another's. This brings them again. */
    if (err == 0)
        return netpollreopen(pd->fd, seq);
    return kind == PD_NONBLOCK ? -EPERM : 0;
}

static int open_new(struct polldesc *pd, uint64_t mu, enum pollkind kind, unsigned traits,
                    struct gqueue *woken)
{
    uint32_t seq = next_seq(PD_SEQ(mu));
    int err;

    renew(pd, seq, woken);
    err = kind == PD_FILE ? -EPERM : netpollopen(pd->fd, seq);
    if (err == -EEXIST)
        err = netpollreopen(pd->fd, seq);
    if (err == -EPERM && kind != PD_NONBLOCK) {
        kind = PD_FILE;
        err = 0;
    }
    if (err == 0)
        set_open(pd, seq, kind, traits);
    return err;
}

int polldesc_open(int fd, enum pollkind kind, unsigned traits, bool fresh)
{
    struct gqueue woken = {NULL, NULL, 0};
    struct polldesc *pd = polldesc_get(fd);
    uint64_t mu;
    int err;

    if (!pd) {
        err = (int)sys_call(SYS_fcntl, fd, 1 /* F_GETFD */);
        return err < 0 ? err : fd < CHUNK * CHUNKS ? -ENOMEM : -EMFILE;
    }
    lock(&pd->lock);
    mu = load_acquire(&pd->mu);
    if (fresh || !(mu & PDF_OPEN))
        err = open_new(pd, mu, kind, traits, &woken);
    else if (!(mu & PDF_CLOSING))
        err = open_known(pd, mu, kind, &woken);
    else if (!(mu & PD_REFS))
        err = open_new(pd, mu, kind, traits, &woken);
    else
        err = -EBADF;
    unlock(&pd->lock);
    polldesc_ready_all(&woken);
    return err;
}

static int close_number(int fd)
{
    int err = sys_close(fd);

    /* The number is free in any case; there is nothing to be done again. */
    return err == -EINTR ? 0 : err;
}

/* The last reference is gone. The number may have its next owner before the record is cleared: then
 * its mu is another. */
static int close_finish(struct polldesc *pd, uint64_t mu)
{
    int err = close_number(pd->fd);

    cas_acqrel(&pd->mu, mu, mu & ~(uint64_t)UINT32_MAX);
    return err;
}

void polldesc_left(struct polldesc *pd, uint64_t mu)
{
    struct g *closer;

    if (!(mu & PD_REFS)) {
        close_finish(pd, mu);
    } else if ((mu & PD_REFS) == PD_REF) {
        lock(&pd->lock);
        closer = pd->closer;
        pd->closer = NULL;
        unlock(&pd->lock);
        if (closer)
            goready(closer);
    }
}

/* Marks it closing, with a reference for the caller. pd->lock held. 0: somebody else has, or it is
 * not open. */
static uint64_t close_begin(struct polldesc *pd)
{
    uint64_t mu;

    do {
        mu = load_relaxed(&pd->mu);
        if (!(mu & PDF_OPEN) || (mu & PDF_CLOSING))
            return 0;
    } while (!cas_seqcst(&pd->mu, mu, (mu | PDF_CLOSING) + PD_REF));
    return (mu | PDF_CLOSING) + PD_REF;
}

/* Until the caller's reference is the last one. false: the number has a new owner meanwhile. */
static bool close_wait(struct polldesc *pd, uint32_t seq)
{
    for (;;) {
        uint64_t mu;

        lock(&pd->lock);
        mu = load_acquire(&pd->mu);
        if (PD_SEQ(mu) != seq || (mu & PD_REFS) == PD_REF || polldesc_ended(getg())) {
            unlock(&pd->lock);
            return PD_SEQ(mu) == seq;
        }
        pd->closer = getg();
        goparkunlock(&pd->lock, WAIT_IO);
    }
}

/* After the end: whatever others still hold is left to them, in the record of nobody. */
static int close_ended(struct polldesc *pd)
{
    struct gqueue none = {NULL, NULL, 0};
    uint64_t mu;

    lock(&pd->lock);
    do
        mu = load_relaxed(&pd->mu);
    while (!cas_seqcst(&pd->mu, mu,
                       (uint64_t)next_seq(PD_SEQ(mu)) << 32 |
                           ((uint32_t)mu & ~(PDF_OPEN | PDF_CLOSING))));
    store_seqcst(&pd->rd, NEVER);
    store_seqcst(&pd->wd, NEVER);
    evict(pd, &none);
    unlock(&pd->lock);
    netpollclose(pd->fd);
    return close_number(pd->fd);
}

int polldesc_close(int fd)
{
    struct gqueue woken = {NULL, NULL, 0};
    struct polldesc *pd = polldesc_lookup(fd);
    uint64_t mu;

    if (!pd)
        return close_number(fd);
    if (polldesc_ended(getg()))
        return close_ended(pd);
    lock(&pd->lock);
    mu = close_begin(pd);
    if (!mu) {
        mu = load_relaxed(&pd->mu);
        unlock(&pd->lock);
        return mu & PDF_OPEN ? -EBADF : close_number(fd);
    }
    deadline_clear(pd);
    evict(pd, &woken);
    if (load_relaxed(&pd->kind) != PD_FILE)
        netpollclose(fd);
    unlock(&pd->lock);
    polldesc_ready_all(&woken);

    if (load_relaxed(&pd->kind) == PD_NONBLOCK && !close_wait(pd, PD_SEQ(mu))) {
        fdlock_end(pd, 0);
        return -EBADF;
    }
    if (polldesc_ended(getg())) {
        fdlock_end(pd, 0);
        return close_ended(pd);
    }
    do
        mu = load_acquire(&pd->mu);
    while (!cas_acqrel(&pd->mu, mu, mu - PD_REF));
    mu -= PD_REF;
    return mu & PD_REFS ? 0 : close_finish(pd, mu);
}

void polldesc_reopen_all(int epfd)
{
    for (int i = 0; i < load_acquire(&table_end); i++) {
        struct polldesc *c = load_acquire(&table[i]);

        for (int j = 0; c && j < CHUNK; j++) {
            uint64_t mu = load_acquire(&c[j].mu);

            if ((mu & PDF_OPEN) && load_relaxed(&c[j].kind) != PD_FILE)
                netpollopen_in(epfd, c[j].fd, PD_SEQ(mu));
        }
    }
}

void polldesc_end_runtime(void)
{
    for (int i = 0; i < load_acquire(&table_end); i++) {
        struct polldesc *c = load_acquire(&table[i]);

        for (int j = 0; c && j < CHUNK; j++)
            if (load_acquire(&c[j].mu) & (PDF_RQ | PDF_WQ | PDF_CLOSING))
                fdlock_end_runtime(&c[j]);
    }
}

void polldesc_after_fork(void)
{
    mutex_init(&table_lock, LOCK_MEM);
    for (int i = 0; i < load_acquire(&table_end); i++) {
        struct polldesc *c = load_acquire(&table[i]);

        for (int j = 0; c && j < CHUNK; j++)
            if (c[j].mu || c[j].lock.key)
                record_init(&c[j], c[j].fd);
    }
    netpoll_after_fork();
}
