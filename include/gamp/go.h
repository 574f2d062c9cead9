/* SPDX-License-Identifier: BSD-3-Clause */
/* gamp/go.h: starting goroutines.
 *
 *     int gamp_go(fn, ...);
 *     int gamp_go_with(const gamp_go_options *o, fn, ...);
 *
 * fn(...) runs as a goroutine. fn is a function or an expression that gives a pointer to one;
 * there are 0 to 6 arguments, each an integer, enum, bool or pointer; their values are taken now,
 * each evaluated once. fn's result is not used. What they point to must live as long as fn uses
 * it.
 *
 * 0; -ENOMEM when no memory or stack can be reserved; -EPERM before the runtime runs or after it
 * stopped. A goroutine that was accepted always runs. Does not block; any thread or goroutine.
 * Go: the go statement.
 *
 * A wrong number of arguments, an integer for a pointer, a pointer of another type (const lost,
 * or of the other signedness too), a floating point number, a struct: all are errors of
 * compilation. What C cannot see, and C++ does:
 * - a double or float parameter that is given an integer gets a wrong value;
 * - a value that does not fit a bool or a narrow parameter arrives as it is: pass x != 0, or cast
 *   it;
 * - a function declared without a prototype, void f(), takes anything.
 * fn may not be variadic, and may not return a struct of more than 16 bytes. In C an argument
 * that is a compound literal with commas needs parentheses around it; mind that it lives no
 * longer than its block.
 *
 * A goroutine goes on on any thread after a call of gamp that may wait, gamp_gosched among them. So
 * what it wrote to a thread-local before is another's after; and a pointer to one, or one that the
 * compiler keeps of it within a function (arm64), is not to be used over such a call: reach
 * thread-locals through functions of their own, or call gamp_lock_os_thread. errno is kept. */
#ifndef GAMP_GO_H
#define GAMP_GO_H

#include <gamp/base.h>
#include <gamp/errno.h>

GAMP_BEGIN_DECLS

/* How a goroutine shall be; zero is the default for each. Read during the call and not kept. */
typedef struct gamp_go_options {
    /* Bytes of address space, all but 12 KiB of them the goroutine's; default 256 KiB. */
    size_t stack_size GAMP_ZERO_;
    /* Stands in dumps: goroutine 12 [select] {name: conn}:. Copied, 31 bytes of it; NULL: none. */
    const char *name GAMP_ZERO_;
} gamp_go_options;

/* What the macros call, and bindings may: starts fn(args[0], ..., args[nargs - 1]), nargs <= 6
 * words passed as integer arguments are; o may be NULL. Results as for gamp_go, and -EINVAL for
 * more words. */
GAMP_API int gamp_go_call(const gamp_go_options *o, void (*fn)(void), const uintptr_t *args,
                          unsigned nargs);

GAMP_END_DECLS

#ifdef __cplusplus

/* gamp_go_with(GAMP_OPTIONS(.stack_size = 1 << 20, .name = "conn"), serve, fd). The options live
 * until the end of the full expression. Designators are as C++20 has them: in the order of the
 * struct. */
#define GAMP_OPTIONS(...)                                                                          \
    (::gamp::detail::temporary_address(__extension__ gamp_go_options{__VA_ARGS__}))

#define gamp_go(...) (::gamp::detail::go(::gamp::detail::go_starter{nullptr}, __VA_ARGS__))
#define gamp_go_with(options, ...)                                                                 \
    (::gamp::detail::go(::gamp::detail::go_starter{options}, __VA_ARGS__))

GAMP_BEGIN_DETAIL_

inline const gamp_go_options *temporary_address(const gamp_go_options &o) noexcept
{
    return &o;
}

/* An argument on its way to a parameter of type P: converted as in a call, but not from floating
 * point. */
template <class P>
class word
{
    static_assert(std::is_integral<P>::value || std::is_enum<P>::value || std::is_pointer<P>::value,
                  "gamp_go: a parameter must be an integer, enum, bool or pointer");
    static_assert(sizeof(P) <= sizeof(uintptr_t), "gamp_go: a parameter is wider than a word");
    P value_;

