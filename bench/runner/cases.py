# SPDX-License-Identifier: BSD-3-Clause
"""What is measured: each case, its peers, its figures, and what gamp is to reach.

A goal compares gamp with one peer's figure of the same run: ("go", 0.25) means at most 0.25 of
Go's, ("epoll", "+0.05") at most 0.05 more than raw epoll's, (None, 10) at most 10 in the figure's
own unit."""

from dataclasses import dataclass, field


@dataclass
class Figure:
    """One row of a table."""
    key: str                      # the program's name for it
    label: str
    goals: list = field(default_factory=list)
    better: str = "less"          # or "more", or "" for one that is only told
    goal_workers: tuple = (1, 2)  # with how many Ps the goals are meant


@dataclass
class Case:
    """One program run, giving several figures."""
    section: str                  # micro, block, echo, http
    name: str
    workers: tuple
    peers: tuple
    figures: list
    options: dict = field(default_factory=dict)


THREADED = ("go", "boost")
ALL = ("go", "boost", "st")
ONE = (1,)


def rate(name, label, goals=(), workers=(1, 2), peers=ALL, goal_workers=(1, 2)):
    """A case whose figure is nanoseconds an operation, or milliseconds in all."""
    figure = Figure(name, label, list(goals), "less", goal_workers)
    return Case("micro", name, workers, peers, [figure])


def timers(name, label, goals):
    """Sleepers: time, CPU and how late they wake."""
    cpu, late = goals
    return Case("micro", name, (1, 2), ALL, [
        Figure(name, label + ": wall", []),
        Figure(name + ".cpu", label + ": CPU", cpu),
        Figure(name + ".late_p50", label + ": late, p50"),
        Figure(name + ".late_p99", label + ": late, p99", late),
    ])


def park(name, label):
    """Goroutines that wait: their start, their memory, their end."""
    return Case("micro", name, ONE, ALL, [
        Figure(name, label + ": start all"),
        Figure(name + ".rss", label + ": resident, each"),
        Figure(name + ".pagetables", label + ": page tables, each"),
        Figure(name + ".wake", label + ": wake all"),
    ])


MICRO = [
    rate("spawn_1m", "spawn 1M at once", [("go", 0.3)], goal_workers=ONE),
    rate("spawn_batch", "spawn and join, batches of 1000", [("go", 0.3)], goal_workers=ONE),
    rate("yield2", "yield, 2 goroutines", [("go", 0.25)], workers=ONE),
    rate("yield1000", "yield, 1000 goroutines", [("go", 0.25)], goal_workers=ONE),
    rate("pingpong", "unbuffered channel, one-way message", [("go", 0.35)]),
    rate("buf11", "buffered channel (128), 1:1, item", [("go", 0.4)]),
    rate("buf44", "buffered channel (128), 4:4, item", [("go", 0.4)]),
    rate("select2", "select over 2 channels, item", [("go", 0.4)], peers=("go",)),
    rate("mutex8", "mutex, 8 goroutines", [("go", 0.7)]),
    rate("skynet", "skynet of 1M", [("go", 0.35)]),
    rate("sieve", "sieve of 2000 primes", [("go", 0.5)]),
    park("park100k", "100k parked"),
    park("park1m", "1M parked"),
    timers("timers10k", "10k sleepers of 50 ms x 10", ([], [])),
    timers("timers100k", "100k sleepers of 50 ms x 10", ([("go", 0.5)], [("go", 1.0)])),
]

BLOCK = [
    Case("block", "hint", ONE, ("go",), [
        Figure("hint", "hint pair; Go: empty cgo call", [("go", 0.2), (None, 10)])]),
    Case("block", "unhinted", ONE, ("go",), [
        Figure("unhinted.seen", "blocking call: others ran during it", better="more"),
        Figure("unhinted_p50", "blocking call, until others run: p50", [("go", 0.1), (None, 1)]),
        Figure("unhinted_p99", "blocking call, until others run: p99")]),
    Case("block", "thread_echo", (2,), ("go",), [
        Figure("thread_echo_p50", "plain thread's echo among 4 spinning: p50", [("go", 0.1)]),
        Figure("thread_echo_p99", "plain thread's echo among 4 spinning: p99", [("go", 0.1)])]),
    Case("block", "preempt10", ONE, ("go",), [
        Figure("preempt10", "work lost to preemption, 10 ms slices", [(None, 1)]),
        Figure("preempt10.rate", "preemptions", better="")]),
    Case("block", "preempt1", ONE, ("go",), [
        Figure("preempt1", "work lost to preemption beside a 1 ms ticker"),
        Figure("preempt1.rate", "preemptions beside a 1 ms ticker", better="")]),
    Case("block", "preempt_switch", ONE, ("go",), [
        Figure("preempt_switch_p50", "from a stopped hog to the next: p50"),
        Figure("preempt_switch_p99", "from a stopped hog to the next: p99")]),
    Case("block", "blocked1000", ONE, ("go",), [
        Figure("blocked1000", "1000 blocked in read(2): start all"),
        Figure("blocked1000.threads", "1000 blocked in read(2): threads"),
        Figure("blocked1000.rss", "1000 blocked in read(2): resident, each")]),
]


def echo(conns):
    """The echo server at so many connections."""
    name, label = "echo%d" % conns, "echo, %d connections: " % conns
    return Case("echo", name, (1, 2), ("epoll", "go", "st", "uv"), [
        Figure("rate", label + "rate", better="more"),
        Figure("server_cpu", label + "server CPU", [("epoll", 1.05)], goal_workers=ONE),
        Figure("latency_p50", label + "p50"),
        Figure("latency_p99", label + "p99"),
        Figure("syscalls", label + "system calls", [("epoll", "+0.05")], goal_workers=ONE),
        Figure("client_busy", label + "client's CPU", better=""),
    ], {"conns": conns})


def http(conns):
    """The file servers at so many connections."""
    name, label = "http%d" % conns, "HTTP, %d connections: " % conns
    return Case("http", name, (1, 2), ("epoll", "go", "nginx"), [
        Figure("rate", label + "rate", better="more"),
        Figure("server_cpu", label + "server CPU", [("go", 0.5), ("nginx", 1.0)], goal_workers=ONE),
        Figure("latency_p50", label + "p50"),
        Figure("latency_p99", label + "p99"),
        Figure("syscalls", label + "system calls"),
    ], {"conns": conns})


CASES = MICRO + BLOCK + [echo(64), echo(1000), http(64), http(1000)]
