/* SPDX-License-Identifier: BSD-3-Clause */
/* gamp/chan.hpp: channels of any type. Part of gamp/gamp.hpp.
 *
 * An element that can be copied as bytes lies in the channel itself, and the channel is an
 * ordinary one of C. Any other is moved to the heap and its pointer travels. A chan<T> is a
 * counted handle: copies share the channel; what is still in it when the last one goes is
 * destroyed. As in Go one that was not made (chan<T> c;) is nil, and blocks for ever. */
#ifndef GAMP_CHAN_HPP
#define GAMP_CHAN_HPP

#include <gamp/chan.h>

#include <cstddef>
#include <cstring>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

namespace gamp
{

namespace detail
{

/* Whether elements lie in the channel as they are. */
template <class T>
inline constexpr bool travels_as_bytes = std::is_trivially_copyable_v<T> &&
                                         sizeof(T) < std::size_t{64} * 1024;

/* One element on its way into a channel, or out of it: the memory that C sees, and its owner
 * meanwhile. */
template <class T, bool Bytes = travels_as_bytes<T>>
class parcel
{
    static_assert(!std::is_reference_v<T> && !std::is_const_v<T>, "a channel's type is a value's");

  public:
    static constexpr std::size_t size = sizeof(T);

    parcel() = default;
    explicit parcel(const T &value)
    {
        std::memcpy(bytes_, static_cast<const void *>(&value), sizeof(T));
    }
    void *memory() noexcept
    {
        return bytes_;
    }
    /* Of what was received. */
    T take()
    {
        return std::move(*std::launder(reinterpret_cast<T *>(bytes_)));
    }
    void left() noexcept
    {
    }
    void give_back(T &) noexcept
    {
    }
    static void drain(gamp_chan *) noexcept
    {
    }

  private:
    alignas(T) unsigned char bytes_[sizeof(T)];
};

template <class T>
class parcel<T, false>
{
    static_assert(!std::is_reference_v<T> && !std::is_const_v<T>, "a channel's type is a value's");

  public:
    static constexpr std::size_t size = sizeof(T *);

    parcel() = default;
    explicit parcel(const T &value) : box_(new T(value))
    {
    }
    explicit parcel(T &&value) : box_(new T(std::move(value)))
    {
    }
    parcel(const parcel &) = delete;
    parcel &operator=(const parcel &) = delete;
    ~parcel()
    {
        delete box_;
    }
    void *memory() noexcept
    {
        return &box_;
    }
    T take()
    {
        return std::move(*box_);
    }
    /* It was sent: the receiver's now. */
    void left() noexcept
    {
        box_ = nullptr;
    }
    /* It was not sent: it goes back to the variable that it was moved out of. */
    void give_back(T &value)
    {
        if constexpr (std::is_move_assignable_v<T>)
            value = std::move(*box_);
    }
    static void drain(gamp_chan *c) noexcept
    {
        for (parcel p; gamp_chan_try_recv_sized(c, p.memory(), size) == 0;) {
            delete p.box_;
            p.box_ = nullptr;
        }
    }

  private:
    T *box_ = nullptr;
};

} // namespace detail

template <class T>
class chan
{
    using parcel = detail::parcel<T>;

  public:
    /* A nil channel. */
    chan() = default;
    /* One with places for cap elements; std::bad_alloc when there is no memory. Go: make(chan T,
     * cap). */
    explicit chan(std::size_t cap) : chan(gamp_chan_new(parcel::size, cap), taken{})
    {
        if (!c_)
#ifdef __cpp_exceptions
            throw std::bad_alloc();
#else
            __builtin_abort();
#endif
    }
    /* A further reference to a channel of C, such as gamp_timer_chan's; its
     * elements must be Ts. */
    static chan from(gamp_chan *c)
    {
        static_assert(detail::travels_as_bytes<T>, "a channel of C carries plain bytes");
        return chan(gamp_chan_ref(c), taken{});
    }

    /* Waits until a receiver or a place takes the value. Panics when the channel is or gets
     * closed. */
    void send(const T &value) const
    {
        parcel p(value);

        send_parcel(p);
    }
    void send(T &&value) const
    {
        parcel p(std::move(value));

        send_parcel(p);
    }
    /* Waits for a value; nothing once the channel is closed and drained. */
    std::optional<T> recv() const
    {
        parcel p;

        if (!gamp_chan_recv_sized(get(), p.memory(), parcel::size))
            return std::nullopt;
        return p.take();
    }
    /* The same into a variable, which stays as it is when there is nothing. */
    bool recv(T &value) const
    {
        parcel p;

        if (!gamp_chan_recv_sized(get(), p.memory(), parcel::size))
            return false;
        value = p.take();
        return true;
    }
    /* 0, -EAGAIN, -EPIPE: closed. A value that was not sent is not moved from. Does not block. */
    int try_send(const T &value) const
    {
        parcel p(value);

        return try_send_parcel(p);
    }
    int try_send(T &&value) const
    {
        parcel p(std::move(value));

        return kept(p, value, try_send_parcel(p));
    }
    /* 0, -ETIMEDOUT, -EPIPE: closed. A value that was not sent is not moved from. */
    int send_until(const T &value, gamp_time t) const
    {
        parcel p(value);

        return send_parcel_until(p, t);
    }
    int send_until(T &&value, gamp_time t) const
    {
        parcel p(std::move(value));

        return kept(p, value, send_parcel_until(p, t));
    }
    /* 0 and the value, -EAGAIN, -EPIPE: closed and drained. Does not block. */
    int try_recv(T &value) const
    {
        parcel p;

        return received(p, value, gamp_chan_try_recv_sized(get(), p.memory(), parcel::size));
    }
    /* 0 and the value, -ETIMEDOUT, -EPIPE: closed and drained. */
    int recv_until(T &value, gamp_time t) const
    {
        parcel p;

        return received(p, value, gamp_chan_recv_until_sized(get(), p.memory(), parcel::size, t));
    }
    /* See gamp_chan_close. */
    void close() const
    {
        gamp_chan_close(get());
    }
    std::size_t len() const
    {
        return gamp_chan_len(get());
    }
    std::size_t cap() const
    {
        return gamp_chan_cap(get());
    }
    /* The channel of C, borrowed; its elements are Ts or, if those are not
     * plain bytes, pointers. */
    gamp_chan *get() const noexcept
    {
        return c_.get();
    }
    explicit operator bool() const noexcept
    {
        return c_ != nullptr;
    }
    friend bool operator==(const chan &a, const chan &b) noexcept
    {
        return a.c_ == b.c_;
    }
    friend bool operator!=(const chan &a, const chan &b) noexcept
    {
        return a.c_ != b.c_;
    }