  public:
    word(P value) noexcept : value_(value)
    {
    }
    template <class T, std::enable_if_t<std::is_floating_point<T>::value, int> = 0>
    word(T) = delete;
    template <class T,
              std::enable_if_t<std::is_class<T>::value && std::is_convertible<const T &, P>::value,
                               int> = 0>
    word(const T &value) : value_(value)
    {
    }

    uintptr_t bits() const noexcept
    {
        return uintptr_t(value_);
    }
};

/* Inlined at every level of optimisation, so that the goroutine's creator in dumps is the program's
 * function and not one of these. */
struct go_starter {
    const gamp_go_options *options;
    GAMP_ALWAYS_INLINE_ int operator()(void (*fn)(void), const uintptr_t *args, unsigned n) const
    {
        return gamp_go_call(options, fn, args, n);
    }
};

template <class S, class R, class... P>
GAMP_ALWAYS_INLINE_ int go(const S &start, R (*fn)(P...), typename identity<word<P>>::type... args)
{
    static_assert(sizeof...(P) <= 6, "gamp_go: at most 6 arguments");
    static_assert(result_is_words<R>::value, "gamp_go: the function's result is too large");
    const uintptr_t words[] = {args.bits()..., 0};
    return start(reinterpret_cast<void (*)(void)>(fn), words, sizeof...(P));
}

/* A lambda without captures is as good as a function. */
template <class S, class F, class... A, std::enable_if_t<std::is_class<F>::value, int> = 0>
GAMP_ALWAYS_INLINE_ int go(const S &start, const F &fn, A &&...args)
{
    return go(start, +fn, static_cast<A &&>(args)...);
}

GAMP_END_DETAIL_

#else

/* gamp_go_with(GAMP_OPTIONS(.stack_size = 1 << 20, .name = "conn"), serve, fd) */
#define GAMP_OPTIONS(...) (__extension__ & (const gamp_go_options){__VA_ARGS__})

#define gamp_go(...) GAMP_START_(gamp_go_call, NULL, __VA_ARGS__)
#define gamp_go_with(options, ...) GAMP_START_(gamp_go_call, options, __VA_ARGS__)

/* Calls start(first, fn, words, count); how many arguments follow fn picks the macro. No name is
 * declared inside, so that an argument may hold another of these. */
#define GAMP_START_(start, first, ...)                                                             \
    GAMP_SIXTEENTH_(__VA_ARGS__, GAMP_START_MANY_, GAMP_START_MANY_, GAMP_START_MANY_,             \
                    GAMP_START_MANY_, GAMP_START_MANY_, GAMP_START_MANY_, GAMP_START_MANY_,        \
                    GAMP_START_MANY_, GAMP_START_6_, GAMP_START_5_, GAMP_START_4_, GAMP_START_3_,  \
                    GAMP_START_2_, GAMP_START_1_, GAMP_START_0_, )                                 \
    (start, first, __VA_ARGS__)
#define GAMP_SIXTEENTH_(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ...) p

#define GAMP_START_MANY_(start, first, ...)                                                        \
    __extension__({                                                                                \
        _Static_assert(0, "gamp_go: at most 6 arguments");                                         \
        0;                                                                                         \
    })
#define GAMP_START_0_(start, first, fn)                                                            \
    __extension__({                                                                                \
        GAMP_CHECK_CALL_(fn, ());                                                                  \
        start(first, (void (*)(void))(fn), NULL, 0);                                               \
    })
#define GAMP_START_1_(start, first, fn, a)                                                         \
    __extension__({                                                                                \
        GAMP_CHECK_CALL_(fn, (a));                                                                 \
        GAMP_CHECK_WORD_(a);                                                                       \
        start(first, (void (*)(void))(fn), ((const uintptr_t[]){GAMP_WORD_(a)}), 1);               \
    })
#define GAMP_START_2_(start, first, fn, a, b)                                                      \
    __extension__({                                                                                \
        GAMP_CHECK_CALL_(fn, (a, b));                                                              \
        GAMP_CHECK_WORD_(a);                                                                       \
        GAMP_CHECK_WORD_(b);                                                                       \
        start(first, (void (*)(void))(fn), ((const uintptr_t[]){GAMP_WORD_(a), GAMP_WORD_(b)}),    \
              2);                                                                                  \
    })
