/* SPDX-License-Identifier: BSD-3-Clause */
/* race: what the sanitizers are told. Under ThreadSanitizer the library is not instrumented
 * itself (its protocols are proved by models and stress); it states each happens-before
 * edge that its users may rely on instead. AddressSanitizer is told of every stack switch. */
#ifndef GAMP_BASE_RACE_H
#define GAMP_BASE_RACE_H

#include "base/compiler.h"
#include <errno.h>

#if defined(GAMP_TSAN)
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
void AnnotateBenignRaceSized(const char *file, int line, const void *addr, size_t size,
                             const char *what);
#define RACE_TSAN 1
static inline void race_acquire(const void *addr)
{
    __tsan_acquire((void *)(uintptr_t)addr);
}
static inline void race_release(const void *addr)
{
    __tsan_release((void *)(uintptr_t)addr);
}
/* Forgets all accesses to a stack, which passes from a goroutine that ended to one that begins:
 * neither comes before the other, and an order stated between them would hide their races. The
 * sanitizer's munmap forgets before the kernel refuses an address that is not a page's. It goes by
 * whole pages of its own, of a KiB of the program's or so; hi is a multiple of that. */
int munmap(void *addr, size_t size);
static inline void race_forget(uintptr_t lo, uintptr_t hi)
{
    int saved = errno;

    munmap((void *)(lo + 8), hi - lo - 8);
    errno = saved;
}
/* A thread's own memory that the goroutines on it use in turn: errno. */
static inline void race_own(const void *addr, size_t size)
{
    AnnotateBenignRaceSized(__FILE__, __LINE__, addr, size, "thread's own");
}
#else
#define RACE_TSAN 0
static inline void race_forget(uintptr_t lo, uintptr_t hi)
{
    (void)lo;
    (void)hi;
}
static inline void race_own(const void *addr, size_t size)
{
    (void)addr;
    (void)size;
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
#endif

/* Frames that are left without returning keep their red zones. The program may be instrumented
 * though the library is not; its sanitizer then knows nothing of our stacks. */
__attribute__((weak)) void __asan_unpoison_memory_region(void const volatile *addr, size_t size);
static inline void race_frames_left(uintptr_t lo, uintptr_t hi)
{
    if (__asan_unpoison_memory_region && lo < hi)
        __asan_unpoison_memory_region((void *)lo, hi - lo);
}

#endif
