/* SPDX-License-Identifier: BSD-3-Clause */
/* gamp/sync.hpp: waitgroup, mutexes that the standard's guards take, guards that panics respect,
 * and more. Part of gamp/gamp.hpp. */
#ifndef GAMP_SYNC_HPP
#define GAMP_SYNC_HPP

#include <gamp/go.hpp>
#include <gamp/panic.hpp>
#include <gamp/sync.h>

#include <cstddef>
#include <mutex>
#include <type_traits>
#include <utility>

namespace gamp
{

/* Waits until a count is 0. See gamp_waitgroup. */
class waitgroup
{
  public:
    waitgroup() = default;
    waitgroup(const waitgroup &) = delete;
    waitgroup &operator=(const waitgroup &) = delete;

    void add(int n)
    {
        gamp_waitgroup_add(&wg_, n);
    }
    void done()
    {
        gamp_waitgroup_done(&wg_);
    }
    void wait()
    {
        gamp_waitgroup_wait(&wg_);
    }
    /* 0, -ETIMEDOUT. */
    int wait_until(gamp_time t)
    {
        return gamp_waitgroup_wait_until(&wg_, t);
    }
    /* gamp::go that adds one, and takes it back when the callable has ended in any way. */
    template <class F, class... A>
    GAMP_ALWAYS_INLINE_ int go(F &&f, A &&...args)
    {
        return detail::start(detail::waitgroup_starter{&wg_}, std::forward<F>(f),
                             std::forward<A>(args)...);
    }
    gamp_waitgroup *native_handle() noexcept
    {
        return &wg_;
    }

  private:
    gamp_waitgroup wg_{};
};

/* gamp_mutex as the standard's Lockable: for std::unique_lock, std::scoped_lock,
 * gamp::lock_guard. */
class mutex
{
  public:
    constexpr mutex() = default;
    mutex(const mutex &) = delete;
    mutex &operator=(const mutex &) = delete;

    void lock()
    {
        gamp_mutex_lock(&m_);
    }
    bool try_lock()
    {
        return gamp_mutex_trylock(&m_);
    }
    void unlock()
    {
        gamp_mutex_unlock(&m_);
    }
    /* 0, -ETIMEDOUT. */
    int lock_until(gamp_time t)
    {
        return gamp_mutex_lock_until(&m_, t);
    }
    gamp_mutex *native_handle() noexcept
    {
        return &m_;
    }

  private:
    gamp_mutex m_{};
};

/* gamp_rwmutex as the standard's SharedLockable: for std::shared_lock, gamp::shared_guard too. */
class shared_mutex
{
  public:
    constexpr shared_mutex() = default;
    shared_mutex(const shared_mutex &) = delete;
    shared_mutex &operator=(const shared_mutex &) = delete;

    void lock()
    {
        gamp_rwmutex_lock(&m_);
    }
    bool try_lock()
    {
        return gamp_rwmutex_trylock(&m_);
    }
    void unlock()
    {
        gamp_rwmutex_unlock(&m_);
    }
    int lock_until(gamp_time t)
    {
        return gamp_rwmutex_lock_until(&m_, t);
    }
    void lock_shared()
    {
        gamp_rwmutex_rlock(&m_);
    }
    bool try_lock_shared()
    {
        return gamp_rwmutex_tryrlock(&m_);
    }
    void unlock_shared()
    {
        gamp_rwmutex_runlock(&m_);
    }
    int lock_shared_until(gamp_time t)
    {
        return gamp_rwmutex_rlock_until(&m_, t);
    }
    gamp_rwmutex *native_handle() noexcept
    {
        return &m_;
    }

  private:
    gamp_rwmutex m_{};
};

namespace detail
{

/* Locks by one function now, unlocks by another at the end of the block. */
template <class M, void (*Lock)(M *), void (*Unlock)(M *)>
class holder
{
  public:
    explicit holder(M *m) : record_((Lock(m), Unlock), m)
    {
    }
    holder(const holder &) = delete;
    holder &operator=(const holder &) = delete;
    static void *operator new(std::size_t) = delete;

