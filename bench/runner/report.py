# SPDX-License-Identifier: BSD-3-Clause
"""Tables: medians with their spread, ratios, goals; and the machine they were measured on."""

import os
import platform
import re
import shutil
import statistics
import subprocess

SECTIONS = {
    "micro": "Scheduler, channels, timers",
    "block": "Foreign code",
    "echo": "TCP echo, 64 bytes",
    "http": "HTTP, a file of 1 KiB",
}
NAMES = {"gamp": "gamp", "go": "Go", "boost": "Boost.Fiber", "st": "State Threads",
         "epoll": "raw epoll", "uv": "libuv", "nginx": "nginx"}


def short(v):
    """A number with three significant digits, without exponents."""
    if abs(v) >= 100:
        return "%.0f" % v
    if abs(v) >= 10:
        return "%.1f" % v
    return "%.2f" % v


def cell(values):
    """Median, and the range when there were several."""
    if not values:
        return "-"
    text = short(statistics.median(values))
    if len(values) > 1:
        text += " (%s..%s)" % (short(min(values)), short(max(values)))
    return text


def median(values):
    """The median; None of nothing."""
    return statistics.median(values) if values else None


def judge(goal, own, others):
    """One goal in words, with what came out."""
    peer, bound = goal
    if peer is None:
        return "<= %s: %s" % (bound, "ok" if own <= bound else "**missed**")
    base = median(others.get(peer, []))
    if base is None:
        return ""
    if isinstance(bound, str):
        good, text = own <= base + float(bound), "%s of %s" % (bound, NAMES[peer])
        got = "%+.3f" % (own - base)
    else:
        good, text = own <= bound * base, "<= %s of %s" % (bound, NAMES[peer])
        got = "%.2f" % (own / base) if base else "-"
    return "%s: %s %s" % (text, got, "ok" if good else "**missed**")


class Results:
    """Values by (case, workers, figure, peer), in the order of the cases."""

    def __init__(self, clock="wall"):
        self.clock = clock
        self.values = {}
        self.units = {}
        self.failures = {}

    def add(self, case, workers, peer, got):
        for key, (value, unit) in got.items():
            self.values.setdefault((case.name, workers, key), {}).setdefault(peer, []).append(value)
            self.units[(case.name, key)] = unit

    def fail(self, case, workers, peer, why):
        self.failures[(case.name, workers, peer)] = why

    def rows(self, cases, section):
        """(figure, workers, {peer: values}) of a section."""
        for case in cases:
            if case.section != section:
                continue
            for figure in case.figures:
                for workers in case.workers:
                    values = self.chosen(case, workers, figure)
                    if values:
                        yield case, figure, workers, values

    def chosen(self, case, workers, figure):
        """{peer: values} by the clock asked for: CPU time where one CPU does all the work."""
        key = (case.name, workers, figure.key)
        by_cpu = key[:2] + (figure.key + ".cpu",)
        if self.clock == "cpu" and workers == 1 and "timers" not in case.name:
            return self.values.get(by_cpu) or self.values.get(key)
        return self.values.get(key)

    def table(self, cases, section):
        """A section's table as Markdown; empty when nothing was measured."""
        rows = list(self.rows(cases, section))
        if not rows:
            return ""
        peers = [p for p in NAMES if p != "gamp" and any(p in r[3] for r in rows)]
        head = ["workload", "P", "unit", "gamp"] + [NAMES[p] for p in peers]
        head += ["gamp/" + NAMES[p] for p in peers] + ["goal"]
        lines = ["| " + " | ".join(head) + " |", "|---|---|---|" + "---|" * (len(head) - 3)]
        for case, figure, workers, values in rows:
            own = median(values.get("gamp", []))
            line = [figure.label, str(workers), self.units[(case.name, figure.key)]]
            line += [self.shown(case, workers, values, p) for p in ["gamp"] + peers]
            for p in peers:
                base = median(values.get(p, []))
                line.append("%.2f" % (own / base) if own is not None and base else "-")
            goals = figure.goals if own is not None and workers in figure.goal_workers else []
            line.append("; ".join(filter(None, (judge(g, own, values) for g in goals))))
            lines.append("| " + " | ".join(line) + " |")
        return "\n".join(lines)

    def shown(self, case, workers, values, peer):
        if peer in values:
            return cell(values[peer])
        return "fail" if (case.name, workers, peer) in self.failures else "-"

    def markdown(self, cases):
        """All tables, then what failed."""
        parts = []
        for section, title in SECTIONS.items():
            table = self.table(cases, section)
            if table:
                parts.append("## %s\n\n%s\n" % (title, table))
        failed = ["- %s, %d P, %s: %s" % (k[0], k[1], NAMES[k[2]], why)
                  for k, why in sorted(self.failures.items())]
        if failed:
            parts.append("## Failed\n\n%s\n" % "\n".join(failed))
        return "\n".join(parts)


def first_line(command):
    """The first line a command prints; empty when it is not there."""
    if shutil.which(command[0], path=os.environ["PATH"] + ":/usr/sbin") is None:
        return ""
    env = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin")
    p = subprocess.run(command, capture_output=True, text=True, env=env)
    return ((p.stdout or p.stderr).strip().splitlines() or [""])[0]


def package(name):
    """A Debian package's version."""
    version = first_line(["dpkg-query", "-W", "-f", "${Version}", name])
    return "" if "no packages found" in version else version


def machine():
    """The machine and the versions, as a Markdown list."""
    with open("/proc/cpuinfo") as f:
        cpuinfo = f.read()
    model = re.search(r"^(?:model name|CPU part)\s*:\s*(.*)$", cpuinfo, re.M)
    with open("/proc/meminfo") as f:
        memory = int(re.search(r"MemTotal:\s*(\d+)", f.read()).group(1)) // 1024
    lines = [
        "CPU: %s, %d in use, %s" % (model.group(1) if model else "unknown",
                                    len(os.sched_getaffinity(0)), platform.machine()),
        "virtual machine: " + ("yes" if " hypervisor" in cpuinfo else "not told"),
        "memory: %d MiB" % memory,
        "kernel: Linux " + platform.release().split("-")[0],
        "compiler: " + first_line(["gcc", "--version"]),
        "Go: " + first_line(["go", "version"]).replace("go version ", ""),
    ]
    for label, name in (("Boost", "libboost-fiber1.74-dev"), ("State Threads", "libst-dev"),
                        ("libuv", "libuv1-dev"), ("nginx", "nginx"), ("wrk", "wrk")):
        version = package(name)
        if version:
            lines.append("%s: %s" % (label, version))
    return "\n".join("- " + s for s in lines)