#define GAMP_START_3_(start, first, fn, a, b, c)                                                   \
    __extension__({                                                                                \
        GAMP_CHECK_CALL_(fn, (a, b, c));                                                           \
        GAMP_CHECK_WORD_(a);                                                                       \
        GAMP_CHECK_WORD_(b);                                                                       \
        GAMP_CHECK_WORD_(c);                                                                       \
        start(first, (void (*)(void))(fn),                                                         \
              ((const uintptr_t[]){GAMP_WORD_(a), GAMP_WORD_(b), GAMP_WORD_(c)}), 3);              \
    })
#define GAMP_START_4_(start, first, fn, a, b, c, d)                                                \
    __extension__({                                                                                \
        GAMP_CHECK_CALL_(fn, (a, b, c, d));                                                        \
        GAMP_CHECK_WORD_(a);                                                                       \
        GAMP_CHECK_WORD_(b);                                                                       \
        GAMP_CHECK_WORD_(c);                                                                       \
        GAMP_CHECK_WORD_(d);                                                                       \
        start(first, (void (*)(void))(fn),                                                         \
              ((const uintptr_t[]){GAMP_WORD_(a), GAMP_WORD_(b), GAMP_WORD_(c), GAMP_WORD_(d)}),   \
              4);                                                                                  \
    })
#define GAMP_START_5_(start, first, fn, a, b, c, d, e)                                             \
    __extension__({                                                                                \
        GAMP_CHECK_CALL_(fn, (a, b, c, d, e));                                                     \
        GAMP_CHECK_WORD_(a);                                                                       \
        GAMP_CHECK_WORD_(b);                                                                       \
        GAMP_CHECK_WORD_(c);                                                                       \
        GAMP_CHECK_WORD_(d);                                                                       \
        GAMP_CHECK_WORD_(e);                                                                       \
        start(first, (void (*)(void))(fn),                                                         \
              ((const uintptr_t[]){GAMP_WORD_(a), GAMP_WORD_(b), GAMP_WORD_(c), GAMP_WORD_(d),     \
                                   GAMP_WORD_(e)}),                                                \
              5);                                                                                  \
    })
#define GAMP_START_6_(start, first, fn, a, b, c, d, e, f)                                          \
    __extension__({                                                                                \
        GAMP_CHECK_CALL_(fn, (a, b, c, d, e, f));                                                  \
        GAMP_CHECK_WORD_(a);                                                                       \
        GAMP_CHECK_WORD_(b);                                                                       \
        GAMP_CHECK_WORD_(c);                                                                       \
        GAMP_CHECK_WORD_(d);                                                                       \
        GAMP_CHECK_WORD_(e);                                                                       \
        GAMP_CHECK_WORD_(f);                                                                       \
        start(first, (void (*)(void))(fn),                                                         \
              ((const uintptr_t[]){GAMP_WORD_(a), GAMP_WORD_(b), GAMP_WORD_(c), GAMP_WORD_(d),     \
                                   GAMP_WORD_(e), GAMP_WORD_(f)}),                                 \
              6);                                                                                  \
    })

/* Not evaluated: the call must be one that the compiler takes without a doubt. A result of more
 * than two words would need a hidden argument. */
#define GAMP_CHECK_CALL_(fn, arguments)                                                            \
    GAMP_STRICT_BEGIN_                                                                             \
    _Static_assert(sizeof(__typeof__((fn)arguments)) <= 16,                                        \
                   "gamp_go: the function's result is too large");                                 \
    GAMP_STRICT_END_
#define GAMP_CHECK_WORD_(argument)                                                                 \
    _Static_assert((1 << __builtin_classify_type(argument) & 0x3e /* integer to pointer */) &&     \
                       sizeof(__typeof__(((void)0, (argument)))) <= sizeof(uintptr_t),             \
                   "gamp_go: an argument must be an integer, enum, bool or pointer")
/* Widened by its own sign. */
#define GAMP_WORD_(argument) ((uintptr_t)(argument))

#endif

#endif
