/* SPDX-License-Identifier: BSD-3-Clause */
/* unwind from inside C++ exception handling: destructors that run while an exception passes, catch
 * blocks, terminate. */
#include "harness/test.h"
#include <exception>
#include <execinfo.h>
#include <stdexcept>
#include <ucontext.h>
#include <unistd.h>
#define _Static_assert static_assert /* the inside is C */
extern "C" {
#include "diag/unwind.h"
}

static int compared;

static void noinline compare()
{
    static void *theirs[200];
    static uintptr_t ours[200];
    unwind_regs r;
    int n = backtrace(theirs, 200), i = 0, done, extra;

    unwind_here(&r);
    do {
        CHECK_LT(i, 200);
        ours[i++] = r.pc;
    } while ((done = unwind_step(&r)) > 0);
    CHECK_EQ(done, 0);
    extra = n - i; /* a sanitizer's backtrace shows itself first */
    CHECK(extra >= 0 && extra <= 2);
    for (int k = 1; k < i; k++)
        CHECK_EQ(ours[k], reinterpret_cast<uintptr_t>(theirs[k + extra]));
    compared++;
}

struct unwound {
    ~unwound()
    {
        compare();
    }
};

static void noinline thrower(int depth)
{
    unwound u;

    if (depth == 0)
        throw std::runtime_error("thrown");
    thrower(depth - 1);
}

TEST(while_an_exception_passes)
{
    modules_init();
    try {
        thrower(10);
    } catch (const std::exception &) {
        compare();
    }
    CHECK_EQ(compared, 12);
}

static void die_of_exception(void *)
{
    std::set_terminate([] {
        compare();
        _exit(42);
    });
    thrower(3);
}

TEST(in_a_terminate_handler)
{
    modules_init();
    expect_exit(die_of_exception, nullptr, 42, nullptr);
}
