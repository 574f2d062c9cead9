// SPDX-License-Identifier: BSD-3-Clause
// boost_micro: the scheduler benchmarks on Boost.Fiber; the shapes are those of ../gamp_micro.c.
// One worker: the round robin that is Boost's default. Several: its work stealing, idle threads
// suspended.
// Stacks are Boost's default. A buffered channel of 128 slots holds 127 items; there is no select.
#include "../bench.h"

#include <boost/fiber/all.hpp>
#include <boost/fiber/algo/work_stealing.hpp>
#include <thread>
#include <vector>

namespace fibers = boost::fibers;

namespace
{

constexpr std::size_t slots = 128;
constexpr int rounds = 10;
constexpr std::int64_t nap = 50000000;
using unbuffered = fibers::unbuffered_channel<std::int64_t>;
using channel = fibers::buffered_channel<std::int64_t>;

// A waitgroup: fewer operations than joining each fiber, and the same as Go's and gamp's side does.
class group
{
  public:
    explicit group(int n) : left_(n)
    {
    }

    void done()
    {
        if (left_.fetch_sub(1) == 1) {
            std::lock_guard<fibers::mutex> lock(mutex_);
            zero_ = true;
            cond_.notify_all();
        }
    }

    void wait()
    {
        std::unique_lock<fibers::mutex> lock(mutex_);
        cond_.wait(lock, [this] { return zero_; });
    }

