# SPDX-License-Identifier: BSD-3-Clause
"""Measures one case on one runtime: {figure's key: (value, unit)}.

Placement: with one P a program runs on one CPU; a server has CPU 0 and its client CPU 1. With two
Ps programs and servers may use every CPU, and a client still CPU 1.

System calls are counted in a run of their own, because counting costs time: by perf's tracepoint
raw_syscalls:sys_enter, which slows a call by a fraction of a microsecond; without perf by strace,
whose stops slow the server so much that its batches grow, and calls that are shared by a batch are
undercounted. Opening the connections is counted too: some six calls a connection over all the
requests."""

import os
import re
import shutil
import socket
import subprocess
import time

from .process import Failed, Server, figures, pinned, run

SERVER_CPU, CLIENT_CPU = 0, 1


class Measure:
    """Holds what all cases share: programs, lengths of runs, the directory served by HTTP."""

    def __init__(self, programs, options, scratch):
        self.programs, self.options, self.scratch = programs, options, scratch
        self.cpus = sorted(os.sched_getaffinity(0))
        self.root = os.path.join(scratch, "www")
        os.makedirs(self.root)
        os.chmod(scratch, 0o755)
        with open(os.path.join(self.root, "index.html"), "w") as f:
            f.write("<!doctype html>" + "x" * (1024 - 15))

    def has(self, case, peer):
        """Whether there is anything to measure."""
        if case.section == "http" and shutil.which("wrk") is None:
            return False
        if case.section == "http" and peer == "nginx":
            return shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin") is not None
        return "%s_%s" % (case.section, peer) in self.programs

    def case(self, case, peer, workers):
        """One run."""
        if case.section in ("micro", "block"):
            return self.program(case, peer, workers)
        if case.section == "echo":
            return self.echo(case, peer, workers)
        return self.http(case, peer, workers)

    def one(self, workers):
        """The CPUs of a program or server with that many Ps."""
        return {self.cpus[SERVER_CPU]} if workers == 1 else None

    def client_cpus(self):
        """The client's CPU."""
        return {self.cpus[CLIENT_CPU]} if len(self.cpus) > 1 else None

    def program(self, case, peer, workers):
        """micro and block: the program tells its figures itself."""
        path = self.programs["%s_%s" % (case.section, peer)]
        command = [path, "-w", str(workers), "-s", str(self.options.divisor), case.name]
        return figures(run(command, self.one(workers), self.options.limit))

    # --- echo ---

    def echo_client(self, case, server, requests):
        """The client's command."""
        return [self.programs["echo_client"], "-c", str(case.options["conns"]), "-n", str(requests),
                "-i", str(server.p.pid), str(server.port)]

    def echo(self, case, peer, workers):
        """Rate, latency and CPU, then system calls in a run of their own."""
        if workers > 1 and peer in ("st", "uv"):
            raise Failed("one worker")
        path, n = self.programs["echo_" + peer], self.options.requests
        with Server([path, "-w", str(workers)], self.one(workers)) as server:
            got = figures(run(self.echo_client(case, server, n), self.client_cpus()))
            client = self.echo_client(case, server, max(n // 2, 2 * case.options["conns"]))
            calls = count_syscalls(server, client, self.client_cpus())
            if calls is not None:
                got["syscalls"] = (calls / max(n // 2, 2 * case.options["conns"]), "calls/req")
        return got

    # --- http ---

    def http_server(self, peer, workers):
        """The server over the same directory."""
        if peer == "nginx":
            return self.nginx(workers)
        path, cpus = self.programs["http_" + peer], self.one(workers)
        if peer == "gamp":
            return Server([path, "-l", "127.0.0.1:0", self.root], cpus,
                          {"GAMPMAXPROCS": str(workers)})
        what = os.path.join(self.root, "index.html") if peer == "epoll" else self.root
        return Server([path, "-w", str(workers), what], cpus)

    def nginx(self, workers):
        """nginx with everything in the scratch directory; it cannot be given port 0."""
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        conf = os.path.join(self.scratch, "nginx.conf")
        temp = "".join("%s_temp_path %s/%s;" % (k, self.scratch, k)
                       for k in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;" if os.geteuid() == 0 else ""
        with open(conf, "w") as f:
            f.write(
                "daemon off; worker_processes %d; %s pid %s/nginx.pid; error_log %s/error.log;\n"
                "worker_rlimit_nofile 8192; events { worker_connections 4096; }\n"
                "http { access_log off; sendfile on; tcp_nopush on;\n"
                "  keepalive_requests 1000000000;\n"
                "  default_type text/html; %s\n"
                "  server { listen 127.0.0.1:%d backlog=4096; root %s; } }\n"
                % (workers, user, self.scratch, self.scratch, temp, port, self.root))
        nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        return Server([nginx, "-p", self.scratch, "-c", conf, "-e", self.scratch + "/error.log"],
                      self.one(workers), port=port)

    def http(self, case, peer, workers):
        """wrk for some seconds; CPU time of the server meanwhile; system calls apart."""
        with self.http_server(peer, workers) as server:
            wait_port(server.port)
            wrk = ["wrk", "-t1", "-c%d" % case.options["conns"], "--latency",
                   "http://127.0.0.1:%d/" % server.port]
            before = server.cpu_seconds()
            text = run(wrk[:1] + ["-d%ds" % self.options.seconds] + wrk[1:], self.client_cpus())
            used = server.cpu_seconds() - before
            got, requests = parse_wrk(text)
            got["server_cpu"] = (used * 1e6 / requests, "us/req")
            calls, requests = count_http(server, wrk, self.client_cpus())
            if calls is not None:
                got["syscalls"] = (calls / requests, "calls/req")
        return got


def wait_port(port):
    """Until the server accepts; a server that is not there after 10 s failed."""
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise Failed("server does not accept") from None
            time.sleep(0.02)


def parse_wrk(text):
    """Figures of wrk's report, and the number of requests."""
    unit = {"us": 1, "ms": 1e3, "s": 1e6}
    got = {}
    m = re.search(r"(\d+) requests in", text)
    if not m or "Non-2xx" in text:
        raise Failed("wrk: " + " ".join(text.split())[-120:])
    requests = int(m.group(1))
    got["rate"] = (float(re.search(r"Requests/sec:\s*([\d.]+)", text).group(1)), "req/s")
    for p in (50, 99):
        v = re.search(r"%d%%\s+([\d.]+)(us|ms|s)" % p, text)
        if v:
            got["latency_p%d" % p] = (float(v.group(1)) * unit[v.group(2)], "us")
    return got, requests


def count_http(server, wrk, cpus):
    """System calls of a second of wrk, and its requests; (None, 0) when they cannot be counted."""
    out = []
    calls = count_syscalls(server, wrk[:1] + ["-d1s"] + wrk[1:], cpus, out)
    if calls is None or not out:
        return None, 0
    return calls, parse_wrk(out[0])[1]


def count_syscalls(server, client, cpus, out=None):
    """System calls that the server's processes make while the client runs; None: no counter."""
    pids = ",".join(str(p) for p in server.pids())
    if perf_counts():
        command = ["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-p", pids, "--", *client]
        p = subprocess.run(command, capture_output=True, text=True, timeout=120,
                           preexec_fn=pinned(cpus))
        m = re.search(r"^(\d+),,raw_syscalls:sys_enter", p.stderr, re.M)
        if out is not None:
            out.append(p.stdout)
        return int(m.group(1)) if m and p.returncode == 0 else None
    if shutil.which("strace") is None:
        return None
    return count_by_strace(pids, client, cpus, out)


def count_by_strace(pids, client, cpus, out):
    """The same through ptrace; strace sums up when it is interrupted."""
    tracer = subprocess.Popen(["strace", "-c", "-f", "-p", pids], stderr=subprocess.PIPE, text=True)
    try:
        time.sleep(0.5)  # strace says nothing machine-readable when it has attached
        text = run(client, cpus)
    finally:
        tracer.terminate()
        report = tracer.communicate()[1]
    if out is not None:
        out.append(text)
    m = re.search(r"^\s*100\.00\s+[\d.]+\s+\d+\s+(\d+)", report, re.M)
    return int(m.group(1)) if m else None


def perf_counts():
    """Whether perf can count system calls here; asked once."""
    if not hasattr(perf_counts, "answer"):
        perf_counts.answer = False
        if shutil.which("perf"):
            p = subprocess.run(["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "true"],
                               capture_output=True, text=True)
            perf_counts.answer = re.search(r"^\d+,,raw_sys", p.stderr, re.M) is not None
    return perf_counts.answer
