/* SPDX-License-Identifier: BSD-3-Clause */
/* race: what the sanitizers are told. Under ThreadSanitizer the library is not instrumented
 * itself (its protocols are proved by models and stress); it states each happens-before
 * edge that its users may rely on instead. AddressSanitizer is told of every stack switch. */
#ifndef GAMP_BASE_RACE_H
#define GAMP_BASE_RACE_H

#include "base/compiler.h"

#if defined(GAMP_TSAN)
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
void AnnotateBenignRaceSized(const char *file, int line, const volatile void *p, size_t n,
                             const char *why);
#define RACE_TSAN 1
static inline void race_acquire(const void *addr)
{
    __tsan_acquire((void *)(uintptr_t)addr);
}
static inline void race_release(const void *addr)
{
    __tsan_release((void *)(uintptr_t)addr);
}
/* What is a thread's, and so its present goroutine's: no race, though nothing orders them. */
static inline void race_thread_owned(const void *addr, size_t n, const char *what)
{
    AnnotateBenignRaceSized(__FILE__, __LINE__, addr, n, what);
}
#else
#define RACE_TSAN 0
static inline void race_thread_owned(const void *addr, size_t n, const char *what)
{
    (void)addr;
    (void)n;
    (void)what;
}
static inline void race_acquire(const void *addr)
{
    (void)addr;
}
static inline void race_release(const void *addr)
{
    (void)addr;
}
#endif

#if defined(__SANITIZE_ADDRESS__)
#define RACE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RACE_ASAN 1
#endif
#endif
#ifndef RACE_ASAN
#define RACE_ASAN 0
#endif

#if RACE_ASAN
void __sanitizer_start_switch_fiber(void **save, const void *bottom, size_t size);
void __sanitizer_finish_switch_fiber(void *save, const void **bottom_old, size_t *size_old);
void __asan_unpoison_memory_region(void const volatile *addr, size_t size);
#endif

#endif
