/* SPDX-License-Identifier: BSD-3-Clause */
/* gamp/go.hpp: goroutines of any callable. Part of gamp/gamp.hpp. */
#ifndef GAMP_GO_HPP
#define GAMP_GO_HPP

#include <gamp/go.h>
#include <gamp/panic.h>

#include <functional>
#include <memory>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>

namespace gamp
{

namespace detail
{

/* A callable and its arguments on the way to their goroutine, on the heap. */
template <class F, class... A>
class task
{
  public:
    template <class G, class... B>
    explicit task(G &&f, B &&...args) : parts_(std::forward<G>(f), std::forward<B>(args)...)
    {
    }

    static void run(task *self)
    {
        deferred free_it(&task::free, self); /* on panic and goexit too */

        std::apply([](auto &&f, auto &&...args) { std::invoke(std::move(f), std::move(args)...); },
                   std::move(self->parts_));
    }

  private:
    static void free(task *self) noexcept
    {
        delete self;
    }

    std::tuple<F, A...> parts_;
};

template <class S, class F, class... A>
GAMP_ALWAYS_INLINE_ int start(const S &starter, F &&f, A &&...args)
{
    using made = task<std::decay_t<F>, std::decay_t<A>...>;
    static_assert(std::is_invocable_v<std::decay_t<F>, std::decay_t<A>...>,
                  "gamp::go: the callable does not take these arguments");
    std::unique_ptr<made> t(new (std::nothrow) made(std::forward<F>(f), std::forward<A>(args)...));
    if (!t)
        return -ENOMEM;
    const uintptr_t word = reinterpret_cast<uintptr_t>(t.get());
    const int r = starter(reinterpret_cast<void (*)(void)>(&made::run), &word, 1);
    if (r == 0)
        static_cast<void>(t.release());
    return r;
}

} // namespace detail

/* Runs f(args...) as a goroutine. f and the arguments are copied or moved into it (std::ref for a
 * reference, which must then outlive it) and destroyed at its end. Results as of gamp_go: 0,
 * -ENOMEM,
 * -EPERM. Does not block. */
template <class F, class... A>
GAMP_ALWAYS_INLINE_ int go(F &&f, A &&...args)
{
    return detail::start(detail::go_starter{nullptr}, std::forward<F>(f), std::forward<A>(args)...);
}

/* The same with choices: gamp::go_with({1 << 20, "conn"}, serve, fd). */
template <class F, class... A>
GAMP_ALWAYS_INLINE_ int go_with(const gamp_go_options &options, F &&f, A &&...args)
{
    return detail::start(detail::go_starter{&options}, std::forward<F>(f),
                         std::forward<A>(args)...);
}

} // namespace gamp

#endif
