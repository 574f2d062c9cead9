/* SPDX-License-Identifier: BSD-3-Clause */
/* record: see record.h. Deferred calls and init hooks are kept as the headers say the library
 * keeps them. */
#include "record.h"

#include <string.h>

struct record record;
int record_answer;

static struct gamp_defer *deferred;
static struct gamp_init_node *inits;
static unsigned errno_asked;

#undef errno
extern int *__errno_location(void);

int *gamp_errno_location(void)
{
    errno_asked++;
    return __errno_location();
}

unsigned record_errno_asked(void)
{
    return errno_asked;
}

void record_clear(void)
{
    memset(&record, 0, sizeof(record));
}

static int called(const char *what)
{
    record.calls++;
    record.what = what;
    return record_answer;
}

static void keep_call(void (*fn)(void), const uintptr_t *args, unsigned n)
{
    record.fn = fn;
    record.nwords = n;
    for (unsigned i = 0; i < n; i++)
        record.words[i] = args[i];
}

int gamp_go_call(const gamp_go_options *o, void (*fn)(void), const uintptr_t *args, unsigned n)
{
    keep_call(fn, args, n);
    record.options = o != NULL;
    if (o) {
        record.stack_size = o->stack_size;
        snprintf(record.name, sizeof(record.name), "%s", o->name ? o->name : "");
    }
    return called("go");
}

int gamp_waitgroup_go_call(gamp_waitgroup *wg, void (*fn)(void), const uintptr_t *args, unsigned n)
{
    keep_call(fn, args, n);
    record.wg = wg;
    return called("waitgroup_go");
}

static int keep_chan(const char *what, gamp_chan *c, const void *elem, size_t size, gamp_time t)
{
    record.chan = c;
    record.elem = elem;
    record.size = size;
    record.until = t;
    if (elem && size <= RECORD_BYTES)
        memcpy(record.bytes, elem, size);
    return called(what);
}

void gamp_chan_send_sized(gamp_chan *c, const void *elem, size_t size)
{
    keep_chan("send", c, elem, size, 0);
}

void gamp_chan_send_any(gamp_chan *c, const void *elem)
{
    keep_chan("send", c, elem, SIZE_MAX, 0);
}

bool gamp_chan_recv_sized(gamp_chan *c, void *elem, size_t size)
{
    return keep_chan("recv", c, elem, size, 0) != 0;
}

bool gamp_chan_recv_any(gamp_chan *c, void *elem)
{
    return keep_chan("recv", c, elem, SIZE_MAX, 0) != 0;
}

int gamp_chan_try_send_sized(gamp_chan *c, const void *elem, size_t size)
{
    return keep_chan("try_send", c, elem, size, 0);
}

int gamp_chan_try_send_any(gamp_chan *c, const void *elem)
{
    return keep_chan("try_send", c, elem, SIZE_MAX, 0);
}

int gamp_chan_try_recv_sized(gamp_chan *c, void *elem, size_t size)
{
    return keep_chan("try_recv", c, elem, size, 0);
}

int gamp_chan_try_recv_any(gamp_chan *c, void *elem)
{
    return keep_chan("try_recv", c, elem, SIZE_MAX, 0);
}

int gamp_chan_send_until_sized(gamp_chan *c, const void *elem, size_t size, gamp_time t)
{
    return keep_chan("send_until", c, elem, size, t);
}

int gamp_chan_send_until_any(gamp_chan *c, const void *elem, gamp_time t)
{
    return keep_chan("send_until", c, elem, SIZE_MAX, t);
}

int gamp_chan_recv_until_sized(gamp_chan *c, void *elem, size_t size, gamp_time t)
{
    return keep_chan("recv_until", c, elem, size, t);
}

int gamp_chan_recv_until_any(gamp_chan *c, void *elem, gamp_time t)
{
    return keep_chan("recv_until", c, elem, SIZE_MAX, t);
}

gamp_chan *gamp_chan_new(size_t elem_size, size_t cap)
{
    record.size = elem_size;
    record.ncases = cap;
    called("chan_new");
    return NULL;
}

int gamp_selectv(gamp_case *cases, size_t n)
{
    record.ncases = n;
    for (size_t i = 0; i < n && i < sizeof(record.cases) / sizeof(record.cases[0]); i++)
        record.cases[i] = cases[i];
    /* While the call lasts, temporaries among the elements must be alive. */
    for (size_t i = 0; i < n; i++)
        if (cases[i].kind == GAMP_CASE_SEND && cases[i].size <= RECORD_BYTES)
            memcpy(record.bytes, cases[i].elem, cases[i].size);
    return called("selectv");
}

int gamp_signal_notifyv(gamp_chan *c, const int *sigs, size_t n)
{
    record.chan = c;
    record.nsigs = n;
    for (size_t i = 0; i < n; i++)
        record.sigs[i] = sigs[i];
    return called("signal_notifyv");
}

void gamp_defer_push(struct gamp_defer *d)
{
    d->link = deferred;
    deferred = d;
}

void gamp_defer_pop(struct gamp_defer *d)
{
    CHECK(deferred == d);
    deferred = d->link;
    d->fn(d->arg);
}

void gamp_init_register(struct gamp_init_node *node)
{
    struct gamp_init_node **at = &inits;

    while (*at && !((*at)->unit == node->unit && (*at)->position > node->position))
        at = &(*at)->next;
    node->next = *at;
    *at = node;
}

void gamp_init_unregister(struct gamp_init_node *node)
{
    struct gamp_init_node **at = &inits;

    while (*at && *at != node)
        at = &(*at)->next;
    if (*at)
        *at = node->next;
}

const char *record_init_order(void)
{
    static char text[256];
    size_t n = 0;

    for (struct gamp_init_node *i = inits; i; i = i->next)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s ", i->name);
    return text;
}

void record_init_run(void)
{
    for (struct gamp_init_node *i = inits; i; i = i->next)
        i->fn();
}

int gamp_run(int (*fn)(int argc, char **argv), int argc, char **argv)
{
    CHECK(!deferred);
    return fn(argc, argv);
}
