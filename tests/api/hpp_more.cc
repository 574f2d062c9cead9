// SPDX-License-Identifier: BSD-3-Clause
// hpp_more: gamp.hpp with types and callables that are out of the ordinary, and without exceptions
// where a program has none.
#include "harness/test.h"
#include <chrono>
#include <functional>
#include <gamp/gamp.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace
{

/* Travels as bytes, though it cannot be copied. */
struct only_moved {
    int v;
    explicit only_moved(int n) : v(n)
    {
    }
    only_moved(only_moved &&) = default;
    only_moved &operator=(only_moved &&) = default;
    only_moved(const only_moved &) = delete;
    only_moved &operator=(const only_moved &) = delete;
};
static_assert(std::is_trivially_copyable_v<only_moved>);

/* More than a channel carries: goes by the heap. */
struct large {
    char bytes[70000];
    int v;
};

struct empty {
};

enum class color : unsigned char { red, green };

struct adder {
    int sum = 0;
    void add(int k)
    {
        sum += k;
    }
};

int twice(int n)
{
    return 2 * n;
}

} // namespace

TEST_GO(chan_of_any_type)
{
    gamp::chan<only_moved> m(2);
    only_moved got(0);

    m.send(only_moved(3));
    CHECK_EQ(m.recv()->v, 3);
    CHECK_EQ(m.try_send(only_moved(4)), 0);
    CHECK(m.recv(got));
    CHECK_EQ(got.v, 4);

    gamp::chan<large> l(1);
    auto one = std::make_unique<large>();
    one->v = 9;
    l.send(*one);
    CHECK_EQ(l.recv()->v, 9);
    l.close();
    CHECK(!l.recv().has_value());

    gamp::chan<empty> e(1);
    e.send({});
    CHECK(e.recv().has_value());

    gamp::chan<color> c(1);
    c.send(color::green);
    CHECK(*c.recv() == color::green);

    gamp::chan<bool> b(1);
    b.send(true);
    CHECK(*b.recv());

    gamp::chan<std::function<int(int)>> f(1);
    f.send(twice);
    CHECK_EQ((*f.recv())(4), 8);
}

TEST_GO(chan_of_channels)
{
    gamp::chan<gamp::chan<int>> out;
    gamp::waitgroup wg;
    int sum = 0;

    CHECK(!out);
    out = gamp::chan<gamp::chan<int>>(0);
    CHECK_EQ(wg.go([out] {
        gamp::chan<int> c(1);

        out.send(c);
        for (int i = 1; i <= 10; i++)
            c.send(i);
        c.close();
    }),
             0);
    const gamp::chan<int> in = *out.recv();
    for (int v : in)
        sum += v;
    CHECK_EQ(sum, 55);
    wg.wait();
}

TEST_GO(go_of_members_functions_and_references)
{
    gamp::waitgroup wg;
    adder a;
    std::function<void()> f = [&a] { a.add(100); };

    CHECK_EQ(wg.go(&adder::add, &a, 4), 0);
    wg.wait();
    CHECK_EQ(a.sum, 4);
    CHECK_EQ(wg.go([](std::string s, std::unique_ptr<int> p,
                      adder &r) { r.add(static_cast<int>(s.size()) + *p); },
                   "abc", std::make_unique<int>(7), std::ref(a)),
             0);
    wg.wait();
    CHECK_EQ(a.sum, 14);
    CHECK_EQ(wg.go(f), 0);
    wg.wait();
    CHECK_EQ(a.sum, 114);
    CHECK_EQ(wg.go(twice, 3), 0);
    wg.wait();
}

