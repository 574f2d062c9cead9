/* SPDX-License-Identifier: BSD-3-Clause */
/* gamp/select.h: waiting for the first of several things.
 *
 *     int gamp_select(case, case, ...);
 *
 * waits until a case can go on, does it, and returns its index in the order written:
 *
 *     switch (gamp_select(GAMP_RECV(c, &v), GAMP_SEND(d, &w), GAMP_AT(deadline))) { case 0: ...
 *
 *     GAMP_SEND(c, &v)          *(&v) is sent; sizes are checked as gamp_chan_send does
 *     GAMP_RECV(c, &v)          one is received into v, which is zeroed at the end of c
 *     GAMP_RECV_OK(c, &v, &ok)  and ok, a bool, tells a value from the end
 *     GAMP_READABLE(fd)         gamp_read(fd) would not park: data, end, error, closed
 *     GAMP_WRITABLE(fd)         gamp_write(fd) would not park
 *     GAMP_AT(t)                the point in time t has come
 *     GAMP_DEFAULT              none of the others can go on now; at most one
 *
 * Among several that can go on the choice is uniformly random. A NULL channel is never ready. A
 * closed channel makes a send ready: it panics when chosen. No case at all blocks for ever. More
 * than 65536 cases, or two GAMP_DEFAULT, panic. Elements and ok of cases that did not run are
 * untouched. Each argument is evaluated once, before the wait. On any thread or goroutine. Go:
 * select. */
#ifndef GAMP_SELECT_H
#define GAMP_SELECT_H

#include <gamp/base.h>
#include <gamp/chan.h>
#include <gamp/errno.h>
#include <gamp/time.h>

GAMP_BEGIN_DECLS

enum {
    GAMP_CASE_SEND,
    GAMP_CASE_RECV,
    GAMP_CASE_READABLE,
    GAMP_CASE_WRITABLE,
    GAMP_CASE_AT,
    GAMP_CASE_DEFAULT
};

/* One case. Made by the macros, or by hand in a binding; fields that the kind does not name are
 * 0. */
typedef struct gamp_case {
    int kind;        /* GAMP_CASE_... */
    int fd;          /* READABLE, WRITABLE */
    gamp_chan *chan; /* SEND, RECV; NULL: never ready */
    void *elem;      /* SEND: only read. RECV: NULL discards */
    size_t size;     /* of *elem, checked against the channel's; SIZE_MAX: not checked */
    bool *ok;        /* RECV: where to tell a value from the end; or NULL */
    gamp_time at;    /* AT */
} gamp_case;

/* The same with n cases in an array, which stays the caller's, unchanged,
 * and can be used again. */
GAMP_API int gamp_selectv(gamp_case *cases, size_t n);

/* For the macros. */
GAMP_INLINE_ gamp_case gamp_case_make_(int kind, int fd, gamp_time at)
{
    gamp_case made = {kind, fd, GAMP_NULL_, GAMP_NULL_, 0, GAMP_NULL_, at};

    return made;
}

GAMP_INLINE_ gamp_case gamp_case_recv_(size_t size, gamp_chan *c, void *elem, bool *ok)
{
    gamp_case made = {GAMP_CASE_RECV, 0, c, elem, size, ok, 0};

    return made;
}

GAMP_INLINE_ gamp_case gamp_case_send_(size_t size, gamp_chan *c, const void *elem)
{
    gamp_case made = {GAMP_CASE_SEND, 0, c, GAMP_NULL_, size, GAMP_NULL_, 0};

    /* A cast would warn of the lost const in programs that ask for that. */
    __builtin_memcpy(&made.elem, &elem, sizeof(elem));
    return made;
}

GAMP_END_DECLS

#define GAMP_READABLE(fd) (gamp_case_make_(GAMP_CASE_READABLE, fd, 0))
#define GAMP_WRITABLE(fd) (gamp_case_make_(GAMP_CASE_WRITABLE, fd, 0))
#define GAMP_AT(t) (gamp_case_make_(GAMP_CASE_AT, 0, t))
#define GAMP_DEFAULT (gamp_case_make_(GAMP_CASE_DEFAULT, 0, 0))

/* A first case that is not passed on lets the list be empty. */
#ifdef __cplusplus

GAMP_BEGIN_DETAIL_

template <class T>
inline gamp_case case_send(gamp_chan *c, const T *elem)
{
    return gamp_case_send_(sizeof(T), c, elem);
}

inline gamp_case case_send(gamp_chan *c, const void *elem)
{
    return gamp_case_send_(GAMP_SIZE_UNCHECKED_, c, elem);
}

template <class T>
inline gamp_case case_recv(gamp_chan *c, T *elem)
{
    return gamp_case_recv_(sizeof(T), c, elem, nullptr);
}

inline gamp_case case_recv(gamp_chan *c, void *elem)
{
    return gamp_case_recv_(GAMP_SIZE_UNCHECKED_, c, elem, nullptr);
}

template <class T>
inline gamp_case case_recv_ok(gamp_chan *c, T *elem, bool *ok)
{
    return gamp_case_recv_(sizeof(T), c, elem, ok);
}

inline gamp_case case_recv_ok(gamp_chan *c, void *elem, bool *ok)
{
    return gamp_case_recv_(GAMP_SIZE_UNCHECKED_, c, elem, ok);
}

/* As an argument, so that temporaries in the cases live through the wait. */
template <size_t N>
inline int select(gamp_case (&&cases)[N])
{
    return gamp_selectv(cases + 1, N - 1);
}

GAMP_END_DETAIL_

#define GAMP_SEND(c, ...) (::gamp::detail::case_send(c, __VA_ARGS__))
#define GAMP_RECV(c, ...) (::gamp::detail::case_recv(c, __VA_ARGS__))
#define GAMP_RECV_OK(c, ...) (::gamp::detail::case_recv_ok(c, __VA_ARGS__))
#define gamp_select(...) GAMP_WITH_TEMPORARIES_(::gamp::detail::select({GAMP_DEFAULT, __VA_ARGS__}))

#else

#define GAMP_SEND(c, ...) (gamp_case_send_(GAMP_POINTEE_SIZE_((__VA_ARGS__)), c, __VA_ARGS__))
#define GAMP_RECV(c, ...) (gamp_case_recv_(GAMP_POINTEE_SIZE_((__VA_ARGS__)), c, __VA_ARGS__, NULL))
#define GAMP_RECV_OK(c, ...)                                                                       \
    (gamp_case_recv_(GAMP_POINTEE_SIZE_(GAMP_FIRST_(__VA_ARGS__)), c, __VA_ARGS__))
#define gamp_select(...) GAMP_SELECT_(GAMP_PASTE_(gamp_cases_, __COUNTER__), __VA_ARGS__)
#define GAMP_SELECT_(cases, ...)                                                                   \
    __extension__({                                                                                \
        gamp_case cases[] = {GAMP_DEFAULT, __VA_ARGS__};                                           \
        gamp_selectv(cases + 1, sizeof(cases) / sizeof(cases[0]) - 1);                             \
    })

#endif

#endif
