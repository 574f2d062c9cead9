# SPDX-License-Identifier: BSD-3-Clause
"""The load generator against the server: what one counts the other does too."""
import os
import re
import socket
import subprocess

from client import EMULATOR, FACTOR, Server, check

FILES = {"f": b"the file\n", "big": bytes(100000)}


def load(*arguments):
    program = os.path.join(os.path.dirname(Server.program), "httpload")
    return subprocess.run([*EMULATOR, program, *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=30 * FACTOR)


def test_load():
    for connections, pipeline, path in (("1", "1", "f"), ("50", "1", "f"), ("20", "16", "f"),
                                        ("5", "4", "big"), ("5", "1", "nope")):
        with Server("-s", files=FILES) as s:
            seconds, requests = 0.3, 0
            while not requests:  # on a busy machine the time may be over before the first
                p = load("-c", connections, "-p", pipeline, "-d", str(seconds),
                         f"http://127.0.0.1:{s.port}/{path}")
                requests = int(re.search(r"^(\d+) requests in ", p.stdout, re.M)[1])
                check(p.returncode == (0 if requests else 1) and p.stderr == "", p)
                seconds *= 2
            latency = re.search(r"p50 ([\d.]+) ms, p90 ([\d.]+) ms, p99 ([\d.]+) ms, "
                                r"max ([\d.]+) ms", p.stdout)
            values = [float(v) for v in latency.groups()]
            check(values == sorted(values) and values[0] > 0, p.stdout)
            check(("Non-2xx" in p.stdout) == (path == "nope"), p.stdout)
            check("Socket errors" not in p.stdout, p.stdout)
            s.stop()
            served = int(re.search(rb"^requests (\d+)$", s.output(), re.M)[1])
            check(served == requests > 0, served, requests)


def load_closing(seconds, wanted):
    """Loads a server that ends each connection after its answer, and itself after so many."""
    program = os.path.join(os.path.dirname(Server.program), "httpload")
    served = 0
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0.1)
        p = subprocess.Popen([*EMULATOR, program, "-c", "1", "-d", str(seconds),
                              f"http://127.0.0.1:{other.getsockname()[1]}/"],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        while served < wanted and p.poll() is None:
            try:
                c, _ = other.accept()
            except socket.timeout:
                continue
            with c:
                c.settimeout(10 * FACTOR)
                if c.recv(1000):
                    c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
                              b"Connection: close\r\n\r\nok")
                    served += 1
    text = p.communicate(timeout=30 * FACTOR)[0]
    check(p.returncode == (0 if served else 1) and f"{served} requests in" in text, text)
    return text


def test_load_reconnects():
    seconds, text = 1, ""
    while "Socket errors: connect" not in text:  # on a busy machine the time may be over before
        text = load_closing(seconds, 20)
        seconds *= 2
    check("20 requests in" in text, text)


def test_load_usage():
    for arguments in ((), ("-c", "0", "http://a/"), ("-d", "x", "http://a/"), ("https://a/",),
                      ("-p", "5000", "http://a/"), ("-z", "http://a/"), ("http:///",),
                      ("http://a/ b",)):
        p = load(*arguments)
        check(p.returncode == 2 and p.stdout == "" and p.stderr.count("\n") == 1, arguments, p)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))  # bound, but nobody listens; tried at least once
        p = load("-d", "0.01", "-c", "1", f"http://127.0.0.1:{s.getsockname()[1]}/")
        check(p.returncode == 1 and "Socket errors: connect" in p.stdout, p)
