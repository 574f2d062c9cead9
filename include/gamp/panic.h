/* SPDX-License-Identifier: BSD-3-Clause */
/* gamp/panic.h: deferred calls, panics, and stopping them.
 *
 *     gamp_defer(fn, arg);
 *
 * is a statement that may stand wherever a declaration may: fn(arg) runs when the enclosing block
 * is left in any way (its end, return, break, goto; a C++ exception, in C code that is compiled
 * with -fexceptions), or when a panic or gamp_goexit leaves it; last in, first out. fn is a
 * function of one pointer of any type, its result is not used; arg is evaluated at the statement.
 * Another type is an error of compilation. A deferred call may block, defer, panic (the new panic
 * replaces the old, both are printed) and call gamp_goexit. On any thread. longjmp out of the block
 * is not seen, and no goto or case label may lead past the statement into its block. Go: defer, but
 * by block and not by function. */
#ifndef GAMP_PANIC_H
#define GAMP_PANIC_H

#include <gamp/base.h>
#include <gamp/errno.h>

GAMP_BEGIN_DECLS

/* What a panic said. */
typedef struct gamp_panic_info {
    char message[256]; /* ends with a NUL; cut if it was longer */
    uint64_t goid;     /* the goroutine that panicked; 0: a foreign thread */
} gamp_panic_info;

/* Ends the ordinary course of the calling goroutine (or foreign thread) with a message, as of
 * printf: its deferred calls run, last in, first out, up to the nearest gamp_protect, which
 * returns. Without one all of them run; then "panic: MESSAGE" and the goroutine's stack as it was
 * at the panic go to stderr and the process exits with status 2. C++ destructors of the frames
 * left do not run. Go: panic. */
GAMP_API GAMP_NORETURN void gamp_panic(const char *fmt, ...) GAMP_PRINTF(1, 2);

/* Runs fn(arg). 0 when it returned; -EFAULT when it panicked: the deferred calls of the frames
 * left have run, and *info, which may be NULL, tells of it (untouched on 0). gamp_goexit goes
 * through, a C++ exception that somebody outside catches too; longjmp may not leave fn. SIGSEGV,
 * SIGBUS, SIGFPE and stack overflow are fatal and not stopped. Blocks as fn does; any thread or
 * goroutine; nests. Go: a function with a deferred recover(). */
GAMP_API int gamp_protect(void (*fn)(void *), void *arg, gamp_panic_info *info);

/* A deferred call, in the frame that deferred it. For gamp_defer alone. */
struct gamp_defer {
    struct gamp_defer *link;
    void (*fn)(void *);
    void *arg;
    void *state;
};
GAMP_STATIC_ASSERT_(sizeof(struct gamp_defer) == 4 * sizeof(void *), "layout");

/* Puts d on top of the caller's list. */
GAMP_API void gamp_defer_push(struct gamp_defer *d);
/* Takes d, the top, off the list and runs it. */
GAMP_API void gamp_defer_pop(struct gamp_defer *d);

GAMP_END_DECLS

#ifdef __cplusplus

#define gamp_defer(fn, ...)                                                                        \
    ::gamp::detail::deferred GAMP_PASTE_(gamp_deferred_, __COUNTER__)(fn, __VA_ARGS__)

GAMP_BEGIN_DETAIL_

class deferred : gamp_defer
{
  public:
    template <class R, class P>
    deferred(R (*f)(P *), typename identity<P *>::type a) noexcept
    {
        static_assert(result_is_words<R>::value, "gamp_defer: the function's result is too large");
        link = nullptr;
        fn = reinterpret_cast<void (*)(void *)>(reinterpret_cast<void (*)(void)>(f));
        arg = reinterpret_cast<void *>(reinterpret_cast<uintptr_t>(a));
        state = nullptr;
        gamp_defer_push(this);
    }
    template <class F, class A, std::enable_if_t<std::is_class<F>::value, int> = 0>
    deferred(const F &f, A &&a) noexcept : deferred(+f, static_cast<A &&>(a))
    {
    }
    deferred(const deferred &) = delete;
    deferred &operator=(const deferred &) = delete;
    ~deferred()
    {
        gamp_defer_pop(this);
    }
};

GAMP_END_DETAIL_

#else

#define gamp_defer(fn, ...) GAMP_DEFER_(GAMP_PASTE_(gamp_deferred_, __COUNTER__), fn, __VA_ARGS__)
/* The pointer's type is checked in a call that is not evaluated; *(arg) wants a pointer. */
#define GAMP_DEFER_(record, function, ...)                                                         \
    GAMP_STRICT_BEGIN_                                                                             \
    __extension__ _Static_assert(sizeof(__typeof__(*(__VA_ARGS__)) *) != 0 &&                      \
                                     sizeof(__typeof__((function)(__VA_ARGS__))) <= 16,            \
                                 "gamp_defer: fn(arg) must be a call with a pointer");             \
    GAMP_STRICT_END_                                                                               \
    __attribute__((__cleanup__(gamp_defer_pop))) struct gamp_defer record = {                      \
        .fn = (void (*)(void *))(void (*)(void))(function),                                        \
        .arg = (void *)(uintptr_t)(__VA_ARGS__)};                                                  \
    gamp_defer_push(&record)

#endif

#endif
