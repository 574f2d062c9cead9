/* SPDX-License-Identifier: BSD-3-Clause */
/* gamp/base.h: the words that all of gamp's headers share. Programs need not include it
 * themselves.
 *
 * Names that end in an underscore belong to the headers' own macros and are not for programs. */
#ifndef GAMP_BASE_H
#define GAMP_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* GAMP_ZERO_ stands after the members of structs of choices, so that C++ knows the value of those
 * that an initialiser leaves out. The C++ parts say extern "C++", since programs are used to
 * including C headers inside extern "C". */
#ifdef __cplusplus
#define GAMP_BEGIN_DECLS extern "C" {
#define GAMP_END_DECLS }
#define GAMP_BEGIN_DETAIL_                                                                         \
    extern "C++" {                                                                                 \
    namespace gamp                                                                                 \
    {                                                                                              \
    namespace detail                                                                               \
    {
#define GAMP_END_DETAIL_                                                                           \
    }                                                                                              \
    }                                                                                              \
    }
#define GAMP_NULL_ nullptr
#define GAMP_STATIC_ASSERT_(condition, text) static_assert(condition, text)
#define GAMP_ZERO_                                                                                 \
    {                                                                                              \
    }
#else
#define GAMP_BEGIN_DECLS
#define GAMP_END_DECLS
#define GAMP_STATIC_ASSERT_(condition, text) _Static_assert(condition, text)
#define GAMP_ZERO_
#define GAMP_NULL_ NULL
#endif

/* On every public function: the library is built with hidden visibility. */
#define GAMP_API __attribute__((__visibility__("default")))
/* On functions whose result is the only hold on what they made. */
#define GAMP_MUST_CHECK __attribute__((__warn_unused_result__))
#define GAMP_NORETURN __attribute__((__noreturn__))
#define GAMP_PRINTF(format_index, first_index)                                                     \
    __attribute__((__format__(__printf__, format_index, first_index)))
#define GAMP_ALWAYS_INLINE_ inline __attribute__((__always_inline__))
#define GAMP_INLINE_ static inline __attribute__((__always_inline__, __unused__))

/* A call is a call: nothing is concluded from the body, not at link time either. */
#ifdef __clang__
#define GAMP_OPAQUE_ __attribute__((__noinline__, __optnone__))
#else
#define GAMP_OPAQUE_ __attribute__((__noipa__))
#endif

#define GAMP_PASTE_(a, b) GAMP_PASTE2_(a, b)
#define GAMP_PASTE2_(a, b) a##b

/* A duration and a point in time, both in nanoseconds; a point is one of CLOCK_MONOTONIC, as
 * gamp_now() gives it. The constants and the functions stand in gamp/time.h. */
typedef int64_t gamp_duration;
typedef int64_t gamp_time;

/* A piece of memory that somebody else owns. GAMP_BYTES("text") makes one of a string literal,
 * without its NUL. */
typedef struct gamp_bytes {
    const void *ptr;
    size_t len;
} gamp_bytes;

#ifdef __cplusplus
#define GAMP_BYTES(literal) (gamp_bytes{"" literal, sizeof(literal) - 1})
#else
#define GAMP_BYTES(literal) ((gamp_bytes){"" literal, sizeof(literal) - 1})
#endif

/* Between these, what the compilers merely warn of in a C call (an integer for a pointer,
 * pointers of different types) is an error, whatever the program's own options say of it. */
/* clang-format off */
#if defined(__cplusplus)
#define GAMP_STRICT_BEGIN_
#define GAMP_STRICT_END_
#elif defined(__clang__)
#define GAMP_STRICT_BEGIN_                                             \
    _Pragma("clang diagnostic push")                                   \
    _Pragma("clang diagnostic error \"-Wint-conversion\"")             \
    _Pragma("clang diagnostic error \"-Wincompatible-pointer-types\"") \
    _Pragma("clang diagnostic error \"-Wpointer-sign\"")
#define GAMP_STRICT_END_ _Pragma("clang diagnostic pop")
#else
#define GAMP_STRICT_BEGIN_                                             \
    _Pragma("GCC diagnostic push")                                     \
    _Pragma("GCC diagnostic error \"-Wint-conversion\"")               \
    _Pragma("GCC diagnostic error \"-Wincompatible-pointer-types\"")   \
    _Pragma("GCC diagnostic error \"-Wdiscarded-qualifiers\"")         \
    _Pragma("GCC diagnostic error \"-Wpointer-sign\"")
#define GAMP_STRICT_END_ _Pragma("GCC diagnostic pop")
#endif
/* clang-format on */

/* What stands for a size where the element's pointer was a void *: nothing to check. */
#define GAMP_SIZE_UNCHECKED_ SIZE_MAX

#ifdef __cplusplus
extern "C++" {
#include <type_traits>
}

/* What is in gamp::detail is not for programs. */
GAMP_BEGIN_DETAIL_

/* Makes &(struct p){1, 2} mean in C++ what it means in C, the address of a temporary, which lives
 * until the end of the full expression. Other code does not see it and keeps its error. */
template <class T, class = std::enable_if_t<std::is_class<T>::value && !std::is_const<T>::value>>
inline T *operator&(T &&temporary) noexcept
{
    return __builtin_addressof(temporary);
}

/* A parameter from which nothing is deduced: its argument converts as in any call. */
template <class T>
struct identity {
    using type = T;
};

/* Whether a caller that knows nothing of the result may call for it: no hidden argument, no
 * destructor. */
template <class R, bool = std::is_class<R>::value || std::is_union<R>::value>
struct result_is_words : std::true_type {
};
template <class R>
struct result_is_words<R, true>
    : std::integral_constant<bool, sizeof(R) <= 16 && std::is_trivially_copyable<R>::value> {
};

GAMP_END_DETAIL_

#define GAMP_WITH_TEMPORARIES_(...)                                                                \
    __extension__({                                                                                \
        using ::gamp::detail::operator&;                                                           \
        __VA_ARGS__;                                                                               \
    })

#else
/* The size of what a pointer points to, or GAMP_SIZE_UNCHECKED_ for a void * or NULL. It does not
 * evaluate it. */
#define GAMP_POINTEE_SIZE_(pointer)                                                                \
    (__builtin_types_compatible_p(__typeof__(*(pointer)), void)                                    \
         ? GAMP_SIZE_UNCHECKED_                                                                    \
         : __extension__ sizeof(__typeof__(*(pointer))))

/* The first of two expressions that arrive as one __VA_ARGS__: commas inside a compound literal's
 * braces split macro arguments, but not the operands of a call or a builtin. */
#define GAMP_FIRST_(...) __builtin_choose_expr(1, __VA_ARGS__)
#endif

#endif
