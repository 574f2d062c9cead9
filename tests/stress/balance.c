/* SPDX-License-Identifier: BSD-3-Clause */
/* Channels that are made, shared, closed and dropped all the while, by goroutines, timers'
 * functions, groups' members and threads that send and receive in every way, panic, and leave by
 * gamp_goexit. At the end the books are balanced: all that was sent was received, once, nobody
 * hangs, and no goroutine is left. */
#include "harness/test.h"
#include <gamp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 6, WORKERS = 40, THREADS = 4, SECONDS = 10 };

static struct {
    gamp_rwmutex lock;
    gamp_chan *c;
} slots[SLOTS];
static gamp_time until;
static uint64_t sent, sent_sum, received, received_sum, panics, next_value;

static uint64_t add(uint64_t *n, uint64_t k)
{
    return __atomic_fetch_add(n, k, __ATOMIC_RELAXED);
}

static void note_sent(uint64_t v)
{
    add(&sent, 1);
    add(&sent_sum, v * v);
}

static void note_received(uint64_t v)
{
    CHECK(v != 0 && v <= __atomic_load_n(&next_value, __ATOMIC_RELAXED));
    add(&received, 1);
    add(&received_sum, v * v);
}

static gamp_chan *take(int i)
{
    gamp_chan *c;

    gamp_rwmutex_rlock(&slots[i].lock);
    c = gamp_chan_ref(slots[i].c);
    gamp_rwmutex_runlock(&slots[i].lock);
    return c;
}

/* Puts another in its place; receivers of the old one get what it holds, or this one does. */
static void replace(int i, size_t cap)
{
    gamp_chan *fresh = gamp_chan_of(uint64_t, cap), *old;
    uint64_t v;

    gamp_rwmutex_lock(&slots[i].lock);
    old = slots[i].c;
    slots[i].c = fresh;
    gamp_rwmutex_unlock(&slots[i].lock);
    gamp_chan_close(old);
    while (gamp_chan_recv(old, &v))
        note_received(v);
    CHECK_EQ(v, 0);
    gamp_chan_unref(old);
}

struct step {
    uint64_t rand;
    gamp_chan *c[2];
    int form;
    gamp_context *ctx;
};

static void recv_step(struct step *s, gamp_time t)
{
    uint64_t v = 0, w = 0;
    bool ok = false, ok2 = false;
    int k;

    switch (s->form) {
    case 0:
        if (gamp_chan_try_recv(s->c[0], &v) == 0)
            note_received(v);
        return;
    case 1:
        if (gamp_chan_recv_until(s->c[0], &v, t) == 0)
            note_received(v);
        return;
    default:
        k = gamp_select(GAMP_RECV_OK(s->c[0], &v, &ok), GAMP_AT(t),
                        GAMP_RECV(s->ctx ? gamp_context_done(s->ctx) : NULL, NULL),
                        GAMP_RECV_OK(s->c[1], &w, &ok2), GAMP_RECV_OK(s->c[0], &v, &ok));
        CHECK((k == 0 || k == 4 || v == 0) && (k == 3 || w == 0));
        if (ok || ok2)
            note_received(ok ? v : w);
    }
}

/* May panic: the channel may be closed at any time. */
static void send_step(void *arg)
{
    struct step *s = arg;
    gamp_time t = gamp_now() + (gamp_duration)(s->rand >> 20) % 300000;
    uint64_t v = add(&next_value, 2) + 1, w = v + 1, r = 0;
    int k;

    switch (s->form) {
    case 3:
        if (gamp_chan_try_send(s->c[0], &v) == 0)
            note_sent(v);
        return;
    case 4:
        if (gamp_chan_send_until(s->c[0], &v, t) == 0)
            note_sent(v);
        return;
    case 5:
        k = gamp_select(GAMP_SEND(s->c[0], &v), GAMP_DEFAULT, GAMP_SEND(s->c[1], &w));
        if (k != 1)
            note_sent(k ? w : v);
        return;
    default:
        k = gamp_select(GAMP_SEND(s->c[0], &v), GAMP_RECV(s->c[1], &r), GAMP_AT(t));
        if (k == 0)
            note_sent(v);
        else if (k == 1 && r)
            note_received(r);
    }
}

static void drop(struct step *s)
{
    gamp_chan_unref(s->c[0]);
    gamp_chan_unref(s->c[1]);
}

static void one_step(uint64_t rand, gamp_context *ctx)
{
    struct step s = {rand, {take((int)(rand % SLOTS)), take((int)((rand >> 8) % SLOTS))}, 0, ctx};
    gamp_panic_info info;

    gamp_defer(drop, &s);
    s.form = (int)((rand >> 16) % 7);
    if (s.form < 3) {
        recv_step(&s, gamp_now() + (gamp_duration)(rand >> 20) % 300000);
    } else if (gamp_protect(send_step, &s, &info) != 0) {
        CHECK_STR(info.message, "send on closed channel");
        add(&panics, 1);
    }
}