/* A case of every kind, with and without a handler, of each form that a handler may have. */
TEST_GO(select_of_every_kind)
{
    gamp::chan<std::string> a(1), b(1);
    gamp::chan<void> v(1);
    std::string got;
    bool closed = false, more = true;
    int runs = 0;

    CHECK_EQ(gamp::select(gamp::on_recv(a), gamp::on_send(b, "text"), gamp::on_recv(v)), 1);
    CHECK_STR(b.recv()->c_str(), "text");
    CHECK_EQ(gamp::select(gamp::on_recv(a), gamp::otherwise([&] { runs++; })), 1);
    a.send("x");
    CHECK_EQ(gamp::select(gamp::on_recv(a, [&](std::optional<std::string> s) { got = s.value(); }),
                          gamp::on_time(GAMP_NEVER)),
             0);
    CHECK_STR(got.c_str(), "x");
    a.send("y");
    CHECK_EQ(gamp::select(gamp::on_recv(a, [&] { runs++; })), 0);
    a.close();
    CHECK_EQ(gamp::select(gamp::on_recv(a, [&](auto s) { closed = !s; })), 0);
    CHECK(closed);
    CHECK_EQ(gamp::select(gamp::on_send(v, [&] { runs++; }), gamp::on_recv(gamp::chan<int>())), 0);
    CHECK_EQ(gamp::select(gamp::on_recv(v, [&](bool m) { more = m; })), 0);
    CHECK(more);
    v.close();
    CHECK_EQ(gamp::select(gamp::on_recv(v, [&](bool m) { more = m; })), 0);
    CHECK(!more);
    CHECK_EQ(gamp::select(gamp::on_time(gamp::in(1ms), [&] { runs++; }),
                          gamp::on_recv(gamp::chan<int>())),
             0);
    CHECK_EQ(runs, 4);
}

TEST_GO(what_was_not_sent_stays)
{
    gamp::chan<std::string> c(1);
    std::string s = "long enough that it lies on the heap";

    CHECK_EQ(c.try_send(s), 0);
    CHECK_EQ(c.try_send(s), -EAGAIN);
    CHECK_EQ(c.try_send(std::move(s)), -EAGAIN);
    CHECK_EQ(s.size(), 36);
    CHECK_EQ(c.send_until(std::move(s), gamp::in(1ms)), -ETIMEDOUT);
    CHECK_EQ(s.size(), 36);
    c.close();
    CHECK_EQ(c.send_until(std::move(s), gamp::in(1ms)), -EPIPE);
    CHECK_EQ(s.size(), 36);
    CHECK_STR(c.recv()->c_str(), s.c_str());
}

/* All of it on a std::thread too, beside goroutines. */
TEST_GO(on_a_thread)
{
    gamp::chan<int> there(0), back(0);
    std::thread t([&] {
        int v = 1;
        gamp::waitgroup wg;

        CHECK_EQ(there.recv_until(v, gamp::in(1ms)), -ETIMEDOUT);
        CHECK_EQ(wg.go([=] { back.send(8); }), 0);
        CHECK_EQ(gamp::select(gamp::on_recv(back, [&](std::optional<int> r) { v = *r; }),
                              gamp::on_time(gamp::in(1h))),
                 0);
        CHECK_EQ(v, 8);
        wg.wait();
        there.send(9);
    });

    CHECK_EQ(*there.recv(), 9);
    t.join();
}

/* A handler may throw, panic and select; the case has run by then. */
TEST_GO(handlers_may_do_anything)
{
    gamp::chan<std::string> c(2);
    gamp::chan<int> bytes(1); /* what lies on the heap would be lost by a panic */
    gamp_panic_info info;

#ifdef __cpp_exceptions
    int caught = 0;

    c.send("a");
    try {
        gamp::select(gamp::on_recv(c, [](std::optional<std::string> s) { throw s.value(); }));
    } catch (const std::string &s) {
        caught += s == "a";
    }
    CHECK_EQ(caught, 1);
#endif
    bytes.send(1);
    CHECK_EQ(
        gamp::protect(
            [&] { gamp::select(gamp::on_recv(bytes, [] { gamp_panic("in a handler"); })); }, &info),
        -EFAULT);
    CHECK_STR(info.message, "in a handler");
    int inner = -1;
    CHECK_EQ(gamp::select(gamp::on_send(
                 c, "c", [&] { inner = gamp::select(gamp::on_recv(c), gamp::otherwise()); })),
             0);
    CHECK_EQ(inner, 0);
    CHECK_EQ(c.len(), 0);
}