    /* for (T &v : c) receives until the channel is closed and drained. Go: for v := range c. */
    class iterator
    {
      public:
        using iterator_category = std::input_iterator_tag;
        using value_type = T;
        using difference_type = std::ptrdiff_t;
        using pointer = T *;
        using reference = T &;

        iterator() = default;
        explicit iterator(const chan *c) : c_(c), value_(c->recv())
        {
        }
        T &operator*()
        {
            return *value_;
        }
        T *operator->()
        {
            return &*value_;
        }
        iterator &operator++()
        {
            if (auto next = c_->recv())
                value_.emplace(*std::move(next));
            else
                value_.reset();
            return *this;
        }
        void operator++(int)
        {
            ++*this;
        }
        friend bool operator==(const iterator &a, const iterator &b) noexcept
        {
            return a.value_.has_value() == b.value_.has_value();
        }
        friend bool operator!=(const iterator &a, const iterator &b) noexcept
        {
            return !(a == b);
        }

      private:
        const chan *c_ = nullptr;
        std::optional<T> value_;
    };
    iterator begin() const
    {
        return iterator(this);
    }
    iterator end() const
    {
        return iterator();
    }

  private:
    struct taken {
    };
    chan(gamp_chan *c, taken) : c_(c, &chan::release)
    {
    }
    static void release(gamp_chan *c)
    {
        if (!c)
            return;
        parcel::drain(c);
        gamp_chan_unref(c);
    }
    void send_parcel(parcel &p) const
    {
        gamp_chan_send_sized(get(), p.memory(), parcel::size);
        p.left();
    }
    int try_send_parcel(parcel &p) const
    {
        return sent(p, gamp_chan_try_send_sized(get(), p.memory(), parcel::size));
    }
    int send_parcel_until(parcel &p, gamp_time t) const
    {
        return sent(p, gamp_chan_send_until_sized(get(), p.memory(), parcel::size, t));
    }
    static int sent(parcel &p, int r)
    {
        if (r == 0)
            p.left();
        return r;
    }
    static int kept(parcel &p, T &value, int r)
    {
        if (r != 0)
            p.give_back(value);
        return r;
    }
    static int received(parcel &p, T &value, int r)
    {
        if (r == 0)
            value = p.take();
        return r;
    }

    std::shared_ptr<gamp_chan> c_;
};

/* A channel of signals without a value. */
template <>
class chan<void>
{
  public:
    chan() = default;
    explicit chan(std::size_t cap) : chan(gamp_chan_new(0, cap), taken{})
    {
        if (!c_)
#ifdef __cpp_exceptions
            throw std::bad_alloc();
#else
            __builtin_abort();
#endif
    }
    /* A further reference to a channel of C, such as gamp_context_done's. */
    static chan from(gamp_chan *c)
    {
        return chan(gamp_chan_ref(c), taken{});
    }
    void send() const
    {
        gamp_chan_send_sized(get(), nullptr, 0);
    }
    /* false once closed and drained. */
    bool recv() const
    {
        return gamp_chan_recv_sized(get(), nullptr, 0);
    }
    int try_send() const
    {
        return gamp_chan_try_send_sized(get(), nullptr, 0);
    }
    int try_recv() const
    {
        return gamp_chan_try_recv_sized(get(), nullptr, 0);
    }
    int send_until(gamp_time t) const
    {
        return gamp_chan_send_until_sized(get(), nullptr, 0, t);
    }
    int recv_until(gamp_time t) const
    {
        return gamp_chan_recv_until_sized(get(), nullptr, 0, t);
    }
    void close() const
    {
        gamp_chan_close(get());
    }
    std::size_t len() const
    {
        return gamp_chan_len(get());
    }
    std::size_t cap() const
    {
        return gamp_chan_cap(get());
    }
    gamp_chan *get() const noexcept
    {
        return c_.get();
    }
    explicit operator bool() const noexcept
    {
        return c_ != nullptr;
    }

  private:
    struct taken {
    };
    chan(gamp_chan *c, taken) : c_(c, &gamp_chan_unref)
    {
    }

    std::shared_ptr<gamp_chan> c_;
};

} // namespace gamp

#endif
