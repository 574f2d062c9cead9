/* SPDX-License-Identifier: BSD-3-Clause */
/* gamp/chan.h: channels.
 *
 * A channel carries elements of one size, first in, first out, between goroutines and threads. An
 * unbuffered one (capacity 0) hands an element from sender to receiver when both are there; a
 * buffered one keeps up to its capacity. It is counted: whoever holds a pointer to it holds a
 * reference (gamp_chan_ref, gamp_chan_unref).
 *
 *     void gamp_chan_send(gamp_chan *c, const T *elem);
 *     bool gamp_chan_recv(gamp_chan *c, T *elem);
 *     int  gamp_chan_try_send(gamp_chan *c, const T *elem);
 *     int  gamp_chan_try_recv(gamp_chan *c, T *elem);
 *     int  gamp_chan_send_until(gamp_chan *c, const T *elem, gamp_time t);
 *     int  gamp_chan_recv_until(gamp_chan *c, T *elem, gamp_time t);
 *
 * are macros that check sizeof(T) against the channel's element size and panic when it is
 * another; a void * or NULL is not checked. They copy an element from or to *elem, once; &(struct
 * p){1, 2} works as the element of a send (in C++ with a class type). From any thread or
 * goroutine.
 * - send waits until a receiver or a place takes the element. On a closed channel it panics with
 *   "send on closed channel", also if it is closed during the wait. Go: c <- v.
 * - recv waits for an element: true, or false once the channel is closed and drained. Go: v, ok
 *   := <-c.
 * - try_... never wait: 0, -EAGAIN, or -EPIPE: closed (for recv: and drained). Go: select with
 *   default.
 * - ..._until wait at most until the point: 0, -ETIMEDOUT, or -EPIPE as for try.
 * A receive that finds the channel closed and drained zeroes *elem. elem may be NULL to discard
 * what is received, and in either direction when the element size is 0 (a signal: takes no
 * memory, the capacity counts). A NULL channel blocks for ever (try: -EAGAIN, timed: -ETIMEDOUT).
 * Waiters are served first in, first out, whatever form they wait in. */
#ifndef GAMP_CHAN_H
#define GAMP_CHAN_H

#include <gamp/base.h>
#include <gamp/errno.h>
#include <gamp/time.h>

GAMP_BEGIN_DECLS

typedef struct gamp_chan gamp_chan;

/* A channel of elements of elem_size bytes with places for cap of them. The caller owns one
 * reference. NULL when out of memory; elem_size of 64 KiB or more panics. Does not block; any
 * thread, also before the runtime runs. Go: make(chan T, n). */
GAMP_API GAMP_MUST_CHECK gamp_chan *gamp_chan_new(size_t elem_size, size_t cap);

/* A channel of elements of a type: gamp_chan_of(int, 16). */
#define gamp_chan_of(type, cap) gamp_chan_new(sizeof(type), cap)

/* Takes one more reference; returns c. NULL gives NULL. Does not block; any thread. */
GAMP_API gamp_chan *gamp_chan_ref(gamp_chan *c);

/* Gives one reference back; with the last the channel and what it holds are freed. Panics, and
 * keeps the reference, when it is the last and somebody waits on the channel; a select that was
 * served, by this channel or another, waits no more, even before it has returned. NULL does
 * nothing. Does not block; any thread. */
GAMP_API void gamp_chan_unref(gamp_chan *c);

/* No more is sent: receivers get what is buffered and then the end; waiting senders panic. Panics
 * with "close of closed channel" and, on NULL, "close of nil channel". Does not block; any
 * thread. Go: close. */
GAMP_API void gamp_chan_close(gamp_chan *c);

/* The elements it holds, its capacity, its element size; 0 for NULL. The first is a snapshot.
 * They do not block; any thread. Go: len, cap. */