  private:
    deferred record_;
};

using mutex_holder = holder<gamp_mutex, gamp_mutex_lock, gamp_mutex_unlock>;
using write_holder = holder<gamp_rwmutex, gamp_rwmutex_lock, gamp_rwmutex_unlock>;
using read_holder = holder<gamp_rwmutex, gamp_rwmutex_rlock, gamp_rwmutex_runlock>;

} // namespace detail

/* gamp::lock_guard g(m): m, of this header or of C, is locked until the block is left in any way,
 * by a panic and gamp_goexit too, where a std::lock_guard would leave it locked. A local variable
 * of a block, nothing else. */
template <class M>
class lock_guard;

template <>
class lock_guard<gamp_mutex> : detail::mutex_holder
{
  public:
    explicit lock_guard(gamp_mutex &m) : holder(&m)
    {
    }
};
template <>
class lock_guard<mutex> : detail::mutex_holder
{
  public:
    explicit lock_guard(mutex &m) : holder(m.native_handle())
    {
    }
};
template <>
class lock_guard<gamp_rwmutex> : detail::write_holder
{
  public:
    explicit lock_guard(gamp_rwmutex &m) : holder(&m)
    {
    }
};
template <>
class lock_guard<shared_mutex> : detail::write_holder
{
  public:
    explicit lock_guard(shared_mutex &m) : holder(m.native_handle())
    {
    }
};
template <class M>
lock_guard(M &) -> lock_guard<M>;

/* The same for reading. */
class shared_guard : detail::read_holder
{
  public:
    explicit shared_guard(gamp_rwmutex &m) : holder(&m)
    {
    }
    explicit shared_guard(shared_mutex &m) : holder(m.native_handle())
    {
    }
};

/* Waiting for a change under a gamp::mutex. See gamp_cond. */
class cond
{
  public:
    constexpr cond() = default;
    cond(const cond &) = delete;
    cond &operator=(const cond &) = delete;

    void wait(mutex &m)
    {
        gamp_cond_wait(&c_, m.native_handle());
    }
    /* Until pred(). */
    template <class P>
    void wait(mutex &m, P pred)
    {
        while (!pred())
            wait(m);
    }
    void wait(std::unique_lock<mutex> &l)
    {
        wait(*l.mutex());
    }
    template <class P>
    void wait(std::unique_lock<mutex> &l, P pred)
    {
        wait(*l.mutex(), std::move(pred));
    }
    /* 0, -ETIMEDOUT; the mutex is held after either. */
    int wait_until(mutex &m, gamp_time t)
    {
        return gamp_cond_wait_until(&c_, m.native_handle(), t);
    }
    void signal()
    {
        gamp_cond_signal(&c_);
    }
    void broadcast()
    {
        gamp_cond_broadcast(&c_);
    }
    gamp_cond *native_handle() noexcept
    {
        return &c_;
    }

  private:
    gamp_cond c_{};
};

/* A weighted semaphore, first in, first out. See gamp_sem. */
class semaphore
{
  public:
    explicit semaphore(int64_t n = 0)
    {
        gamp_sem_init(&s_, n);
    }
    semaphore(const semaphore &) = delete;
    semaphore &operator=(const semaphore &) = delete;

    void acquire(int64_t n = 1)
    {
        gamp_sem_acquire(&s_, n);
    }
    bool try_acquire(int64_t n = 1)
    {
        return gamp_sem_tryacquire(&s_, n);
    }
    /* 0, -ETIMEDOUT. */
    int acquire_until(int64_t n, gamp_time t)
    {
        return gamp_sem_acquire_until(&s_, n, t);
    }
    void release(int64_t n = 1)
    {
        gamp_sem_release(&s_, n);
    }
    gamp_sem *native_handle() noexcept
    {
        return &s_;
    }

  private:
    gamp_sem s_{};
};

/* Runs one callable once. See gamp_once. */
class once
{
  public:
    constexpr once() = default;
    once(const once &) = delete;
    once &operator=(const once &) = delete;

    /* Runs f() if no call on this object did before; waits for the one that does. An exception
     * passes through, and f counts as done. */
    template <class F>
    void call(F &&f)
    {
        detail::carried<std::remove_reference_t<F>> c(f);

        gamp_once_do(&o_, &c.run, &c);
        c.arrive();
    }

  private:
    gamp_once o_{};
};

} // namespace gamp

#endif
