/* SPDX-License-Identifier: BSD-3-Clause */
/* accept: programs' ways of writing, compiled as C and as C++ with more warnings than anybody has
 * on; none may come. */
#include <gamp.h>
#include <unistd.h>
#include <stdlib.h>
struct p {
    int a, b;
};
enum e { E1 };
typedef int opaque_fn(int, char *);
struct bits {
    unsigned u : 3;
    int s : 4;
};
struct ops {
    void (*start)(int);
};
static void f0(void)
{
}
static void f1(int *p)
{
    (void)p;
}
static long f2(long a, const char *s)
{
    return a + s[0];
}
static bool fb(bool b, enum e e)
{
    return b && e;
}
static void f6(int a, unsigned b, char c, void *d, enum e e, const char *f)
{
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    (void)e;
    (void)f;
}
static void fv(void *p)
{
    (void)p;
}
static void fs(struct p *p)
{
    (void)p;
}
static void ff(void (*cb)(void))
{
    cb();
}
static void deferme(struct p *p)
{
    (void)p;
}
static int intfn(void *p)
{
    (void)p;
    return 1;
}
static opaque_fn typed;
static int typed(int a, char *b)
{
    return a + b[0];
}
static gamp_waitgroup wg;
GAMP_INIT(one)
{
    f0();
}
GAMP_INIT(two)
{
    f0();
}

static int chans(gamp_chan *c, gamp_chan *d)
{
    int v = 0, arr[3] = {1, 2, 3}, n = 0;
    int *ip = arr;
    const int ci = 4;
    void *vp = &v;
    const void *cvp = &v;
    struct p s = {1, 2};
    bool ok;
    gamp_chan *z = gamp_chan_of(struct p, 3);
    gamp_chan_send(c, &v);
    gamp_chan_send(c, &ci);
    gamp_chan_send(c, vp);
    gamp_chan_send(c, cvp);
    gamp_chan_send(c, NULL);
    gamp_chan_send(c, ip++);
    gamp_chan_send(c, arr);
    gamp_chan_send(z, &s);
    gamp_chan_send(z, &(struct p){1, 2});
#ifndef __cplusplus
    gamp_chan_send(c, &(int){gamp_chan_try_send(d, &(int){(int)gamp_chan_len(d)})});
#endif
    if (gamp_chan_recv(c, &v) && !gamp_chan_recv(c, NULL))
        n++;
    while (gamp_chan_recv(c, vp))
        n++;
    n += gamp_chan_try_send(z, &(struct p){1, 2}) + gamp_chan_try_recv(z, &s);
    n += gamp_chan_send_until(z, &(struct p){1, 2}, gamp_now() + 5 * GAMP_SECOND);
    n += gamp_chan_send_until(c, NULL, GAMP_NEVER) + gamp_chan_send_until(c, cvp, 0);
    n += gamp_chan_recv_until(c, &v, GAMP_NEVER) + gamp_chan_recv_until(c, NULL, 3);
    n += gamp_select();
    n += gamp_select(GAMP_DEFAULT);
    switch (gamp_select(GAMP_SEND(c, &v), GAMP_RECV(d, &v), GAMP_RECV(d, NULL),
                        GAMP_RECV_OK(c, &v, &ok), GAMP_SEND(z, &(struct p){1, 2}), GAMP_READABLE(0),
                        GAMP_WRITABLE(1), GAMP_AT(gamp_now() + GAMP_SECOND), GAMP_SEND(c, vp),
                        GAMP_RECV_OK(c, vp, NULL), GAMP_RECV_OK(c, NULL, &ok), GAMP_SEND(c, cvp),
                        GAMP_DEFAULT)) {
    case 0:
        break;
    default:
        n++;
    }
    gamp_case cs[] = {GAMP_SEND(c, &v), GAMP_DEFAULT};
    n += gamp_selectv(cs, 2);
    n += gamp_select(GAMP_AT(gamp_select(GAMP_AT(0), GAMP_DEFAULT)), GAMP_DEFAULT);
    return n + gamp_signal_notify(c, 1) + gamp_signal_notify(c, 1, 2, 15);
}

static int starts(int x, char *argv[])
{
    struct ops o = {NULL}, *op = &o;
    struct bits bi = {1, 1};
    unsigned long ul = 3;
    short sh = 1;
    int arr[4] = {0};
    struct p s = {1, 2}, *sp = &s;
    void *vp = sp;
    double *dp = NULL;
    int r = 0;
    gamp_go(f0);
    r += gamp_go(f0);
    r += gamp_go(f1, &x) + gamp_go(f1, arr) + gamp_go(f1, NULL);
    r += gamp_go(f2, -1, "literal") + gamp_go(f2, x++, *argv) + gamp_go(&f2, sh, NULL);
    r += gamp_go(fb, true, E1) + gamp_go(fb, x > 0, E1) + gamp_go(fs, &s) + gamp_go(fs, sp);
    r += gamp_go(f6, 1, 2u, 'c', &x, E1, "f");
    r +=
        gamp_go(op->start, 4) + gamp_go(x ? f0 : NULL) + gamp_go(ff, f0) + gamp_go(typed, 3, *argv);
    r += gamp_go(f2, bi.s, NULL) + gamp_go(f2, (long)ul, NULL) + gamp_go(fv, dp) + gamp_go(fv, &s) +
         gamp_go(fv, vp);
    r += gamp_go(f2, gamp_go(f1, &x), "nested") + gamp_go(close, 3) + gamp_go(free, vp);
    r += gamp_go_with(GAMP_OPTIONS(.stack_size = 1 << 20, .name = "conn"), f1, &x);
    r += gamp_go_with(GAMP_OPTIONS(.name = "conn"), f0) + gamp_go_with(NULL, f0);
    r += gamp_waitgroup_go(&wg, f0) + gamp_waitgroup_go(&wg, f2, 1, "x");
    if (gamp_go(f0))
        return 1;
    for (int i = 0; i < 3; i++)
        gamp_go(f2, i, "loop");
    return r;
}

void defers(struct p *s, const char *cs);
void defers(struct p *s, const char *cs)
{
    char *m = (char *)malloc(3);
    gamp_defer(free, m);
    gamp_defer(deferme, s);
    gamp_defer(intfn, s);
    gamp_defer(free, NULL);
    for (int i = 0; i < 2; i++) {
        gamp_defer(deferme, s);
        {
            gamp_defer(fv, s);
            gamp_defer(gamp_chan_unref, gamp_chan_of(int, 1));
        }
    }
    (void)cs;
}
GAMP_MAIN(argc, argv)
{
    gamp_bytes b = GAMP_BYTES("key");
    errno = 0;
    if (errno == EAGAIN)
        return 1;
    return chans(NULL, NULL) + starts(1, argv) + (int)b.len;
}
