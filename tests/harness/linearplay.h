/* SPDX-License-Identifier: BSD-3-Clause */
/* linearplay: goroutines and threads that play histories of channel operations (linear.h): round
 * after round of some sixty operations on up to three channels, chosen at random: send and receive
 * in every form, selects of several cases, closes. Elements are of several words, none of which may
 * be of another element.
 *
 * Before silence means anything the checker must find planted bugs: the operations are wrapped and
 * then lie now and then. */
#ifndef GAMP_TEST_LINEARPLAY_H
#define GAMP_TEST_LINEARPLAY_H

#include "harness/linear.h"
#include "harness/test.h"

#include <gamp.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKERS = 6, THREADS = 2, WORDS = 3, LIES = 8, ENDED = 3, FEW = 40 };

enum plant { PLANT_NONE, PLANT_TWICE, PLANT_LOST, PLANT_SWAPPED, PLANT_MISSED, PLANT_EARLIER };

struct elem {
    uint64_t word[WORDS];
};

struct worker {
    uint64_t rng;
    uint8_t first; /* of the values it may send */
    int nops;
    uint8_t held; /* PLANT_SWAPPED: told to be sent, and to which channel */
    int held_chan;
    int done;
    struct linear_op op[LINEAR_OPS];
};

static struct {
    gamp_chan *chan[LINEAR_CHANS];
    int nchans;
    enum plant plant;
    _Atomic uint64_t order;
    _Atomic uint8_t last[LINEAR_CHANS]; /* PLANT_TWICE */
    struct worker worker[WORKERS];
    gamp_waitgroup wg;
    /* What others tell of a worker's wait: play_parked. */
    _Atomic uint64_t goid[WORKERS];
    _Atomic int at[WORKERS]; /* its operation that goes on, or -1 */
    _Atomic uint64_t parked[WORKERS][LINEAR_OPS];
} t;

/* For who sees a goroutine stand in line, before anybody can take it out of there. */
__attribute__((unused)) static void play_parked(uint64_t goid)
{
    for (int i = 0; i < WORKERS; i++)
        if (t.goid[i] == goid && t.at[i] >= 0)
            t.parked[i][t.at[i]] = t.order++;
}

static uint64_t below(struct worker *w, uint64_t n)
{
    return test_rand(&w->rng) % n;
}

static struct elem elem_of(uint8_t value)
{
    struct elem e;

    for (int i = 0; i < WORDS; i++)
        e.word[i] = value;
    return e;
}

static uint8_t value_of(const struct elem *e)
{
    for (int i = 1; i < WORDS; i++)
        CHECK_EQ(e->word[i], e->word[0]);
    CHECK_LT(e->word[0], 256);
    return (uint8_t)e->word[0];
}

/* The next operation, as yet without an outcome. */
struct call {
    struct worker *w;
    struct linear_op *op;
    int form; /* 0 waits, 1 tries, 2 waits for a while */
    gamp_time until;
    struct elem elem[LINEAR_CASES];
};

static bool lies(struct call *k, enum plant plant)
{
    return t.plant == plant && below(k->w, LIES) == 0;
}

static int send_form(struct call *k, int chan, const struct elem *e)
{
    gamp_chan *c = t.chan[chan];

    if (k->form == 1)
        return gamp_chan_try_send(c, e);
    if (k->form == 2)
        return gamp_chan_send_until(c, e, k->until);
    gamp_chan_send(c, e);
    return 0;
}

static int recv_form(struct call *k, int chan, struct elem *e)
{
    gamp_chan *c = t.chan[chan];

    if (k->form == 1)
        return gamp_chan_try_recv(c, e);
    if (k->form == 2)
        return gamp_chan_recv_until(c, e, k->until);
    return gamp_chan_recv(c, e) ? 0 : -EPIPE;
}

/* PLANT_SWAPPED: a value is kept back, and goes after the next one. */
static int send_one(struct call *k, int chan)
{
    struct worker *w = k->w;
    struct elem held = elem_of(w->held);
    int err;

    if (!w->held && lies(k, PLANT_SWAPPED)) {
        w->held = (uint8_t)k->elem[0].word[0];
        w->held_chan = chan;
        return 0;
    }
    err = send_form(k, chan, &k->elem[0]);
    if (err == 0 && w->held && w->held_chan == chan) {
        gamp_chan_try_send(t.chan[chan], &held);
        w->held = 0;
    }
    return err;
}

static int recv_one(struct call *k, int chan)
{
    int err;

    if (lies(k, PLANT_MISSED) && k->form == 1)
        return -EAGAIN;
    if (t.last[chan] && lies(k, PLANT_TWICE)) {
        k->elem[0] = elem_of(t.last[chan]);
        return 0;
    }
    err = recv_form(k, chan, &k->elem[0]);
    if (err == 0 && lies(k, PLANT_LOST)) {
        k->form = 1;
        recv_form(k, chan, &k->elem[0]);
    }
    if (err == 0)
        t.last[chan] = (uint8_t)k->elem[0].word[0];
    return err;
}

