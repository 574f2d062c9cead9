/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/g.h"
#include "base/throw.h"
#include "lock/mutex.h"
#include "os/linux/vm.h"

__thread struct g *gamp_tls_g;
__thread struct m *gamp_tls_m;

static const char *const reasons[WAIT_REASON_COUNT] = {
    [WAIT_NONE] = "",
    [WAIT_CHAN_RECEIVE] = "chan receive",
    [WAIT_CHAN_SEND] = "chan send",
    [WAIT_CHAN_RECEIVE_NIL] = "chan receive (nil chan)",
    [WAIT_CHAN_SEND_NIL] = "chan send (nil chan)",
    [WAIT_SELECT] = "select",
    [WAIT_SELECT_NO_CASES] = "select (no cases)",
    [WAIT_SLEEP] = "sleep",
    [WAIT_IO] = "IO wait",
    [WAIT_SEMACQUIRE] = "semacquire",
    [WAIT_MUTEX_LOCK] = "sync.Mutex.Lock",
    [WAIT_RWMUTEX_RLOCK] = "sync.RWMutex.RLock",
    [WAIT_RWMUTEX_LOCK] = "sync.RWMutex.Lock",
    [WAIT_COND] = "sync.Cond.Wait",
    [WAIT_WAITGROUP] = "sync.WaitGroup.Wait",
    [WAIT_SEM] = "semaphore acquire",
    [WAIT_GROUP] = "group wait",
    [WAIT_PROCESS] = "process wait",
    [WAIT_SIGNAL] = "signal wait",
    [WAIT_PREEMPTED] = "preempted",
    [WAIT_STOP_THE_WORLD] = "stopping the world",
    [WAIT_PANIC] = "panicwait",
};

const char *waitreason_text(enum waitreason r)
{
    return r < WAIT_REASON_COUNT && reasons[r] ? reasons[r] : "unknown wait reason";
}

#define BIT(s) (1u << (s))
static const uint8_t legal[GSTATUS_COUNT] = {
    [Gidle] = BIT(Grunnable) | BIT(Gdead),
    [Grunnable] = BIT(Grunning),
    [Grunning] = BIT(Grunnable) | BIT(Gwaiting) | BIT(Gsyscall) | BIT(Gpreempted) | BIT(Gdead),
    [Gsyscall] = BIT(Grunning) | BIT(Grunnable),
    [Gwaiting] = BIT(Grunnable) | BIT(Grunning),
    [Gpreempted] = BIT(Grunning) | BIT(Grunnable),
    [Gdead] = BIT(Grunnable),
};

void gstatus_check(struct g *gp, enum gstatus from, enum gstatus to)
{
    enum gstatus now = readgstatus(gp);

    if (now != from || !(legal[from] & BIT(to)))
        throw("goroutine %lu: bad status change %d (is %d) -> %d", (unsigned long)gp->goid, from,
              now, to);
}

/* Chunks of records, newest first; a chunk is linked before any of its records is used. */
struct chunk {
    struct chunk *next;
    uint32_t n, used; /* used: atomic */
    struct g g[] __attribute__((aligned(32)));
};

static struct {
    struct mutex lock;  /* LOCK_LEAF */
    struct chunk *head; /* atomic */
    uint64_t bytes;
} allgs = {.lock = MUTEX_INIT(LOCK_LEAF)};

static struct chunk *chunk_new(void)
{
    size_t size = allgs.bytes >= (1u << 20) ? 1u << 20 : 64u << 10;
    struct chunk *c = vm_map(size);

    if (!c)
        return NULL;
    c->n = (uint32_t)((size - sizeof *c) / sizeof(struct g));
    c->next = allgs.head;
    allgs.bytes += size;
    store_release(&allgs.head, c);
    return c;
}

uint32_t g_alloc(struct gqueue *q, uint32_t n)
{
    struct chunk *c;
    uint32_t got = 0;

    lock(&allgs.lock);
    c = allgs.head;
    for (; got < n; got++) {
        if (!c || c->used == c->n)
            c = chunk_new();
        if (!c)
            break;
        gqueue_push(q, &c->g[c->used]);
        store_release(&c->used, c->used + 1);
    }
    unlock(&allgs.lock);
    return got;
}

void allgs_each(bool (*f)(struct g *gp, void *arg), void *arg)
{
    /* Pairs with chunk_new's and g_alloc's releases. */
    for (struct chunk *c = load_acquire(&allgs.head); c; c = c->next) {
        uint32_t used = load_acquire(&c->used);

        for (uint32_t i = 0; i < used; i++)
            if (!f(&c->g[i], arg))
                return;
    }
}
