# SPDX-License-Identifier: BSD-3-Clause
"""A raw HTTP client and a server under test: bytes are sent as a test writes them, and what comes
back is read strictly. Every wait has a limit."""
import os
import re
import resource
import shlex
import signal
import socket
import subprocess
import tempfile
import time

FACTOR = max(1, int(os.environ.get("TEST_TIMEOUT") or 1))  # slow builds and emulators
LIMIT = 10 * FACTOR  # of one wait
EMULATOR = shlex.split(os.environ.get("TEST_EMULATOR", ""))


class Failure(Exception):
    pass


def check(condition, *what):
    if not condition:
        raise Failure(" ".join(str(w) for w in what) or "check failed")


def eventually(condition, what="condition"):
    """Asks until it is true; for what happens in another process."""
    end = time.monotonic() + LIMIT
    while not condition():
        check(time.monotonic() < end, "never:", what)
        time.sleep(0.005)


class Response:
    def __init__(self, status, reason, fields, body):
        self.status, self.reason, self.fields, self.body = status, reason, fields, body

    def __getitem__(self, name):
        values = [v for n, v in self.fields if n.lower() == name.lower()]
        check(len(values) <= 1, name, "given", len(values), "times")
        return values[0] if values else None

    def __repr__(self):
        return f"{self.status} {self.fields} {self.body[:100]!r}"


class Connection:
    def __init__(self, port, timeout=LIMIT):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def get(self, path, method="GET", version="1.1", body=b"", **fields):
        """Sends a request; fields like If_None_Match=... become lines."""
        lines = [f"{method} {path} HTTP/{version}"]
        if "Host" not in fields:
            lines.append("Host: test")
        lines += [f"{n.replace('_', '-')}: {v}" for n, v in fields.items() if v is not None]
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)

    def fill(self):
        data = self.socket.recv(1 << 16)
        self.buffer += data
        return bool(data)

    def line(self):
        while b"\r\n" not in self.buffer:
            check(self.fill(), "the stream ended within a head:", self.buffer)
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        check(b"\n" not in line and b"\r" not in line, "bare CR or LF:", line)
        return line.decode("latin-1")

    def take(self, n):
        while len(self.buffer) < n:
            check(self.fill(), f"the stream ended {n - len(self.buffer)} bytes too soon")
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def read(self, head=False):
        """One response; head: to a HEAD request."""
        m = re.fullmatch(r"HTTP/1\.1 (\d\d\d) (.*)", self.line())
        check(m, "no status line")
        fields = []
        while line := self.line():
            name, colon, value = line.partition(":")
            check(colon and re.fullmatch(r"[A-Za-z-]+", name), "bad field:", line)
            fields.append((name, value.strip(" \t")))
        r = Response(int(m[1]), m[2], fields, b"")
        if 200 <= r.status < 500:
            check(r["Date"], "no Date")
        if r.status >= 200 and r.status != 304 and not head:
            check(r["Content-Length"], "no Content-Length")
            r.body = self.take(int(r["Content-Length"]))
        return r

    def ask(self, path, method="GET", **fields):
        self.get(path, method, **fields)
        return self.read(method == "HEAD")

    def ended(self):
        """Has the server closed, without another byte?"""
        check(not self.buffer, "unexpected:", self.buffer[:200])
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()


class Server:
    """The program under test over a directory of its own."""

    program = None

    def __init__(self, *flags, root=None, files=None, descriptors=None, environment=None):
        self.directory = None
        if root is None:
            self.directory = tempfile.TemporaryDirectory(prefix="httpd-")
            root = self.directory.name + "/root"
            os.mkdir(root)
        self.root = root
        for name, content in (files or {}).items():
            self.write(name, content)
        # A file is kept in memory once its last change is some time ago.
        self.stdout = tempfile.TemporaryFile()
        self.stderr = tempfile.TemporaryFile()

        def limit():
            if descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, descriptors)

        self.process = subprocess.Popen(
            [*EMULATOR, self.program, "-l", "127.0.0.1:0", *flags, root], stdin=subprocess.DEVNULL,
            stdout=self.stdout, stderr=self.stderr, preexec_fn=limit,
            env={**os.environ, **(environment or {})})
        try:
            eventually(lambda: b"\n" in self.output() or self.process.poll() is not None, "start")
            m = re.match(rb"listening on http://127\.0\.0\.1:(\d+)/\n", self.output())
            check(m, "first line:", self.output(), self.errors())
            self.port = int(m[1])
        except BaseException:
            self.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.stop()
        finally:
            self.kill()

    def write(self, name, content=b""):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(content)
        return path

    def path(self, name):
        return os.path.join(self.root, name)

    def output(self):
        return os.pread(self.stdout.fileno(), 1 << 24, 0)

    def errors(self):
        return os.pread(self.stderr.fileno(), 1 << 20, 0)

    def connect(self, **options):
        return Connection(self.port, **options)

    def ask(self, path, method="GET", **fields):
        with self.connect() as c:
            return c.ask(path, method, **fields)

    def raw(self, data):
        """All the server says to these bytes, to the end; it must close by itself."""
        with self.connect() as c:
            c.send(data)
            try:
                while c.fill():
                    pass
            except ConnectionResetError:
                pass
            return c.buffer

    def cpu(self):
        """Seconds of CPU so far."""
        with open(f"/proc/{self.process.pid}/stat") as f:
            words = f.read().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def term(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self, seconds=LIMIT):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"the server still ran after {seconds} s") from None

    def stop(self):
        """Ends it in good order; what it has to say about errors fails the test."""
        self.term()
        status = self.wait()
        check(status == 0, "exit status", status, self.errors().decode("utf-8", "replace"))
        check(self.errors() == b"", "stderr:", self.errors().decode("utf-8", "replace"))

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.stdout.close()
        self.stderr.close()
        if self.directory:
            self.directory.cleanup()
