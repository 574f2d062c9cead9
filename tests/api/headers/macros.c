/* SPDX-License-Identifier: BSD-3-Clause */
/* macros: what the headers' macros hand to the library, seen by the stand-in of record.c.
 * Compiled as C and as C++. Every argument that could show it is written so that a second
 * evaluation would. */
#include "record.h"

#include <string.h>

struct point {
    int x, y;
};
enum color { RED, GREEN = 7 };

static void take0(void)
{
}
static void take1(int *p)
{
    (void)p;
}
static long take2(long a, const char *s)
{
    return a + s[0];
}
static void take_int(int a)
{
    (void)a;
}
static void take_ulong(unsigned long a)
{
    (void)a;
}
static void take_bool(bool b, enum color c)
{
    (void)b;
    (void)c;
}
static void take6(int a, unsigned b, signed char c, void *d, enum color e, const char *f)
{
    (void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
}
static void take_fn(void (*f)(void))
{
    (void)f;
}
static struct point give_point(int a)
{
    struct point p = {a, a};
    return p;
}

static int count;
static int next(void)
{
    return ++count;
}
static void (*next_fn(void))(void)
{
    count++;
    return take0;
}
static int *next_pointer(int *p)
{
    count++;
    return p;
}
static gamp_chan *next_chan(gamp_chan *c)
{
    count++;
    return c;
}

/* Makes something that is only looked at. */
static gamp_chan *chan_at(void *p)
{
    return (gamp_chan *)p;
}

static void test_go(void)
{
    int x = 1, array[3] = {1, 2, 3};
    int *p = array;
    struct {
        void (*start)(int);
    } ops = {take_int};
    char text[] = "text";
    unsigned u = 0xffffffffu;
    signed char c = -3;
    gamp_waitgroup wg = {0, 0, 0};

    record_clear();
    record_answer = 0;
    CHECK(gamp_go(take0) == 0 && record.nwords == 0 && record.fn == (void (*)(void))take0);
    CHECK(!record.options);
    record_answer = -12;
    CHECK(gamp_go(take1, &x) == -12 && record.nwords == 1 && record.words[0] == (uintptr_t)&x);
    record_answer = 0;
    CHECK(record.calls == 2 && record.fn == (void (*)(void))take1);

    gamp_go(take1, array);
    CHECK(record.words[0] == (uintptr_t)array);
    gamp_go(take1, p++);
    CHECK(record.words[0] == (uintptr_t)array && p == array + 1);
    gamp_go(take1, NULL);
    CHECK(record.words[0] == 0);
    gamp_go(take2, -1, "literal");
    CHECK(record.nwords == 2 && record.words[0] == UINTPTR_MAX);
    CHECK(!strcmp((const char *)record.words[1], "literal"));
    gamp_go(take2, u, text);
    CHECK(record.words[0] == 0xffffffffu && record.words[1] == (uintptr_t)text);
    gamp_go(take_ulong, ~0ul);
    CHECK(record.words[0] == UINTPTR_MAX);
    gamp_go(take_bool, x > 0, GREEN);
    CHECK(record.words[0] == 1 && record.words[1] == 7);
    gamp_go(take6, -1, 2u, c, &x, RED, "f");
    CHECK(record.nwords == 6 && (int)record.words[0] == -1 && (unsigned)record.words[1] == 2);
    CHECK((signed char)record.words[2] == -3 && record.words[3] == (uintptr_t)&x);
    gamp_go(take_fn, take0);
    CHECK(record.words[0] == (uintptr_t)take0);
    gamp_go(ops.start, 5);
    CHECK(record.fn == (void (*)(void))take_int && record.words[0] == 5);
    gamp_go(&take_int, 6);
    CHECK(record.fn == (void (*)(void))take_int && record.words[0] == 6);
    gamp_go(give_point, 8);
    CHECK(record.words[0] == 8);

    count = 0;
    record.calls = 0;
    gamp_go(next_fn());
    CHECK(count == 1 && record.fn == (void (*)(void))take0);
    gamp_go(take_int, next());
    CHECK(count == 2 && record.words[0] == 2);
    record_answer = 9;
    gamp_go(take_int, gamp_go(take_int, next()));
    CHECK(count == 3 && record.words[0] == 9 && record.calls == 4);
    record_answer = 0;

    gamp_go_with(GAMP_OPTIONS(.stack_size = 1 << 20, .name = "conn"), take2, next(), text);
    CHECK(count == 4 && record.options && record.stack_size == 1 << 20);
    CHECK(!strcmp(record.name, "conn") && record.nwords == 2);
    gamp_go_with(GAMP_OPTIONS(.name = text), take0);
    CHECK(record.stack_size == 0 && !strcmp(record.name, "text"));
    gamp_go_with(NULL, take0);
    CHECK(!record.options);

    CHECK(gamp_waitgroup_go(&wg, take2, 3, "x") == 0 && record.wg == &wg && record.words[0] == 3);
    CHECK(gamp_waitgroup_go(&wg, take0) == 0 && record.nwords == 0);
}

static bool was(const char *what, const gamp_chan *c, const void *elem, size_t size, gamp_time t)
{
    return !strcmp(record.what, what) && record.chan == c && record.elem == elem &&
           record.size == size && record.until == t;
}

static void test_chan(void)
{
    int v = 5, array[4] = {1, 2, 3, 4};
    const long k = 9;
    struct point point = {1, 2};
    void *any = &v;
    const void *cany = &k;
    gamp_chan *c = chan_at(array);
    struct point sent;

    record_clear();
    gamp_chan_send(c, &v);
    CHECK(was("send", c, &v, sizeof(int), 0));
    gamp_chan_send(c, &k);
    CHECK(was("send", c, &k, sizeof(long), 0));
    gamp_chan_send(c, &point);
    CHECK(was("send", c, &point, sizeof(point), 0));
    gamp_chan_send(c, array);
    CHECK(was("send", c, array, sizeof(int), 0));
    gamp_chan_send(c, &array);
    CHECK(was("send", c, array, sizeof(array), 0));
    gamp_chan_send(c, any);
    CHECK(was("send", c, any, SIZE_MAX, 0));
    gamp_chan_send(c, cany);
    CHECK(was("send", c, cany, SIZE_MAX, 0));
    gamp_chan_send(c, NULL);
    CHECK(was("send", c, NULL, SIZE_MAX, 0));
    gamp_chan_send(NULL, &v);
    CHECK(was("send", NULL, &v, sizeof(int), 0));

    gamp_chan_send(c, &(struct point){3, 4});
    memcpy(&sent, record.bytes, sizeof(sent));
    CHECK(record.size == sizeof(sent) && sent.x == 3 && sent.y == 4);
    CHECK(gamp_chan_try_send(c, &(struct point){5, 6}) == 0);
    memcpy(&sent, record.bytes, sizeof(sent));
    CHECK(!strcmp(record.what, "try_send") && sent.x == 5 && sent.y == 6);
    CHECK(gamp_chan_send_until(c, &(struct point){7, 8}, 11 * GAMP_SECOND) == 0);
    memcpy(&sent, record.bytes, sizeof(sent));
    CHECK(!strcmp(record.what, "send_until") && sent.x == 7 && sent.y == 8);
    CHECK(record.until == 11000000000 && record.size == sizeof(sent));

    record_answer = 1;
    CHECK(gamp_chan_recv(c, &v) && was("recv", c, &v, sizeof(int), 0));
    record_answer = 0;
    CHECK(!gamp_chan_recv(c, NULL) && was("recv", c, NULL, SIZE_MAX, 0));
    CHECK(!gamp_chan_recv(c, any) && was("recv", c, any, SIZE_MAX, 0));
    record_answer = -EAGAIN;
    CHECK(gamp_chan_try_recv(c, &point) == -EAGAIN && was("try_recv", c, &point, sizeof(point), 0));
    CHECK(gamp_chan_try_recv(c, any) == -EAGAIN && was("try_recv", c, any, SIZE_MAX, 0));
    CHECK(gamp_chan_try_send(c, &v) == -EAGAIN && was("try_send", c, &v, sizeof(int), 0));
    CHECK(gamp_chan_try_send(c, cany) == -EAGAIN && was("try_send", c, cany, SIZE_MAX, 0));
    CHECK(gamp_chan_recv_until(c, &v, 3) == -EAGAIN && was("recv_until", c, &v, sizeof(int), 3));
    CHECK(gamp_chan_recv_until(c, any, GAMP_NEVER) == -EAGAIN);
    CHECK(was("recv_until", c, any, SIZE_MAX, INT64_MAX));
    CHECK(gamp_chan_send_until(c, &v, 4) == -EAGAIN && was("send_until", c, &v, sizeof(int), 4));
    CHECK(gamp_chan_send_until(c, NULL, 5) == -EAGAIN);
    CHECK(was("send_until", c, NULL, SIZE_MAX, 5));
    record_answer = 0;

    count = 0;
    record.calls = 0;
    gamp_chan_send(next_chan(c), next_pointer(&v));
    CHECK(count == 2 && record.calls == 1);
    gamp_chan_recv(next_chan(c), next_pointer(&v));
    gamp_chan_try_send(next_chan(c), next_pointer(&v));
    gamp_chan_try_recv(next_chan(c), next_pointer(&v));
    CHECK(count == 8 && record.calls == 4);
    gamp_chan_send_until(next_chan(c), next_pointer(&v), next());
    CHECK(count == 11 && record.until > 8);
    gamp_chan_recv_until(next_chan(c), next_pointer(&v), next());
    CHECK(count == 14 && record.until > 11 && record.calls == 6);

    c = gamp_chan_of(struct point, 17);
    CHECK(!c && record.size == sizeof(struct point) && record.ncases == 17);
}

static bool is_case(size_t i, int kind, int fd, const gamp_chan *c, const void *elem, size_t size,
                    const bool *ok, gamp_time at)
{
    const gamp_case *k = &record.cases[i];

    return k->kind == kind && k->fd == fd && k->chan == c && k->elem == elem && k->size == size &&
           k->ok == ok && k->at == at;
}

static void test_select(void)
{
    int v = 1, array[2] = {0, 0};
    const long k = 2;
    bool ok = false;
    void *any = &v;
    gamp_chan *c = chan_at(array), *d = chan_at(array + 1);
    struct point sent;

    record_clear();
    record_answer = 4;
    CHECK(gamp_select() == 4 && record.ncases == 0 && record.calls == 1);
    CHECK(gamp_select(GAMP_DEFAULT) == 4 && record.ncases == 1);
    CHECK(is_case(0, GAMP_CASE_DEFAULT, 0, NULL, NULL, 0, NULL, 0));
    CHECK(gamp_select(GAMP_SEND(c, &k), GAMP_SEND(d, any), GAMP_RECV(c, &v), GAMP_RECV(d, NULL),
                      GAMP_RECV_OK(c, &v, &ok), GAMP_RECV_OK(d, any, &ok), GAMP_READABLE(3),
                      GAMP_WRITABLE(4), GAMP_AT(5 * GAMP_SECOND), GAMP_SEND(c, NULL)) == 4);
    CHECK(record.ncases == 10);
    CHECK(is_case(0, GAMP_CASE_SEND, 0, c, &k, sizeof(long), NULL, 0));
    CHECK(is_case(1, GAMP_CASE_SEND, 0, d, any, SIZE_MAX, NULL, 0));
    CHECK(is_case(2, GAMP_CASE_RECV, 0, c, &v, sizeof(int), NULL, 0));
    CHECK(is_case(3, GAMP_CASE_RECV, 0, d, NULL, SIZE_MAX, NULL, 0));
    CHECK(is_case(4, GAMP_CASE_RECV, 0, c, &v, sizeof(int), &ok, 0));
    CHECK(is_case(5, GAMP_CASE_RECV, 0, d, any, SIZE_MAX, &ok, 0));
    CHECK(is_case(6, GAMP_CASE_READABLE, 3, NULL, NULL, 0, NULL, 0));
    CHECK(is_case(7, GAMP_CASE_WRITABLE, 4, NULL, NULL, 0, NULL, 0));
    CHECK(is_case(8, GAMP_CASE_AT, 0, NULL, NULL, 0, NULL, 5000000000));
    CHECK(is_case(9, GAMP_CASE_SEND, 0, c, NULL, SIZE_MAX, NULL, 0));

    gamp_select(GAMP_SEND(c, &(struct point){1, 2}));
    memcpy(&sent, record.bytes, sizeof(sent));
    CHECK(record.ncases == 1 && sent.x == 1 && sent.y == 2);

    count = 0;
    record.calls = 0;
    gamp_select(GAMP_SEND(next_chan(c), next_pointer(&v)), GAMP_AT(next()),
                GAMP_RECV_OK(c, next_pointer(&v), &ok), GAMP_READABLE(next()));
    CHECK(count == 5 && record.calls == 1 && record.ncases == 4);

    /* One inside another, and the array form. */
    gamp_select(GAMP_AT(gamp_select(GAMP_AT(1), GAMP_DEFAULT)));
    CHECK(is_case(0, GAMP_CASE_AT, 0, NULL, NULL, 0, NULL, 4) && record.ncases == 1);
    gamp_case cases[] = {GAMP_SEND(c, &v), GAMP_DEFAULT};
    CHECK(gamp_selectv(cases, 2) == 4 && record.ncases == 2);
    record_answer = 0;
}

static char order[64];
static void note(const char *s)
{
    strcat(order, s);
}
static int note_int(int *i)
{
    char s[2] = {(char)('0' + *i), 0};
    strcat(order, s);
    return 0;
}

static int leave_early(int how)
{
    gamp_defer(note, "a");
    gamp_defer(note, "b");
    for (int i = 0; i < 3; i++) {
        gamp_defer(note_int, &i);
        if (i == 1)
            continue;
        if (how == i)
            return 1;
        {
            gamp_defer(note, "(");
            gamp_defer(note, ")");
        }
    }
    note("end");
    return 0;
}

static void test_defer(void)
{
    count = 0;
    order[0] = 0;
    CHECK(leave_early(5) == 0);
    CHECK(!strcmp(order, ")(01)(2endba"));
    order[0] = 0;
    CHECK(leave_early(2) == 1);
    CHECK(!strcmp(order, ")(012ba"));
    {
        gamp_defer(take1, next_pointer(&count));
        gamp_defer(free, malloc(3));
        gamp_defer(free, NULL);
    }
    CHECK(count == 1);
#ifdef __cplusplus
    order[0] = 0;
    try {
        gamp_defer(note, "x");
        gamp_defer([](const char *s) { note(s); }, "l");
        throw 1;
    } catch (int) {
        note("c");
    }
    CHECK(!strcmp(order, "lxc"));
#endif
}

static void test_rest(int argc, char **argv)
{
    gamp_bytes bytes = GAMP_BYTES("key");
    gamp_chan *c = chan_at(order);
    unsigned asked = record_errno_asked();

    CHECK(bytes.len == 3 && !memcmp(bytes.ptr, "key", 3));
    errno = EPERM;
    CHECK(errno == EPERM && record_errno_asked() == asked + 2);
    count = 0;
    record_clear();
    CHECK(gamp_signal_notify(c, 15) == 0 && record.nsigs == 1 && record.sigs[0] == 15);
    CHECK(gamp_signal_notify(next_chan(c), 2, next() + 20, 15) == 0 && count == 2);
    CHECK(record.nsigs == 3 && record.sigs[1] > 20 && record.sigs[2] == 15 && record.chan == c);
    CHECK(argc == 2 && !strcmp(argv[1], "argument") && !argv[2]);
}

#ifdef __cplusplus
struct base1 {
    int a;
};
struct base2 {
    int b;
};
struct both : base1, base2 {
};
enum class mode : unsigned char { on = 200 };

static void take_base2(base2 *p)
{
    (void)p;
}
static void take_mode(mode m, const void *p) noexcept
{
    (void)m;
    (void)p;
}
static void take_long(long v)
{
    (void)v;
}

static void test_cpp(void)
{
    both b;
    unsigned char narrow = 200;

    gamp_go(take_base2, &b);
    CHECK(record.words[0] == reinterpret_cast<uintptr_t>(static_cast<base2 *>(&b)));
    gamp_go(take_mode, mode::on, &b);
    CHECK(record.words[0] == 200 && record.words[1] == reinterpret_cast<uintptr_t>(&b));
    gamp_go([](int v) { (void)v; }, -4);
    CHECK(record.words[0] == UINTPTR_MAX - 3 && record.nwords == 1);
    /* Converted to the parameter's type, as in a call. */
    gamp_go(take_bool, 256 + narrow, RED);
    CHECK(record.words[0] == 1);
    gamp_go(take1, nullptr);
    CHECK(record.words[0] == 0);
    gamp_go(take_long, narrow);
    CHECK(record.words[0] == 200);
    gamp_chan_send(nullptr, nullptr);
    CHECK(was("send", nullptr, nullptr, SIZE_MAX, 0));
}
#endif

static char hooks[16];
GAMP_INIT(first)
{
    strcat(hooks, "1");
}
GAMP_INIT(second)
{
    strcat(hooks, "2");
}
GAMP_INIT(third)
{
    strcat(hooks, "3");
}

GAMP_MAIN(argc, argv)
{
    test_go();
    test_chan();
    test_select();
    test_defer();
    test_rest(argc, argv);
#ifdef __cplusplus
    test_cpp();
#endif
    /* Files in link order: this one, init_b, init_a; within one as written. */
    CHECK(!strcmp(record_init_order(), "first second third b1 b2 b3 same a1 a2 a3 a4 same "));
    record_init_run();
    CHECK(!strcmp(hooks, "123"));
    return 0;
}
