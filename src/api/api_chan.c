/* SPDX-License-Identifier: BSD-3-Clause */
/* api_chan: the door of gamp/chan.h. */
#include "api/api_chan.h"
#include "sched/entry.h"
#include "sched/panic.h"
#include "sync/chan.h"

gamp_chan *gamp_chan_new(size_t elem_size, size_t cap)
{
    if (unlikely(elem_size >= CHAN_ELEM_MAX))
        gopanic("makechan: invalid channel element type");
    return makechan(elem_size, cap);
}

gamp_chan *gamp_chan_ref(gamp_chan *c)
{
    if (c)
        fetch_add_relaxed(&c->refs, 1);
    return c;
}

void gamp_chan_unref(gamp_chan *c)
{
    int last;

    if (!c)
        return;
    gamp_enter();
    last = chan_release(c);
    if (unlikely(last < 0))
        panic_leave("gamp_chan_unref of the last reference while somebody waits on the channel");
    gamp_leave();
    if (last)
        chan_free(c);
}

void gamp_chan_close(gamp_chan *c)
{
    gamp_enter();
    if (unlikely(!c))
        panic_leave("close of nil channel");
    if (unlikely(!chantryclose(c)))
        panic_leave("close of closed channel");
    gamp_leave();
}

size_t gamp_chan_len(const gamp_chan *c)
{
    return c ? load_relaxed(&c->qcount) : 0;
}

size_t gamp_chan_cap(const gamp_chan *c)
{
    return c ? c->cap : 0;
}

size_t gamp_chan_elem_size(const gamp_chan *c)
{
    return c ? c->elem_size : 0;
}

static cold_path void panic_size(const gamp_chan *c, size_t size)
{
    if (size != c->elem_size)
        panic_leave("element size mismatch: %zu bytes on a channel of %u", size, c->elem_size);
    panic_leave("send of a NULL element on a channel of %u bytes", c->elem_size);
}

/* Inside. A NULL channel, which has no element size, takes any. */
static always_inline void check_send(const gamp_chan *c, const void *elem, size_t size)
{
    if (likely(c != NULL) && unlikely(size != c->elem_size || (!elem && size != 0)))
        panic_size(c, size);
}

static always_inline void check_recv(const gamp_chan *c, size_t size)
{
    if (likely(c != NULL) && unlikely(size != c->elem_size))
        panic_size(c, size);
}

static always_inline size_t own_size(const gamp_chan *c)
{
    return c ? c->elem_size : 0;
}

/* What a send or a receive does that finds a place (an element) in the ring stands in the public
 * function, which calls nothing, so that it needs no frame; the rest is reached by jumps. Each of
 * these leaves the runtime. */

/* The waits apart from what only wakes, which so saves few registers. */
static noinline void send_wait(gamp_chan *c, const void *elem)
{
    if (unlikely(chansend_wait(c, elem, NEVER) != 0))
        panic_leave("send on closed channel");
    gamp_leave();
}

static noinline void send_locked(gamp_chan *c, const void *elem)
{
    struct sudog *partner;
    int err = chan_put(c, elem, &partner);

    if (err == -EAGAIN) {
        send_wait(c, elem);
        return;
    }
    chan_unlock_wake(c, partner);
    if (unlikely(err != 0))
        panic_leave("send on closed channel");
    gamp_leave();
}

static noinline void send_inside(gamp_chan *c, const void *elem, size_t size)
{
    check_send(c, elem, size);
    if (unlikely(chansend(c, elem, NEVER) != 0))
        panic_leave("send on closed channel");
    gamp_leave();
}

static noinline void send_enter(gamp_chan *c, const void *elem, size_t size)
{
    gamp_enter();
    send_inside(c, elem, size);
}

static noinline bool recv_wait(gamp_chan *c, void *elem)
{
    int err = chanrecv_wait(c, elem, NEVER);

    gamp_leave();
    return err == 0;
}

static noinline bool recv_locked(gamp_chan *c, void *elem)
{
    struct sudog *partner;
    int err = chan_take(c, elem, &partner);

    if (err == -EAGAIN)
        return recv_wait(c, elem);
    chan_unlock_wake(c, partner);
    gamp_leave();
    return err == 0;
}

static noinline bool recv_inside(gamp_chan *c, void *elem, size_t size)
{
    int err;

    check_recv(c, size);
    err = chanrecv(c, elem, NEVER);
    gamp_leave();
    return err == 0;
}

