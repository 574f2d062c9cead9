/* SPDX-License-Identifier: BSD-3-Clause */
/* gamp/panic.hpp: deferred calls and panics with callables. Part of gamp/gamp.hpp. */
#ifndef GAMP_PANIC_HPP
#define GAMP_PANIC_HPP

#include <gamp/panic.h>

#include <cstddef>
#include <exception>
#include <type_traits>
#include <utility>

namespace gamp
{

/* gamp::defer d([&] { ... }): the callable runs when the block is left in any way, by an
 * exception, a panic and gamp_goexit too; last in, first out. A local variable of a block,
 * nothing else. It must not throw. */
template <class F>
class defer
{
  public:
    explicit defer(F f) : f_(std::move(f)), record_(&defer::run, this)
    {
    }
    defer(const defer &) = delete;
    defer &operator=(const defer &) = delete;
    static void *operator new(std::size_t) = delete;

  private:
    static void run(defer *self)
    {
        self->f_();
    }

    F f_;
    detail::deferred record_; /* after f_: gone before it */
};

namespace detail
{

/* A callable on its way through C functions, which exceptions cannot pass. */
template <class F>
class carried
{
  public:
    explicit carried(F &f) : f_(f)
    {
    }
    /* For a function that calls run(this). */
    static void run(void *arg)
    {
        carried *self = static_cast<carried *>(arg);
#ifdef __cpp_exceptions
        try {
            self->f_();
        } catch (...) {
            self->thrown_ = std::current_exception();
        }
#else
        self->f_();
#endif
    }
    /* After it: an exception goes on here. */
    void arrive()
    {
#ifdef __cpp_exceptions
        if (thrown_)
            std::rethrow_exception(thrown_);
#endif
    }

  private:
    F &f_;
#ifdef __cpp_exceptions
    std::exception_ptr thrown_;
#endif
};

} // namespace detail

/* Runs f(). 0, or -EFAULT when it panicked, and then *info, if there is one, tells of it. An
 * exception passes through. */
template <class F>
int protect(F &&f, gamp_panic_info *info = nullptr)
{
    detail::carried<std::remove_reference_t<F>> call(f);
    const int r = gamp_protect(&call.run, &call, info);

    call.arrive();
    return r;
}

} // namespace gamp

#endif