GAMP_API size_t gamp_chan_len(const gamp_chan *c);
GAMP_API size_t gamp_chan_cap(const gamp_chan *c);
GAMP_API size_t gamp_chan_elem_size(const gamp_chan *c);

/* For bindings: what the macros do with the size given; it is always checked against the
 * channel's, and a mismatch panics. NULL to send panics unless the size is 0; NULL to receive
 * discards. */
GAMP_API void gamp_chan_send_sized(gamp_chan *c, const void *elem, size_t size);
GAMP_API bool gamp_chan_recv_sized(gamp_chan *c, void *elem, size_t size);
GAMP_API int gamp_chan_try_send_sized(gamp_chan *c, const void *elem, size_t size);
GAMP_API int gamp_chan_try_recv_sized(gamp_chan *c, void *elem, size_t size);
GAMP_API int gamp_chan_send_until_sized(gamp_chan *c, const void *elem, size_t size, gamp_time t);
GAMP_API int gamp_chan_recv_until_sized(gamp_chan *c, void *elem, size_t size, gamp_time t);

/* What the macros do with a void *: elem has room for what the channel's element size says. NULL
 * to send panics unless the channel's element size is 0; NULL to receive discards. */
GAMP_API void gamp_chan_send_any(gamp_chan *c, const void *elem);
GAMP_API bool gamp_chan_recv_any(gamp_chan *c, void *elem);
GAMP_API int gamp_chan_try_send_any(gamp_chan *c, const void *elem);
GAMP_API int gamp_chan_try_recv_any(gamp_chan *c, void *elem);
GAMP_API int gamp_chan_send_until_any(gamp_chan *c, const void *elem, gamp_time t);
GAMP_API int gamp_chan_recv_until_any(gamp_chan *c, void *elem, gamp_time t);

/* One of the two, by a size that is a constant where the macros call this. */
GAMP_INLINE_ void gamp_chan_send_(size_t size, gamp_chan *c, const void *elem)
{
    if (size == GAMP_SIZE_UNCHECKED_)
        gamp_chan_send_any(c, elem);
    else
        gamp_chan_send_sized(c, elem, size);
}

GAMP_INLINE_ bool gamp_chan_recv_(size_t size, gamp_chan *c, void *elem)
{
    return size == GAMP_SIZE_UNCHECKED_ ? gamp_chan_recv_any(c, elem)
                                        : gamp_chan_recv_sized(c, elem, size);
}

GAMP_INLINE_ int gamp_chan_try_send_(size_t size, gamp_chan *c, const void *elem)
{
    return size == GAMP_SIZE_UNCHECKED_ ? gamp_chan_try_send_any(c, elem)
                                        : gamp_chan_try_send_sized(c, elem, size);
}

GAMP_INLINE_ int gamp_chan_try_recv_(size_t size, gamp_chan *c, void *elem)
{
    return size == GAMP_SIZE_UNCHECKED_ ? gamp_chan_try_recv_any(c, elem)
                                        : gamp_chan_try_recv_sized(c, elem, size);
}

GAMP_INLINE_ int gamp_chan_send_until_(size_t size, gamp_chan *c, const void *elem, gamp_time t)
{
    return size == GAMP_SIZE_UNCHECKED_ ? gamp_chan_send_until_any(c, elem, t)
                                        : gamp_chan_send_until_sized(c, elem, size, t);
}

GAMP_INLINE_ int gamp_chan_recv_until_(size_t size, gamp_chan *c, void *elem, gamp_time t)
{
    return size == GAMP_SIZE_UNCHECKED_ ? gamp_chan_recv_until_any(c, elem, t)
                                        : gamp_chan_recv_until_sized(c, elem, size, t);
}

GAMP_END_DECLS

#ifdef __cplusplus

GAMP_BEGIN_DETAIL_

/* A template for typed pointers, and a plain function for void *, NULL and nullptr. */
template <class T>
inline void chan_send(gamp_chan *c, const T *elem)
{
    gamp_chan_send_sized(c, elem, sizeof(T));
}