static void set_outcome(struct linear_op *op, int err)
{
    op->which = 0;
    op->outcome = err == 0 ? LINEAR_DONE : err == -EPIPE ? LINEAR_CLOSED : LINEAR_NOTHING;
    /* A form that does not panic tells it by the same result. */
    if (err == -EPIPE && op->cases[0].kind == LINEAR_SEND)
        op->outcome = LINEAR_PANICKED;
    else
        CHECK_MSG(err == 0 || err == -EPIPE || err == -EAGAIN || err == -ETIMEDOUT, "result %d",
                  err);
}

static void run_select(struct call *k)
{
    struct linear_op *op = k->op;
    gamp_case cases[LINEAR_CASES + 1];
    bool ok[LINEAR_CASES];
    size_t n = op->ncases;
    int i;

    for (i = 0; i < op->ncases; i++) {
        gamp_chan *c = t.chan[op->cases[i].chan];

        ok[i] = true;
        cases[i] = op->cases[i].kind == LINEAR_SEND ? GAMP_SEND(c, &k->elem[i])
                                                    : GAMP_RECV_OK(c, &k->elem[i], &ok[i]);
    }
    if (k->form == 1)
        cases[n++] = GAMP_DEFAULT;
    else if (k->form == 2)
        cases[n++] = GAMP_AT(k->until);
    i = gamp_selectv(cases, n);
    if (i == op->ncases) {
        /* A point in time that has come is as ready as any other case. */
        op->outcome = k->form == 1 ? LINEAR_NOTHING : LINEAR_ANYWAY;
        return;
    }
    op->which = (uint8_t)i;
    op->outcome = ok[i] ? LINEAR_DONE : LINEAR_CLOSED;
}

static void run_call(void *arg)
{
    struct call *k = arg;
    struct linear_op *op = k->op;

    if (op->ncases > 1) {
        run_select(k);
    } else if (op->cases[0].kind == LINEAR_CLOSE) {
        gamp_chan_close(t.chan[op->cases[0].chan]);
        op->outcome = LINEAR_DONE;
    } else if (op->cases[0].kind == LINEAR_SEND) {
        set_outcome(op, send_one(k, op->cases[0].chan));
    } else {
        set_outcome(op, recv_one(k, op->cases[0].chan));
    }
}

static void record(struct call *k)
{
    struct linear_op *op = k->op;
    int i;

    for (i = 0; i < op->ncases; i++)
        k->elem[i] = elem_of(op->cases[i].value);
    op->which = 0;
    op->begin = t.order++;
    if (gamp_protect(run_call, k, NULL) != 0)
        op->outcome = LINEAR_PANICKED;
    op->end = t.order++;
    i = op->which;
    if (op->outcome == LINEAR_DONE && op->cases[i].kind == LINEAR_RECV)
        op->cases[i].value = value_of(&k->elem[i]);
    else if (op->outcome == LINEAR_CLOSED)
        CHECK_EQ(value_of(&k->elem[i]), 0);
}

static void choose(struct call *k)
{
    struct worker *w = k->w;
    struct linear_op *op = k->op;
    uint64_t what = below(w, 100);

    k->form = (int)below(w, 3);
    k->until = below(w, 4) == 0 ? 0 : gamp_now() + (gamp_duration)below(w, 200000);
    op->ncases = what < 65 ? 1 : (uint8_t)(2 + below(w, LINEAR_CASES - 1));
    for (int i = 0; i < op->ncases; i++) {
        op->cases[i].chan = (uint8_t)below(w, (uint64_t)t.nchans);
        op->cases[i].kind = below(w, 2) ? LINEAR_SEND : LINEAR_RECV;
        if (op->cases[i].kind == LINEAR_SEND)
            op->cases[i].value = (uint8_t)(w->first + w->done * LINEAR_CASES + i);
        else
            op->cases[i].value = 0;
    }
    if (op->ncases == 1 && below(w, 200) == 0)
        op->cases[0].kind = LINEAR_CLOSE;
}

static void dawdle(struct worker *w)
{
    switch (below(w, 8)) {
    case 0:
        gamp_gosched();
        break;
    case 1:
        for (uint64_t i = below(w, 3000); i > 0; i--)
            __asm__ volatile("");
        break;
    default:
        break;
    }
}

