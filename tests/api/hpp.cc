/* SPDX-License-Identifier: BSD-3-Clause */
/* hpp: the C++ wrapper, gamp/gamp.hpp: what it adds to the C functions, ownership above all. Each
 * value that lives on the heap on its way counts itself. */
#include "harness/test.h"

#include <gamp/gamp.hpp>

#include <algorithm>
#include <atomic>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace
{

struct counted {
    static std::atomic<int> alive;
    int value;

    explicit counted(int v) : value(v)
    {
        alive++;
    }
    counted(const counted &other) : value(other.value)
    {
        alive++;
    }
    counted(counted &&other) noexcept : value(other.value)
    {
        other.value = -1;
        alive++;
    }
    counted &operator=(const counted &) = default;
    counted &operator=(counted &&other) noexcept
    {
        value = other.value;
        other.value = -1;
        return *this;
    }
    ~counted()
    {
        alive--;
    }
};
std::atomic<int> counted::alive;

struct point {
    short x, y;
};

/* Runs f in a goroutine and waits until it has ended in whatever way. */
template <class F>
void in_goroutine(F f)
{
    gamp::waitgroup wg;

    CHECK_EQ(wg.go(std::move(f)), 0);
    wg.wait();
}

void set_flag(std::atomic<int> *flag, int value)
{
    *flag = value;
}

TEST(time_conversions_saturate)
{
    CHECK_EQ(gamp::nanoseconds(3ms), 3 * GAMP_MILLISECOND);
    CHECK_EQ(gamp::nanoseconds(-2s), -2 * GAMP_SECOND);
    CHECK_EQ(gamp::nanoseconds(1.5s), 1500 * GAMP_MILLISECOND);
    CHECK_EQ(gamp::nanoseconds(std::chrono::hours::max()), GAMP_NEVER);
    CHECK_EQ(gamp::nanoseconds(std::chrono::hours::min()), -GAMP_NEVER);
    CHECK_EQ(gamp::in(std::chrono::hours::max()), GAMP_NEVER);
    CHECK_GE(gamp::in(1h), gamp_now() + GAMP_MINUTE);
    CHECK_LE(gamp::in(-1s), gamp_now());
}

TEST_GO(sleep_takes_chrono)
{
    const gamp_time before = gamp_now();

    gamp::sleep(2ms);
    CHECK_GE(gamp_now() - before, 2 * GAMP_MILLISECOND);
}

TEST_GO(go_takes_any_callable)
{
    gamp::waitgroup wg;
    std::atomic<int> a{0}, b{0}, c{0}, d{0}, e{0};
    struct adder {
        std::atomic<int> &sum;
        void add(int n)
        {
            sum += n;
        }
    } object{d};

    CHECK_EQ(wg.go([&a] { a = 1; }), 0);
    CHECK_EQ(wg.go(set_flag, &b, 2), 0);
    CHECK_EQ(wg.go([](std::atomic<int> &to, double x) { to = int(x * 2); }, std::ref(c), 1.5), 0);
    CHECK_EQ(wg.go(&adder::add, &object, 4), 0);
    CHECK_EQ(wg.go([&e, text = std::string(100, 'x')](
                       const std::string &more,
                       std::unique_ptr<int> p) { e = int(text.size() + more.size()) + *p; },
                   "more", std::make_unique<int>(7)),
             0);
    wg.wait();
    CHECK(a == 1 && b == 2 && c == 3 && d == 4);
    CHECK_EQ(e.load(), 111);
}

TEST_GO(go_with_choices)
{
    gamp::chan<std::uint64_t> c(0);

    CHECK_EQ(gamp::go_with({1 << 20, "named"}, [=] { c.send(gamp_goid()); }), 0);
    CHECK_NE(*c.recv(), gamp_goid());
    CHECK_EQ(gamp::go_with({}, [=] { c.send(7); }), 0);
    CHECK_EQ(*c.recv(), 7);
}

TEST(go_refused_destroys_the_callable)
{
    /* No runtime runs. */
    CHECK_EQ(gamp::go([c = counted(1)] { CHECK(c.value == 0); }), -EPERM);
    CHECK_EQ(counted::alive.load(), 0);
}

TEST_GO(go_destroys_the_callable_at_its_end)
{
    gamp::waitgroup wg;

    for (int i = 0; i < 10; i++)
        CHECK(wg.go([c = counted(i), i] { CHECK_EQ(c.value, i); }) == 0);
    wg.wait();
    CHECK_EQ(counted::alive.load(), 0);
}

TEST_GO(go_destroys_the_callable_on_goexit)
{
    in_goroutine([c = counted(1)] {
        static_cast<void>(c);
        gamp_goexit();
    });
    CHECK_EQ(counted::alive.load(), 0);
}

TEST_GO(defer_runs_at_every_end)
{
    std::string order;
    {
        gamp::defer a([&] { order += 'a'; });
        gamp::defer b([&] { order += 'b'; });
        gamp_defer([](std::string *s) { *s += 'c'; }, &order);
        order += '.';
    }
    CHECK_STR(order.c_str(), ".cba");
    try {
        gamp::defer d([&] { order += 'd'; });
        throw std::runtime_error("x");
    } catch (const std::exception &) {
        order += '!';
    }
    CHECK_STR(order.c_str(), ".cbad!");
    CHECK_EQ(gamp::protect([&] {
                 gamp::defer e([&] { order += 'e'; });
                 gamp_panic("out");
             }),
             -EFAULT);
    CHECK_STR(order.c_str(), ".cbad!e");
    in_goroutine([&] {
        gamp::defer f([&] { order += 'f'; });
        gamp_goexit();
    });
    CHECK_STR(order.c_str(), ".cbad!ef");
}

TEST_GO(protect_tells_panics_from_exceptions)
{
    gamp_panic_info info;
    int n = 0;

    CHECK_EQ(gamp::protect([&] { n = 1; }), 0);
    CHECK_EQ(n, 1);
    CHECK_EQ(gamp::protect([] { gamp_panic("number %d", 7); }, &info), -EFAULT);
    CHECK_STR(info.message, "number 7");
    CHECK_EQ(info.goid, gamp_goid());
    try {
        gamp::protect([] { throw std::string("thrown"); });
        test_fail(__FILE__, __LINE__, "reached");
    } catch (const std::string &s) {
        CHECK_STR(s.c_str(), "thrown");
    }
}

TEST_GO(chan_of_bytes)
{
    gamp::chan<point> c(2);

    CHECK_EQ(c.cap(), 2);
    CHECK_EQ(gamp_chan_elem_size(c.get()), sizeof(point));
    c.send({1, 2});
    CHECK_EQ(c.try_send({3, 4}), 0);
    CHECK_EQ(c.try_send({5, 6}), -EAGAIN);
    CHECK_EQ(c.send_until({5, 6}, gamp::in(1ms)), -ETIMEDOUT);
    CHECK_EQ(c.len(), 2);
    auto p = c.recv();
    CHECK(p && p->x == 1 && p->y == 2);
    point q{};
    CHECK_EQ(c.try_recv(q), 0);
    CHECK(q.x == 3 && q.y == 4);
    CHECK_EQ(c.try_recv(q), -EAGAIN);
    CHECK_EQ(c.recv_until(q, gamp::in(1ms)), -ETIMEDOUT);
    CHECK(q.x == 3 && q.y == 4);
    c.close();
    CHECK(!c.recv());
    CHECK(!c.recv(q));
    CHECK_EQ(c.try_recv(q), -EPIPE);
    CHECK_EQ(c.recv_until(q, GAMP_NEVER), -EPIPE);
    CHECK_EQ(c.try_send(q), -EPIPE);
    CHECK_EQ(c.send_until(q, GAMP_NEVER), -EPIPE);
    CHECK(q.x == 3 && q.y == 4);
}

TEST_GO(chan_of_objects_owns_them)
{
    {
        gamp::chan<counted> c(2), copy = c;
        counted mine(7), other(8);

        CHECK(copy == c);
        c.send(counted(1));
        c.send(mine);
        CHECK_EQ(mine.value, 7);
        /* Refused: not moved from, and nothing left behind. */
        CHECK_EQ(c.try_send(std::move(other)), -EAGAIN);
        CHECK_EQ(other.value, 8);
        CHECK_EQ(c.send_until(std::move(other), 0), -ETIMEDOUT);
        CHECK_EQ(other.value, 8);
        CHECK_EQ(counted::alive.load(), 4);
        CHECK_EQ(c.recv()->value, 1);
        CHECK_EQ(counted::alive.load(), 3);
        CHECK(c.recv(other));
        CHECK_EQ(other.value, 7);
        CHECK_EQ(c.try_send(std::move(other)), 0);
        CHECK_EQ(other.value, -1);
        c.send(counted(9));
        /* Two are in it when it goes. */
    }
    CHECK_EQ(counted::alive.load(), 0);
}

TEST_GO(chan_moves_what_cannot_be_copied)
{
    gamp::chan<std::unique_ptr<std::string>> c(0);

    gamp::go([c] {
        c.send(std::make_unique<std::string>("one"));
        c.send(std::make_unique<std::string>("two"));
        c.close();
    });
    std::string all;
    for (auto &p : c)
        all += *p;
    CHECK_STR(all.c_str(), "onetwo");
    CHECK(!c.recv());
}

TEST_GO(chan_ranges_until_closed)
{
    gamp::chan<int> c(3);
    std::vector<int> got;

    gamp::go([c] {
        for (int i = 0; i < 100; i++)
            c.send(i);
        c.close();
    });
    for (int v : c)
        got.push_back(v);
    CHECK_EQ(got.size(), 100);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(got[std::size_t(i)], i);
}

TEST_GO(chan_nil_and_foreign)
{
    gamp::chan<int> nil;
    int v = 1;

    CHECK(!nil && nil == gamp::chan<int>());
    CHECK_EQ(nil.try_recv(v), -EAGAIN);
    CHECK_EQ(nil.try_send(v), -EAGAIN);
    CHECK_EQ(nil.recv_until(v, gamp::in(1ms)), -ETIMEDOUT);
    CHECK_EQ(nil.len() + nil.cap(), 0);

    gamp_chan *raw = gamp_chan_of(int, 1);
    {
        auto c = gamp::chan<int>::from(raw);
        c.send(5);
        CHECK(c && c != nil);
    }
    /* What a handle leaves in a channel of C stays. */
    CHECK(gamp_chan_recv(raw, &v));
    CHECK_EQ(v, 5);
    gamp_chan_unref(raw);
}

TEST_GO(chan_of_the_wrong_size_panics)
{
    gamp_chan *raw = gamp_chan_of(int, 1);
    auto c = gamp::chan<char>::from(raw);
    gamp_panic_info info;

    CHECK_EQ(gamp::protect([&] { c.send('x'); }, &info), -EFAULT);
    gamp_chan_unref(raw);
}

TEST_GO(chan_of_signals)
{
    gamp::chan<void> c(1), done(0);

    CHECK_EQ(gamp_chan_elem_size(c.get()), 0);
    CHECK_EQ(c.try_send(), 0);
    CHECK_EQ(c.try_send(), -EAGAIN);
    CHECK_EQ(c.len(), 1);
    CHECK(c.recv());
    CHECK_EQ(c.try_recv(), -EAGAIN);
    CHECK_EQ(c.recv_until(0), -ETIMEDOUT);
    gamp::go([=] {
        CHECK(c.recv());
        done.close();
    });
    CHECK_EQ(c.send_until(GAMP_NEVER), 0);
    CHECK(!done.recv());
    CHECK_EQ(done.try_recv(), -EPIPE);
}

TEST_GO(select_runs_the_handler_of_its_case)
{
    gamp::chan<int> a(1), b(1);
    gamp::chan<void> s(1);
    int got = 0;

    CHECK_EQ(gamp::select(gamp::on_recv(a, [&](std::optional<int>) { got = -1; }),
                          gamp::otherwise([&] { got = 1; })),
             1);
    CHECK_EQ(got, 1);
    a.send(5);
    CHECK_EQ(gamp::select(gamp::on_recv(b, [&](std::optional<int>) { got = -1; }),
                          gamp::on_recv(a, [&](std::optional<int> v) { got = *v; })),
             1);
    CHECK_EQ(got, 5);
    CHECK_EQ(gamp::select(gamp::on_send(a, 6, [&] { got = 2; }), gamp::on_recv(b)), 0);
    CHECK_EQ(got, 2);
    CHECK_EQ(*a.recv(), 6);
    b.close();
    CHECK_EQ(gamp::select(gamp::on_recv(b, [&](auto v) { got = v ? -1 : 3; })), 0);
    CHECK_EQ(got, 3);
    CHECK_EQ(gamp::select(gamp::on_recv(a), gamp::on_time(gamp::in(1ms), [&] { got = 4; })), 1);
    CHECK_EQ(got, 4);
    CHECK_EQ(gamp::select(gamp::on_recv(a), gamp::on_send(s, [&] { got = 5; })), 1);
    CHECK_EQ(gamp::select(gamp::on_recv(s, [&](bool ok) { got += ok; })), 0);
    CHECK_EQ(got, 6);
    s.close();
    CHECK_EQ(gamp::select(gamp::on_recv(s, [&](bool ok) { got = ok; })), 0);
    CHECK_EQ(got, 0);
}

TEST_GO(select_owns_what_it_did_not_send)
{
    {
        gamp::chan<counted> full(1), open(1);

        full.send(counted(1));
        CHECK_EQ(gamp::select(gamp::on_send(full, counted(2)), gamp::otherwise()), 1);
        CHECK_EQ(counted::alive.load(), 1);
        CHECK_EQ(gamp::select(gamp::on_send(full, counted(3)), gamp::on_send(open, counted(4))), 1);
        CHECK_EQ(counted::alive.load(), 2);
        int value = 0;
        CHECK_EQ(gamp::select(gamp::on_recv(open, [&](auto v) { value = v->value; }),
                              gamp::on_send(full, counted(5))),
                 0);
        CHECK_EQ(value, 4);
        CHECK_EQ(counted::alive.load(), 1);
        try {
            gamp::select(gamp::on_recv(full, [](std::optional<counted>) { throw 1; }));
            test_fail(__FILE__, __LINE__, "reached");
        } catch (int) {
        }
        CHECK_EQ(counted::alive.load(), 0);
    }
}

TEST_GO(select_waits_for_later_partners)
{
    gamp::chan<std::string> c(0);
    std::string all;

    gamp::go([c] {
        for (const char *s : {"a", "b", "c"})
            CHECK_EQ(gamp::select(gamp::on_send(c, s)), 0);
        c.close();
    });
    for (bool open = true; open;)
        gamp::select(gamp::on_recv(c, [&](std::optional<std::string> s) {
            open = s.has_value();
            all += s.value_or(".");
        }));
    CHECK_STR(all.c_str(), "abc.");
}

TEST_GO(mutex_fits_the_standard_guards)
{
    gamp::mutex m, other;
    gamp::shared_mutex rw;
    gamp::waitgroup wg;
    int n = 0;

    for (int g = 0; g < 4; g++)
        wg.go([&] {
            for (int i = 0; i < 250; i++) {
                std::lock_guard<gamp::mutex> hold(m);
                n++;
            }
        });
    wg.wait();
    CHECK_EQ(n, 1000);
    {
        std::scoped_lock both(m, other);
        CHECK(!m.try_lock() && !other.try_lock());
        CHECK_EQ(m.lock_until(gamp::in(1ms)), -ETIMEDOUT);
    }
    {
        std::unique_lock<gamp::mutex> try_it(m, std::try_to_lock);
        CHECK(try_it.owns_lock());
    }
    {
        std::shared_lock<gamp::shared_mutex> r1(rw);
        std::shared_lock<gamp::shared_mutex> r2(rw, std::try_to_lock);
        CHECK(r2.owns_lock() && !rw.try_lock());
        CHECK_EQ(rw.lock_until(0), -ETIMEDOUT);
    }
    std::unique_lock<gamp::shared_mutex> w(rw);
    CHECK(!rw.try_lock_shared());
    CHECK_EQ(rw.lock_shared_until(0), -ETIMEDOUT);
}

TEST_GO(guards_let_go_on_panics)
{
    gamp::mutex m;
    gamp_mutex cm = {};
    gamp::shared_mutex rw;
    gamp_rwmutex crw = {};

    CHECK_EQ(gamp::protect([&] {
                 gamp::lock_guard a(m);
                 gamp::lock_guard b(cm);
                 gamp::lock_guard c(rw);
                 gamp::lock_guard d(crw);
                 CHECK(!m.try_lock() && !gamp_mutex_trylock(&cm));
                 CHECK(!rw.try_lock_shared() && !gamp_rwmutex_tryrlock(&crw));
                 gamp_panic("held");
             }),
             -EFAULT);
    CHECK(m.try_lock() && gamp_mutex_trylock(&cm));
    CHECK(rw.try_lock() && gamp_rwmutex_trylock(&crw));
    rw.unlock();
    gamp_rwmutex_unlock(&crw);
    in_goroutine([&] {
        gamp::shared_guard a(rw);
        gamp::shared_guard b(crw);
        CHECK(!rw.try_lock() && rw.try_lock_shared());
        rw.unlock_shared();
        gamp_goexit();
    });
    CHECK(rw.try_lock() && gamp_rwmutex_trylock(&crw));
}

TEST_GO(cond_and_semaphore_and_once)
{
    gamp::mutex m;
    gamp::cond changed;
    gamp::semaphore sem(2);
    gamp::once once;
    gamp::waitgroup wg;
    int stage = 0, ran = 0;

    wg.go([&] {
        std::unique_lock<gamp::mutex> l(m);
        changed.wait(l, [&] { return stage == 1; });
        stage = 2;
        changed.broadcast();
    });
    m.lock();
    stage = 1;
    changed.signal();
    changed.wait(m, [&] { return stage == 2; });
    CHECK_EQ(changed.wait_until(m, gamp::in(1ms)), -ETIMEDOUT);
    CHECK(!m.try_lock());
    m.unlock();
    wg.wait();

    sem.acquire();
    CHECK(sem.try_acquire() && !sem.try_acquire());
    CHECK_EQ(sem.acquire_until(1, gamp::in(1ms)), -ETIMEDOUT);
    wg.go([&] { sem.release(2); });
    sem.acquire(2);
    wg.wait();
    CHECK_EQ(wg.wait_until(GAMP_NEVER), 0);

    try {
        once.call([&] {
            ran++;
            throw 1;
        });
        test_fail(__FILE__, __LINE__, "reached");
    } catch (int) {
    }
    once.call([&] { ran++; });
    CHECK_EQ(ran, 1);
}

} // namespace