static noinline bool recv_enter(gamp_chan *c, void *elem, size_t size)
{
    gamp_enter();
    return recv_inside(c, elem, size);
}

static noinline bool unlock_leave(struct mutex *l)
{
    unlock_slow(l);
    gamp_leave();
    return true;
}

/* The element size is the caller's, or the channel's own. */
static always_inline void send_size(gamp_chan *c, const void *elem, size_t size)
{
    if (unlikely(!gamp_enter_usual())) {
        send_enter(c, elem, size);
        return;
    }
    if (unlikely(!c || size != c->elem_size || (!elem && size)) ||
        unlikely(!trylock_solo(&c->lock))) {
        send_inside(c, elem, size);
        return;
    }
    if (!chan_put_ring(c, elem, size)) {
        send_locked(c, elem);
        return;
    }
    if (unlock_solo_part(&c->lock)) {
        unlock_leave(&c->lock);
        return;
    }
    gamp_leave();
}

static always_inline bool recv_size(gamp_chan *c, void *elem, size_t size)
{
    if (unlikely(!gamp_enter_usual()))
        return recv_enter(c, elem, size);
    if (unlikely(!c || size != c->elem_size) || unlikely(!trylock_solo(&c->lock)))
        return recv_inside(c, elem, size);
    if (!chan_take_ring(c, elem, size))
        return recv_locked(c, elem);
    if (unlock_solo_part(&c->lock))
        return unlock_leave(&c->lock);
    gamp_leave();
    return true;
}

static always_inline int try_send_size(gamp_chan *c, const void *elem, size_t size)
{
    int err;

    gamp_enter();
    check_send(c, elem, size);
    err = chantrysend(c, elem);
    gamp_leave();
    return err;
}

static always_inline int try_recv_size(gamp_chan *c, void *elem, size_t size)
{
    int err;

    gamp_enter();
    check_recv(c, size);
    err = chantryrecv(c, elem);
    gamp_leave();
    return err;
}

/* Leaves, with what a wait with a limit came to. */
static always_inline int leave_until(gamp_chan *c, int err)
{
    gamp_leave();
    if (unlikely(err == -ESTALE)) {
        chan_free(c);
        err = -ETIMEDOUT;
    }
    return err;
}

static always_inline int send_until_size(gamp_chan *c, const void *elem, size_t size, gamp_time t)
{
    gamp_enter();
    check_send(c, elem, size);
    return leave_until(c, chansend(c, elem, t));
}

static always_inline int recv_until_size(gamp_chan *c, void *elem, size_t size, gamp_time t)
{
    gamp_enter();
    check_recv(c, size);
    return leave_until(c, chanrecv(c, elem, t));
}

void gamp_chan_send_sized(gamp_chan *c, const void *elem, size_t size)
{
    send_size(c, elem, size);
}

bool gamp_chan_recv_sized(gamp_chan *c, void *elem, size_t size)
{
    return recv_size(c, elem, size);
}

int gamp_chan_try_send_sized(gamp_chan *c, const void *elem, size_t size)
{
    return try_send_size(c, elem, size);
}

int gamp_chan_try_recv_sized(gamp_chan *c, void *elem, size_t size)
{
    return try_recv_size(c, elem, size);
}

int gamp_chan_send_until_sized(gamp_chan *c, const void *elem, size_t size, gamp_time t)
{
    return send_until_size(c, elem, size, t);
}

int gamp_chan_recv_until_sized(gamp_chan *c, void *elem, size_t size, gamp_time t)
{
    return recv_until_size(c, elem, size, t);
}

void gamp_chan_send_any(gamp_chan *c, const void *elem)
{
    send_size(c, elem, own_size(c));
}

bool gamp_chan_recv_any(gamp_chan *c, void *elem)
{
    return recv_size(c, elem, own_size(c));
}

int gamp_chan_try_send_any(gamp_chan *c, const void *elem)
{
    return try_send_size(c, elem, own_size(c));
}

int gamp_chan_try_recv_any(gamp_chan *c, void *elem)
{
    return try_recv_size(c, elem, own_size(c));
}

int gamp_chan_send_until_any(gamp_chan *c, const void *elem, gamp_time t)
{
    return send_until_size(c, elem, own_size(c), t);
}

int gamp_chan_recv_until_any(gamp_chan *c, void *elem, gamp_time t)
{
    return recv_until_size(c, elem, own_size(c), t);
}