  private:
    std::atomic<int> left_;
    bool zero_ = false;
    fibers::mutex mutex_;
    fibers::condition_variable cond_;
};

template <typename F> void go(F &&f)
{
    fibers::fiber(fibers::launch::post, std::forward<F>(f)).detach();
}

void spawn_1m()
{
    int n = bench_scaled(1000000);
    group g(n);
    bench_span s = bench_begin();
    for (int i = 0; i < n; i++)
        go([&g] { g.done(); });
    g.wait();
    bench_end_ns("spawn_1m", s, n);
}

void spawn_batch()
{
    int batches = bench_scaled(2000), each = 1000;
    bench_span s = bench_begin();
    for (int b = 0; b < batches; b++) {
        group g(each);
        for (int i = 0; i < each; i++)
            go([&g] { g.done(); });
        g.wait();
    }
    bench_end_ns("spawn_batch", s, (double)batches * each);
}

void yield_among(const char *name, int k, int each)
{
    group g(k);
    bench_span s = bench_begin();
    for (int i = 0; i < k; i++)
        go([&g, each] {
            for (int j = 0; j < each; j++)
                boost::this_fiber::yield();
            g.done();
        });
    g.wait();
    bench_end_ns(name, s, (double)k * each);
}

void yield2()
{
    yield_among("yield2", 2, bench_scaled(2000000));
}

void yield1000()
{
    yield_among("yield1000", 1000, bench_scaled(4000));
}

void pingpong()
{
    int n = bench_scaled(2000000);
    group g(2);
    unbuffered a, b;
    bench_span s = bench_begin();
    go([&] {
        for (int i = 0; i < n; i++)
            b.push(a.value_pop());
        g.done();
    });
    go([&] {
        for (int i = 0; i < n; i++) {
            a.push(i);
            b.value_pop();
        }
        g.done();
    });
    g.wait();
    bench_end_ns("pingpong", s, 2.0 * n);
}

void buffered(const char *name, int pairs, int each)
{
    group g(2 * pairs);
    channel c(slots);
    bench_span s = bench_begin();
    for (int i = 0; i < pairs; i++) {
        go([&, each] {
            for (int j = 0; j < each; j++)
                c.push(j);
            g.done();
        });
        go([&, each] {
            for (int j = 0; j < each; j++)
                c.value_pop();
            g.done();
        });
    }
    g.wait();
    bench_end_ns(name, s, (double)pairs * each);
}

void buf11()
{
    buffered("buf11", 1, bench_scaled(8000000));
}

void buf44()
{
    buffered("buf44", 4, bench_scaled(2000000));
}

void mutex8()
{
    int each = bench_scaled(2000000);
    std::int64_t counter = 0;
    group g(8);
    fibers::mutex m;
    bench_span s = bench_begin();
    for (int i = 0; i < 8; i++)
        go([&] {
            for (int j = 0; j < each; j++) {
                m.lock();
                ++counter;
                m.unlock();
            }
            g.done();
        });
    g.wait();
    bench_end_ns("mutex8", s, 8.0 * each);
    if (counter != 8 * (std::int64_t)each)
        bench_die("mutex8: wrong count");
}

void skynet_node(unbuffered &up, std::int64_t num, std::int64_t size)
{
    std::int64_t sum = 0;
    if (size == 1) {
        up.push(num);
        return;
    }
    // Shared: a child may still be inside push when the parent has popped its value.
    auto c = std::make_shared<unbuffered>();
    for (int i = 0; i < 10; i++)
        go([c, num, size, i] { skynet_node(*c, num + i * (size / 10), size / 10); });
    for (int i = 0; i < 10; i++)
        sum += c->value_pop();
    up.push(sum);
}

void skynet()
{
    std::int64_t leaves = 1;
    while (leaves * 10 <= bench_scaled(1000000))
        leaves *= 10;
    unbuffered c;
    bench_span s = bench_begin();
    go([&c, leaves] { skynet_node(c, 0, leaves); });
    std::int64_t sum = c.value_pop();
    bench_end_ms("skynet", s);
    if (sum != leaves * (leaves - 1) / 2)
        bench_die("skynet: wrong sum");
}

void sieve()
{
    int n = bench_scaled(2000);
    std::int64_t prime = 0;
    unbuffered *c = new unbuffered; // never freed: the filters stay parked to the end
    bench_span s = bench_begin();
    go([c] {
        for (std::int64_t i = 2;; i++)
            c->push(i);
    });
    for (int i = 0; i < n; i++) {
        prime = c->value_pop();
        unbuffered *next = new unbuffered;
        go([c, next, prime] {
            for (;;) {
                std::int64_t v = c->value_pop();
                if (v % prime != 0)
                    next->push(v);
            }
        });
        c = next;
    }
    bench_end_ms("sieve", s);
    if (n == 2000 && prime != 17389)
        bench_die("sieve: wrong prime");
    _exit(0);
}

void park(const char *name, int n)
{
    group up(n), down(n);
    unbuffered gate;
    long rss = bench_status("VmRSS:"), pte = bench_status("VmPTE:");
    bench_span s = bench_begin();
    for (int i = 0; i < n; i++)
        go([&] {
            std::int64_t v;
            up.done();
            gate.pop(v);
            down.done();
        });
    up.wait();
    bench_end_ms(name, s);
    bench_print(name, ".rss", (double)(bench_status("VmRSS:") - rss) * 1024 / n, "B");
    bench_print(name, ".pagetables", (double)(bench_status("VmPTE:") - pte) * 1024 / n, "B");
    std::int64_t t = bench_now();
    gate.close();
    down.wait();
    bench_print(name, ".wake", (double)(bench_now() - t) / 1e6, "ms");
}

void park100k()
{
    park("park100k", bench_scaled(100000));
}

void park1m()
{
    park("park1m", bench_scaled(1000000));
}

void timers(const char *name, int n)
{
    group g(n);
    std::vector<std::int64_t> late((std::size_t)n * rounds, 1);
    bench_span s = bench_begin();
    for (int i = 0; i < n; i++)
        go([&late, &g, i] {
            for (int j = 0; j < rounds; j++) {
                std::int64_t t = bench_now();
                boost::this_fiber::sleep_for(std::chrono::nanoseconds(nap));
                late[(std::size_t)i * rounds + j] = bench_now() - t - nap;
            }
            g.done();
        });
    g.wait();
    bench_end_ms(name, s);
    bench_percentiles(name, ".late", late.data(), late.size(), 1e6, "ms");
}

void timers10k()
{
    timers("timers10k", bench_scaled(10000));
}

void timers100k()
{
    timers("timers100k", bench_scaled(100000));
}

const bench_job jobs[] = {
    {"spawn_1m", spawn_1m},   {"spawn_batch", spawn_batch}, {"yield2", yield2},
    {"yield1000", yield1000}, {"pingpong", pingpong},       {"buf11", buf11},
    {"buf44", buf44},         {"mutex8", mutex8},           {"skynet", skynet},
    {"sieve", sieve},         {"park100k", park100k},       {"park1m", park1m},
    {"timers10k", timers10k}, {"timers100k", timers100k},
};

// Work stealing counts threads up to their number, so all must have joined before a fiber runs.
void helper_thread(unsigned workers, bool *over, fibers::mutex *m, fibers::condition_variable *end)
{
    fibers::use_scheduling_algorithm<fibers::algo::work_stealing>(workers, true);
    std::unique_lock<fibers::mutex> lock(*m);
    end->wait(lock, [over] { return *over; });
}

} // namespace

int main(int argc, char **argv)
{
    int first = bench_options(argc, argv);
    unsigned workers = (unsigned)bench_workers;
    if (workers == 1)
        return bench_jobs(jobs, sizeof jobs / sizeof jobs[0], argc, argv, first);

    bool over = false;
    fibers::mutex m;
    fibers::condition_variable end;
    std::vector<std::thread> threads;
    for (unsigned i = 1; i < workers; i++)
        threads.emplace_back(helper_thread, workers, &over, &m, &end);
    fibers::use_scheduling_algorithm<fibers::algo::work_stealing>(workers, true);
    int r = bench_jobs(jobs, sizeof jobs / sizeof jobs[0], argc, argv, first);
    {
        std::lock_guard<fibers::mutex> lock(m);
        over = true;
    }
    end.notify_all();
    for (std::thread &t : threads)
        t.join();
    return r;
}
