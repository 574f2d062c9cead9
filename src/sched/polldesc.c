/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/polldesc.h"
#include "base/throw.h"
#include "os/linux/vm.h"
#include "sched/netpoll.h"
#include "sched/park.h"
#include <errno.h>
#include <sys/epoll.h>

/* The table: chunks of records by number, made when first wanted; 32 M numbers, which is 32 times what the kernel
 * lets a process have by default (fs.nr_open). */
enum { CHUNK = 1024, CHUNKS = 32768 };

static struct polldesc *table[CHUNKS]; /* atomic; each is set once, under table_lock */
static struct mutex table_lock = MUTEX_INIT(LOCK_MEM);

static void chunk_init(struct polldesc *c, int first)
{
    for (int i = 0; i < CHUNK; i++) {
        struct polldesc *pd = &c[i];

        pd->fd = first + i;
        pd->rd = pd->wd = pd->twhen = INT64_MAX;
        mutex_init(&pd->lock, LOCK_FD);
        list_init(&pd->waits);
        list_init(&pd->rq);
        list_init(&pd->wq);
    }
}

/* The record, made if there is none. NULL: out of memory, or a number out of range. */
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
                store_release(slot, c);
            }
        }
        unlock(&table_lock);
    }
    return c ? &c[fd % CHUNK] : NULL;
}

struct polldesc *polldesc_lookup(int fd)
{
    struct polldesc *c;

    if (fd < 0 || fd >= CHUNK * CHUNKS)
        return NULL;
    c = load_acquire(&table[fd / CHUNK]);
    return c ? &c[fd % CHUNK] : NULL;
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

void polldesc_event(int fd, uint32_t seq, uint32_t events, struct gqueue *ready)
{
    struct polldesc *pd = polldesc_lookup(fd);
    unsigned modes = 0;
    struct g *gp;

    if (!pd || PD_SEQ(load_acquire(&pd->mu)) != seq)
        return;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI)) {
        /* Before the wake-up, for the reader that it wakes. Of a registration that began just now it is not
         * true, which costs that one its short cut and no more. */
        store_release(&pd->odd, 1);
    }
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI))
        modes |= PD_READ;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        modes |= PD_WRITE;

    if ((modes & PD_READ) && (gp = polldesc_unblock(&pd->rg, true)) != NULL) {
        netpollwaiters_add(-1);
        gqueue_push(ready, gp);
    }
    if ((modes & PD_WRITE) && (gp = polldesc_unblock(&pd->wg, true)) != NULL) {
        netpollwaiters_add(-1);
        gqueue_push(ready, gp);
    }
}