static void step_deferred(uint64_t *rand)
{
    one_step(*rand, NULL);
}

static void leave(uint64_t *rand)
{
    gamp_defer(step_deferred, rand);
    if (*rand & 1)
        gamp_goexit();
    gamp_panic("left");
}

static int member(gamp_context *ctx, void *arg)
{
    uint64_t rand = (uint64_t)(uintptr_t)arg;

    for (int i = 0; i < 5; i++)
        one_step(test_rand(&rand), ctx);
    return rand % 3 == 0 ? (int)(rand % 100) + 1 : 0;
}

static void a_group(uint64_t rand)
{
    gamp_context *ctx =
        gamp_context_with_timeout(gamp_context_background(), (gamp_duration)(rand % 500000));
    gamp_group g;

    CHECK_EQ(gamp_group_init(&g, ctx), 0);
    gamp_group_set_limit(&g, (int)(rand % 4));
    for (int i = 0; i < 6; i++)
        CHECK_EQ(gamp_group_go(&g, member, (void *)(uintptr_t)test_rand(&rand)), 0);
    gamp_group_wait(&g);
    gamp_context_unref(ctx);
}

struct timed {
    gamp_waitgroup done;
    uint64_t rand;
};

static void on_time(void *arg)
{
    struct timed *t = arg;

    one_step(t->rand, NULL);
    gamp_waitgroup_done(&t->done);
}

static void a_timer(uint64_t rand)
{
    struct timed t = {.rand = rand};
    gamp_timer *timer;

    gamp_waitgroup_add(&t.done, 1);
    timer = gamp_after_func((gamp_duration)(rand >> 30) % 100000, on_time, &t);
    if (rand & 2)
        gamp_sleep((gamp_duration)(rand >> 40) % 100000);
    if (rand & 1 && gamp_timer_stop(timer))
        gamp_waitgroup_done(&t.done);
    gamp_waitgroup_wait(&t.done);
    gamp_timer_free(timer);
}

static void leave_protected(void *rand)
{
    leave(rand);
}

static void leave_alone(uint64_t rand)
{
    rand |= 1;
    gamp_protect(leave_protected, &rand, NULL);
    CHECK(!"it came back from gamp_goexit");
}

static void work(uint64_t rand)
{
    gamp_waitgroup wg = {0};

    while (gamp_now() < until) {
        uint64_t r = test_rand(&rand);

        switch (r % 16) {
        case 0:
            replace((int)((r >> 8) % SLOTS), (r >> 16) % 4);
            break;
        case 1:
            if (r >> 8 & 1 && gamp_goid() != 0)
                CHECK_EQ(gamp_waitgroup_go(&wg, leave_alone, r), 0);
            else
                CHECK_EQ(gamp_protect(leave_protected, &(uint64_t){r & ~UINT64_C(1)}, NULL),
                         -EFAULT);
            break;
        case 2:
            a_timer(r);
            break;
        case 3:
            a_group(r);
            break;
        default:
            one_step(r >> 4, NULL);
        }
    }
    gamp_waitgroup_wait(&wg);
}

static void *work_thread(void *rand)
{
    work(*(uint64_t *)rand);
    return NULL;
}

TEST_GO_WITHIN(what_is_sent_is_received_once, SECONDS + 60)
{
    uint64_t seed = test_seed(), seeds[THREADS];
    gamp_waitgroup wg = {0};
    pthread_t t[THREADS];

    until = gamp_now() + SECONDS * GAMP_SECOND;
    for (int i = 0; i < SLOTS; i++)
        slots[i].c = gamp_chan_of(uint64_t, (size_t)i % 3);
    for (int i = 0; i < THREADS; i++) {
        seeds[i] = test_rand(&seed);
        CHECK_EQ(pthread_create(&t[i], NULL, work_thread, &seeds[i]), 0);
    }
    for (int i = 0; i < WORKERS; i++)
        CHECK_EQ(gamp_waitgroup_go(&wg, work, test_rand(&seed)), 0);
    while (gamp_now() < until) {
        if (test_rand(&seed) % 4 == 0)
            gamp_gomaxprocs(1 + (int)(test_rand(&seed) % 8));
        gamp_sleep(20 * GAMP_MILLISECOND);
    }
    gamp_waitgroup_wait(&wg);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    for (int i = 0; i < SLOTS; i++) {
        replace(i, 0);
        gamp_chan_unref(slots[i].c);
    }
    CHECK_EQ(gamp_num_goroutine(), 1);
    CHECK_EQ(sent, received);
    CHECK_EQ(sent_sum, received_sum);
    CHECK(sent > 1000 && panics > 0);
}
