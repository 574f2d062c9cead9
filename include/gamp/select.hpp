/* SPDX-License-Identifier: BSD-3-Clause */
/* gamp/select.hpp: select with handlers. Part of gamp/gamp.hpp.
 *
 *     gamp::select(
 *         gamp::on_recv(results, [&](std::optional<result> r) { ... }),    nothing: closed
 *         gamp::on_send(work, next_item(), [&] { ... }),
 *         gamp::on_time(gamp::in(5s), [&] { ... }),
 *         gamp::otherwise([&] { ... }));
 *
 * waits for the first case that can go on, does it, runs its handler on the caller's stack, and
 * returns its index. Handlers may be left out, and may do anything, throw
 * too. See gamp/select.h. */
#ifndef GAMP_SELECT_HPP
#define GAMP_SELECT_HPP

#include <gamp/chan.hpp>
#include <gamp/select.h>

#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

namespace gamp
{

namespace detail
{

struct nothing {
    void operator()() const noexcept
    {
    }
};

template <class T, class F>
class recv_case
{
  public:
    recv_case(gamp_chan *c, F f) : c_(c), f_(std::move(f))
    {
    }
    gamp_case armed() noexcept
    {
        return gamp_case_recv_(parcel<T>::size, c_, p_.memory(), &ok_);
    }
    void ran()
    {
        if constexpr (std::is_invocable_v<F &, std::optional<T>>) {
            std::optional<T> value;

            if (ok_)
                value.emplace(p_.take());
            f_(std::move(value));
        } else {
            f_();
        }
    }

  private:
    gamp_chan *c_;
    F f_;
    parcel<T> p_;
    bool ok_ = false;
};

template <class F>
class recv_case<void, F>
{
  public:
    recv_case(gamp_chan *c, F f) : c_(c), f_(std::move(f))
    {
    }
    gamp_case armed() noexcept
    {
        return gamp_case_recv_(0, c_, nullptr, &ok_);
    }
    void ran()
    {
        if constexpr (std::is_invocable_v<F &, bool>)
            f_(ok_);
        else
            f_();
    }

  private:
    gamp_chan *c_;
    F f_;
    bool ok_ = false;
};

template <class T, class F>
class send_case
{
  public:
    send_case(gamp_chan *c, T &&value, F f) : c_(c), f_(std::move(f)), p_(std::move(value))
    {
    }
    gamp_case armed() noexcept
    {
        return gamp_case_send_(parcel<T>::size, c_, p_.memory());
    }
    void ran()
    {
        p_.left();
        f_();
    }

  private:
    gamp_chan *c_;
    F f_;
    parcel<T> p_;
};

/* A case of C that has no memory of its own. */
template <class F>
class plain_case
{
  public:
    plain_case(gamp_case c, F f) : c_(c), f_(std::move(f))
    {
    }
    gamp_case armed() const noexcept
    {
        return c_;
    }
    void ran()
    {
        f_();
    }

  private:
    gamp_case c_;
    F f_;
};

} // namespace detail

/* f(std::optional<T>), or f(); for chan<void> f(bool), or f(). Nothing, or false: closed and
 * drained. */
template <class T, class F = detail::nothing>
detail::recv_case<T, F> on_recv(const chan<T> &c, F f = F())
{
    return {c.get(), std::move(f)};
}

/* f(). The value is made now, and destroyed if it is not sent. */
template <class T, class F = detail::nothing, class = std::enable_if_t<!std::is_void_v<T>>>
detail::send_case<T, F> on_send(const chan<T> &c, typename detail::identity<T>::type value,
                                F f = F())
{
    return {c.get(), std::move(value), std::move(f)};
}

/* f() each. */
template <class F = detail::nothing>
detail::plain_case<F> on_send(const chan<void> &c, F f = F())
{
    return {gamp_case_send_(0, c.get(), nullptr), std::move(f)};
}
template <class F = detail::nothing>
detail::plain_case<F> on_readable(int fd, F f = F())
{
    return {GAMP_READABLE(fd), std::move(f)};
}
template <class F = detail::nothing>
detail::plain_case<F> on_writable(int fd, F f = F())
{
    return {GAMP_WRITABLE(fd), std::move(f)};
}
template <class F = detail::nothing>
detail::plain_case<F> on_time(gamp_time t, F f = F())
{
    return {GAMP_AT(t), std::move(f)};
}
template <class F = detail::nothing>
detail::plain_case<F> otherwise(F f = F())
{
    return {GAMP_DEFAULT, std::move(f)};
}

/* See above. Without a case it blocks for ever. */
template <class... C>
int select(C &&...cases)
{
    gamp_case armed[sizeof...(C) + 1] = {cases.armed()..., GAMP_DEFAULT};
    const int chosen = gamp_selectv(armed, sizeof...(C));
    int i = 0;

    ((i++ == chosen ? cases.ran() : void()), ...);
    static_cast<void>(i);
    return chosen;
}

} // namespace gamp

#endif
