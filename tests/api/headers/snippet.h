/* SPDX-License-Identifier: BSD-3-Clause */
/* snippet: what the lines of reject.txt may use; each stands inside a function that begins with
 * SNIPPET_LOCALS. */
#include <gamp.h>
#include <stdlib.h>

struct point {
    int x, y;
};
struct other {
    int x, y;
};
struct big {
    long words[4];
};
enum color { RED };
union either {
    int i;
    void *p;
};

void f0(void);
void f_int(int a);
void f_long(long a);
void f_ptr(int *p);
void f_char(char *p);
void f_uchar(unsigned char *p);
void f_str(long a, const char *s);
void f_point(struct point *p);
void f_struct(struct point p);
void f_double(double d);
void f_void(void *p);
void f_fn(void (*f)(void));
struct big f_big(int a);
void f6(int a, int b, int c, int d, int e, int f);
void f7(int a, int b, int c, int d, int e, int f, int g);

#define SNIPPET_LOCALS                                                                             \
    int i = 0;                                                                                     \
    unsigned u = 0;                                                                                \
    long l = 0;                                                                                    \
    const int ci = 0;                                                                              \
    float f = 0;                                                                                   \
    double d = 0;                                                                                  \
    long double ld = 0;                                                                            \
    bool b = false;                                                                                \
    int *pi = &i;                                                                                  \
    void *pv = &i;                                                                                 \
    struct point p = {0, 0}, *pp = &p;                                                             \
    struct other o = {0, 0};                                                                       \
    union either e = {0};                                                                          \
    gamp_waitgroup wg = {0, 0, 0};                                                                 \
    gamp_chan *c = NULL;                                                                           \
    (void)i, (void)u, (void)l, (void)ci, (void)f, (void)d, (void)ld;                               \
    (void)b, (void)pi, (void)pv, (void)p, (void)pp, (void)o, (void)e;                              \
    (void)wg, (void)c;
