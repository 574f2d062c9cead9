# SPDX-License-Identifier: BSD-3-Clause
"""Starting programs, on chosen CPUs and with a time limit, and ending them again."""

import os
import signal
import subprocess
import time


class Failed(Exception):
    """A program that gave no figures, with the reason in one line."""


def pinned(cpus):
    """What a child does before exec to stay on those CPUs; None: all of them."""
    def apply():
        if cpus is not None:
            os.sched_setaffinity(0, cpus)
    return apply


def run(command, cpus=None, limit=120, env=None):
    """Runs a command to its end; its standard output, or Failed."""
    try:
        p = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                           timeout=limit, preexec_fn=pinned(cpus),
                           env=dict(os.environ, **(env or {})))
    except subprocess.TimeoutExpired:
        raise Failed("timeout after %d s" % limit) from None
    except OSError as e:
        raise Failed(str(e)) from None
    if p.returncode != 0:
        last = (p.stderr.strip().splitlines() or ["no message"])[-1]
        raise Failed("exit %d: %s" % (p.returncode, last))
    return p.stdout


def figures(text):
    """{name: (value, unit)} of lines "NAME VALUE UNIT"."""
    out = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3:
            out[words[0]] = (float(words[1]), words[2])
    return out


class Server:
    """A server that tells its port on its first line; ended at the end of the with block."""

    def __init__(self, command, cpus=None, env=None, port=None, log=None):
        self.command, self.cpus, self.env, self.port, self.log = command, cpus, env, port, log

    def __enter__(self):
        try:
            self.p = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, text=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                      preexec_fn=pinned(self.cpus),
                                      env=dict(os.environ, **(self.env or {})))
        except OSError as e:
            raise Failed(str(e)) from None
        if self.port is None:
            line = self.p.stdout.readline().strip().rstrip("/")
            digits = line.replace(":", " ").split()[-1:] or [""]
            if not digits[0].isdigit():
                self.__exit__(None, None, None)
                raise Failed("server did not start: %r" % line)
            self.port = int(digits[0])
        return self

    def __exit__(self, *unused):
        if self.p.poll() is None:
            self.p.send_signal(signal.SIGTERM)
            try:
                self.p.wait(5)
            except subprocess.TimeoutExpired:
                self.p.kill()
                self.p.wait()
        self.p.stdout.close()

    def pids(self):
        """The server's process and its children (nginx has workers)."""
        pids = [self.p.pid]
        try:
            with open("/proc/%d/task/%d/children" % (self.p.pid, self.p.pid)) as f:
                pids += [int(w) for w in f.read().split()]
        except OSError:
            pass
        return pids

    def cpu_seconds(self):
        """CPU time of all its processes, by the kernel's nanosecond clock of each."""
        return sum(time.clock_gettime((~pid << 3) | 2) for pid in self.pids())
