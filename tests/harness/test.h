/* SPDX-License-Identifier: BSD-3-Clause */
/* test: the harness that every test program links.
 *
 *     #include "harness/test.h"
 *
 *     TEST(ring_wraps) { CHECK_EQ(ring_next(7), 0); }          an ordinary main thread
 *     TEST_GO(chan_fifo) { ...gamp_chan_send(c, &v)... }       the main goroutine of gamp_run
 *     TEST_WITHIN(slow_one, 60) { ... }                        a limit other than 20 seconds
 *
 * Each case runs in a process of its own, forked and executed afresh, in its own process group
 * and under a time limit. When the limit is up it gets SIGQUIT (a gamp program then prints its
 * goroutines), a second later SIGKILL, and has failed; whatever it left behind is killed with it.
 * A case passes when its body returned and the process ended with status 0.
 *
 * A failed check writes one line by write(2) and calls _exit: right on any stack and in any
 * thread. That is why this is not cmocka, whose assertions longjmp back to the main thread's
 * stack: from a goroutine's stack that is undefined.
 *
 * Program options:  --list   --case NAME (runs it here, for a debugger)   NAME... (these alone)
 * Environment:      GAMP_TEST_SEED   seed of test_seed(), printed when a case fails
 *                   TEST_TIMEOUT     factor on the limits, for sanitizers and emulators, up to
 *                                    two minutes or twice what the case asks for
 *                   TEST_EMULATOR    command words put before the program (qemu-aarch64 ...)
 *
 * Works from C and C++. */
#ifndef GAMP_TEST_H
#define GAMP_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct test_case {
    const char *name;
    const char *file;
    int line;
    int seconds; /* limit before TEST_TIMEOUT's factor */
    bool go;     /* the body runs as the main goroutine */
    void (*body)(void);
    struct test_case *next;
} test_case;

/* Called by the constructors that TEST makes; cases keep their written order. */
void test_register(test_case *c);

/* The case calls it when its body has returned; see TEST_GO. */
void test_go_run(void (*body)(void), int (*run)(int (*fn)(int, char **), int, char **));

#define TEST_DEFAULT_SECONDS 20

#define TEST_CASE_(name_, seconds_, go_, run_)                                                     \
    static void tbody_##name_(void);                                                               \
    static void trun_##name_(void)                                                                 \
    {                                                                                              \
        run_;                                                                                      \
    }                                                                                              \
    __attribute__((constructor)) static void tctor_##name_(void)                                   \
    {                                                                                              \
        static test_case c_;                                                                       \
        c_.name = #name_;                                                                          \
        c_.file = __FILE__;                                                                        \
        c_.line = __LINE__;                                                                        \
        c_.seconds = (seconds_);                                                                   \
        c_.go = (go_);                                                                             \
        c_.body = trun_##name_;                                                                    \
        test_register(&c_);                                                                        \
    }                                                                                              \
    static void tbody_##name_(void)

#define TEST_WITHIN(name, seconds) TEST_CASE_(name, seconds, false, tbody_##name())
#define TEST_GO_WITHIN(name, seconds)                                                              \
    TEST_CASE_(name, seconds, true, test_go_run(tbody_##name, gamp_run))
#define TEST(name) TEST_WITHIN(name, TEST_DEFAULT_SECONDS)
/* The file includes <gamp/run.h> for gamp_run. */
#define TEST_GO(name) TEST_GO_WITHIN(name, TEST_DEFAULT_SECONDS)

/* Write "FILE:LINE: TEXT" to stderr and end the process with status 1. */
void test_fail(const char *file, int line, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 3, 4)));
/* End the process with status 77: the case is counted as skipped. */
void test_skip(const char *reason) __attribute__((noreturn));

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond))                                                                               \
            test_fail(__FILE__, __LINE__, "CHECK(%s)", #cond);                                     \
    } while (0)

/* As CHECK, with a printf message of its own. */
#define CHECK_MSG(cond, ...)                                                                       \
    do {                                                                                           \
        if (!(cond))                                                                               \
            test_fail(__FILE__, __LINE__, __VA_ARGS__);                                            \
    } while (0)

/* Integers, enums and pointers; both are printed. */
#define CHECK_EQ(a, b) TEST_COMPARE_(a, ==, b)
#define CHECK_NE(a, b) TEST_COMPARE_(a, !=, b)
#define CHECK_LT(a, b) TEST_COMPARE_(a, <, b)
#define CHECK_LE(a, b) TEST_COMPARE_(a, <=, b)
#define CHECK_GT(a, b) TEST_COMPARE_(a, >, b)
#define CHECK_GE(a, b) TEST_COMPARE_(a, >=, b)
#define TEST_COMPARE_(a, op, b)                                                                    \
    do {                                                                                           \
        long long test_a_ = (long long)(a), test_b_ = (long long)(b);                              \
        if (!(test_a_ op test_b_))                                                                 \
            test_fail(__FILE__, __LINE__, "CHECK(%s " #op " %s): %lld and %lld", #a, #b, test_a_,  \
                      test_b_);                                                                    \
    } while (0)

/* Strings, NULL included. */
#define CHECK_STR(a, b) test_check_str(__FILE__, __LINE__, #a, #b, a, b)
#define CHECK_CONTAINS(text, part) test_check_contains(__FILE__, __LINE__, #text, text, part)
void test_check_str(const char *file, int line, const char *as, const char *bs, const char *a,
                    const char *b);
void test_check_contains(const char *file, int line, const char *expr, const char *text,
                         const char *part);

/* Children. Call these from a TEST, not from a goroutine: a forked child has one thread, and
 * of a running runtime it would have a dead copy. The child may call gamp_run. */
typedef struct test_child {
    int status; /* exit status; 128 + signal when a signal ended it */
    size_t out_len, err_len;
    char out[64 * 1024]; /* what it wrote on stdout and stderr, NUL-terminated, cut at the end */
    char err[64 * 1024];
} test_child;

/* Runs fn(arg) in a child that ends with exit(0) when fn returns; waits for it. */
void test_run_child(void (*fn)(void *), void *arg, test_child *result);
/* Runs a program, argv[0] by path or PATH, under the emulator when there is one and the program
 * is a gamp program (emulate). */
void test_run_program(const char *const argv[], bool emulate, test_child *result);

/* Fails unless the child ends with status and its stderr contains text (NULL: anything). */
#define expect_exit(fn, arg, status, text)                                                         \
    test_expect_exit(__FILE__, __LINE__, fn, arg, status, text)
void test_expect_exit(const char *file, int line, void (*fn)(void *), void *arg, int status,
                      const char *text);

/* The seed of this run of the case, and numbers from it (splitmix64). */
uint64_t test_seed(void);
uint64_t test_rand(uint64_t *state);

/* Whether ThreadSanitizer is built in, and whether that or AddressSanitizer is. */
#if defined(__SANITIZE_THREAD__)
#define TEST_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TEST_TSAN 1
#endif
#endif
#ifndef TEST_TSAN
#define TEST_TSAN 0
#endif
#if TEST_TSAN || defined(__SANITIZE_ADDRESS__)
#define TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TEST_SANITIZED 1
#endif
#endif
#ifndef TEST_SANITIZED
#define TEST_SANITIZED 0
#endif

/* The factor of TEST_TIMEOUT: scale a test's own waits by it. */
int test_slowness(void);

/* Monotonic nanoseconds. */
int64_t test_nanotime(void);

#ifdef __cplusplus
}
#endif

#endif