static void work(struct worker *w)
{
    int ended = 0, me = (int)(w - t.worker);

    t.goid[me] = gamp_goid();
    for (w->done = 0; w->done < w->nops && ended < ENDED; w->done++) {
        struct call k = {.w = w, .op = &w->op[w->done]};

        choose(&k);
        dawdle(w);
        t.at[me] = w->done;
        record(&k);
        t.at[me] = -1;
        /* It had not even begun, then. */
        if (t.parked[me][w->done] && t.plant == PLANT_EARLIER) {
            k.op->begin = w->done ? w->op[w->done - 1].end : 1;
            t.parked[me][w->done] = k.op->begin + 1;
        }
        ended += k.op->outcome == LINEAR_CLOSED || k.op->outcome == LINEAR_PANICKED;
    }
    gamp_waitgroup_done(&t.wg);
}

static void *thread_main(void *arg)
{
    gamp_chan *in = arg;
    struct worker *w;

    while (gamp_chan_recv(in, &w))
        work(w);
    return NULL;
}

/* The round's end: whoever still waits then is let go. */
static void close_all(struct worker *w)
{
    gamp_sleep((gamp_duration)below(w, 400000));
    for (int i = 0; i < t.nchans; i++) {
        struct call k = {.w = w, .op = &w->op[w->done]};

        *k.op = (struct linear_op){.ncases = 1, .cases = {{LINEAR_CLOSE, (uint8_t)i, 0}}};
        record(&k);
        w->done++;
    }
}

static void gather(struct linear_history *h, const struct worker *w, int me)
{
    for (int i = 0; i < w->done; i++) {
        CHECK_LT(h->n, LINEAR_OPS);
        h->op[h->n] = w->op[i];
        h->op[h->n++].parked = me >= 0 ? t.parked[me][i] : 0;
    }
}

/* One round; n workers beside this one; those that fit as threads, where there are any. */
static void play(struct linear_history *h, uint64_t *rng, gamp_chan *threads)
{
    int n = 2 + (int)(test_rand(rng) % (WORKERS - 2));
    static struct worker closer;

    t.nchans = 1 + (int)(test_rand(rng) % LINEAR_CHANS);
    t.order = 1;
    h->n = 0;
    for (int i = 0; i < LINEAR_CHANS; i++) {
        h->cap[i] = (uint8_t)(test_rand(rng) % LINEAR_CAP);
        t.chan[i] = gamp_chan_of(struct elem, h->cap[i]);
        CHECK(t.chan[i] != NULL);
        t.last[i] = 0;
    }
    gamp_waitgroup_add(&t.wg, n);
    for (int i = 0; i < n; i++) {
        struct worker *w = &t.worker[i];

        w->rng = test_rand(rng);
        w->nops = (LINEAR_OPS - LINEAR_CHANS) / n;
        w->nops = w->nops < 14 ? w->nops : 14;
        w->first = (uint8_t)(1 + i * 14 * LINEAR_CASES);
        w->held = 0;
        t.goid[i] = 0;
        t.at[i] = -1;
        for (int k = 0; k < LINEAR_OPS; k++)
            t.parked[i][k] = 0;
        if (threads && i < THREADS && test_rand(rng) % 2)
            gamp_chan_send(threads, &w);
        else
            CHECK_EQ(gamp_go(work, w), 0);
    }
    closer.rng = test_rand(rng);
    closer.done = 0;
    close_all(&closer);
    gamp_waitgroup_wait(&t.wg);
    gather(h, &closer, -1);
    for (int i = 0; i < n; i++)
        gather(h, &t.worker[i], i);
    for (int i = 0; i < LINEAR_CHANS; i++)
        gamp_chan_unref(t.chan[i]);
}

struct played {
    bool threads;
    long rounds, too_wide, parked;
    bool found; /* one that is not linearizable, in h */
    struct linear_history h;
};

/* Until one is found, or the time or the rounds are over; a few rounds however slow the machine
 * is. */
static void play_all(struct played *p, enum plant plant, int64_t until, long rounds)
{
    uint64_t rng = test_seed();
    gamp_chan *in = gamp_chan_of(struct worker *, THREADS);
    pthread_t thread[THREADS];

    t.plant = plant;
    CHECK(in != NULL);
    for (int i = 0; p->threads && i < THREADS; i++)
        CHECK_EQ(pthread_create(&thread[i], NULL, thread_main, in), 0);
    p->found = false;
    p->too_wide = p->parked = 0;
    for (p->rounds = 0; p->rounds < rounds && !p->found; p->rounds++) {
        enum linear_verdict v;

        if (p->rounds >= FEW && test_nanotime() >= until)
            break;
        play(&p->h, &rng, p->threads ? in : NULL);
        for (int i = 0; i < p->h.n; i++)
            p->parked += p->h.op[i].parked != 0;
        v = linear_check(&p->h);
        p->too_wide += v == LINEAR_TOO_WIDE;
        p->found = v == LINEAR_NO;
    }
    gamp_chan_close(in);
    for (int i = 0; p->threads && i < THREADS; i++)
        CHECK_EQ(pthread_join(thread[i], NULL), 0);
    gamp_chan_unref(in);
}

#endif