inline void chan_send(gamp_chan *c, const void *elem)
{
    gamp_chan_send_any(c, elem);
}

template <class T>
inline bool chan_recv(gamp_chan *c, T *elem)
{
    return gamp_chan_recv_sized(c, elem, sizeof(T));
}

inline bool chan_recv(gamp_chan *c, void *elem)
{
    return gamp_chan_recv_any(c, elem);
}

template <class T>
inline int chan_try_send(gamp_chan *c, const T *elem)
{
    return gamp_chan_try_send_sized(c, elem, sizeof(T));
}

inline int chan_try_send(gamp_chan *c, const void *elem)
{
    return gamp_chan_try_send_any(c, elem);
}

template <class T>
inline int chan_try_recv(gamp_chan *c, T *elem)
{
    return gamp_chan_try_recv_sized(c, elem, sizeof(T));
}

inline int chan_try_recv(gamp_chan *c, void *elem)
{
    return gamp_chan_try_recv_any(c, elem);
}

template <class T>
inline int chan_send_until(gamp_chan *c, const T *elem, gamp_time t)
{
    return gamp_chan_send_until_sized(c, elem, sizeof(T), t);
}

inline int chan_send_until(gamp_chan *c, const void *elem, gamp_time t)
{
    return gamp_chan_send_until_any(c, elem, t);
}

template <class T>
inline int chan_recv_until(gamp_chan *c, T *elem, gamp_time t)
{
    return gamp_chan_recv_until_sized(c, elem, sizeof(T), t);
}

inline int chan_recv_until(gamp_chan *c, void *elem, gamp_time t)
{
    return gamp_chan_recv_until_any(c, elem, t);
}

GAMP_END_DETAIL_

#define gamp_chan_send(c, ...) GAMP_WITH_TEMPORARIES_(::gamp::detail::chan_send(c, __VA_ARGS__))
#define gamp_chan_recv(c, ...) (::gamp::detail::chan_recv(c, __VA_ARGS__))
#define gamp_chan_try_send(c, ...)                                                                 \
    GAMP_WITH_TEMPORARIES_(::gamp::detail::chan_try_send(c, __VA_ARGS__))
#define gamp_chan_try_recv(c, ...) (::gamp::detail::chan_try_recv(c, __VA_ARGS__))
#define gamp_chan_send_until(c, ...)                                                               \
    GAMP_WITH_TEMPORARIES_(::gamp::detail::chan_send_until(c, __VA_ARGS__))
#define gamp_chan_recv_until(c, ...) (::gamp::detail::chan_recv_until(c, __VA_ARGS__))

#else

#define gamp_chan_send(c, ...) gamp_chan_send_(GAMP_POINTEE_SIZE_((__VA_ARGS__)), c, __VA_ARGS__)
#define gamp_chan_recv(c, ...) gamp_chan_recv_(GAMP_POINTEE_SIZE_((__VA_ARGS__)), c, __VA_ARGS__)
#define gamp_chan_try_send(c, ...)                                                                 \
    gamp_chan_try_send_(GAMP_POINTEE_SIZE_((__VA_ARGS__)), c, __VA_ARGS__)
#define gamp_chan_try_recv(c, ...)                                                                 \
    gamp_chan_try_recv_(GAMP_POINTEE_SIZE_((__VA_ARGS__)), c, __VA_ARGS__)
#define gamp_chan_send_until(c, ...)                                                               \
    gamp_chan_send_until_(GAMP_POINTEE_SIZE_(GAMP_FIRST_(__VA_ARGS__)), c, __VA_ARGS__)
#define gamp_chan_recv_until(c, ...)                                                               \
    gamp_chan_recv_until_(GAMP_POINTEE_SIZE_(GAMP_FIRST_(__VA_ARGS__)), c, __VA_ARGS__)

#endif

#endif
