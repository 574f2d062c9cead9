# SPDX-License-Identifier: BSD-3-Clause
"""Starting, limits of time and of descriptors, clients that misbehave, and the end."""
import os
import re
import resource
import signal
import socket
import subprocess
import threading
import time

from client import EMULATOR, FACTOR, Connection, Failure, Server, check, eventually

# big is more than sockets hold.
FILES = {"f": b"the file\n", "mid": bytes(100000), "big": bytes(range(256)) * 40000}


def run(*arguments):
    return subprocess.run([*EMULATOR, Server.program, *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=10 * FACTOR)


def test_bad_usage():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for arguments, status in (
                ([], 2), (["/", "/"], 2), (["-x", "/"], 2), (["-l"], 2), (["-t", "/"], 2),
                (["-t", "0", "/"], 2), (["-t", "x", "/"], 2), (["-k", "-1", "/"], 2),
                (["-k", "1e99", "/"], 2), (["--verbose", "/"], 2), (["/nonexistent-root"], 2),
                (["-l", f"127.0.0.1:{port}", "/"], 1), (["-l", "127.0.0.1:99999", "/"], 1),
                (["-l", "127.0.0.1", "/"], 1), (["-l", "192.0.2.1:0", "/"], 1)):
            p = run(*arguments)
            check(p.returncode == status and p.stdout == b"", arguments, p)
            check(re.fullmatch(rb"httpd: [^\n]+\n", p.stderr), arguments, p)


def test_listens_where_it_is_told():
    for where, family, first in (("127.0.0.2:0", socket.AF_INET, "127.0.0.2"),
                                 ("localhost:0", None, None), (":0", None, None),
                                 ("[::1]:0", socket.AF_INET6, "[::1]")):
        if family == socket.AF_INET6 and not os.path.exists("/proc/net/if_inet6"):
            continue
        if where.startswith("localhost") and not os.path.exists("/etc/hosts"):
            continue
        with Server(files=FILES) as other:
            p = subprocess.Popen([*EMULATOR, Server.program, "-l", where, other.root],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
            try:
                m = re.fullmatch(r"listening on http://(.*):(\d+)/\n", p.stdout.readline())
                check(m and (first is None or m[1] == first), where, m)
                host = m[1].strip("[]") if first else "localhost"
                with socket.create_connection((host, int(m[2])), timeout=10 * FACTOR) as c:
                    c.sendall(b"GET /f HTTP/1.0\r\n\r\n")
                    check(c.recv(15) == b"HTTP/1.1 200 OK", where)
                p.terminate()
                check(p.wait(10 * FACTOR) == 0, where)
            finally:
                p.kill()
                p.wait()
                p.stdout.close()


def test_access_log():
    line = (rb'127\.0\.0\.1 - - \[\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d \+0000\] "([^"]*)"'
            rb" (\d\d\d) (\d+)")
    with Server("-a", files=FILES) as s:

        def client(i):
            with s.connect() as c:
                for k in range(100):
                    c.ask(f"/f?{i}-{k}")

        threads = [threading.Thread(target=client, args=(i,)) for i in range(10)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        with s.connect() as c:
            c.ask("/nope", "HEAD")
            c.ask("/f", Range="bytes=0-1")
            c.ask('/"\xe9\\')
        s.raw(b"G\x01\r\n\r\n")
        s.raw(b"\x16\x03")
        eventually(lambda: s.output().count(b"\n") == 1 + 1005, "lines while the server runs")
        lines = s.output().splitlines()[1:]
        parsed = [re.fullmatch(line, each) for each in lines]
        check(all(parsed), [each for each, m in zip(lines, parsed) if not m][:3])
        got = sorted(m.groups() for m in parsed)
        wanted = [(b"GET /f?%d-%d HTTP/1.1" % (i, k), b"200", b"9") for i in range(10)
                  for k in range(100)]
        wanted += [(b"HEAD /nope HTTP/1.1", b"404", b"0"), (b"GET /f HTTP/1.1", b"206", b"2"),
                   (b"GET /\\x22\\xe9\\x5c HTTP/1.1", b"404", b"14"), (b"G\\x01", b"400", b"16"),
                   (b"-", b"400", b"16")]
        check(got == sorted(wanted), set(got) ^ set(wanted))


def test_statistics():
    with Server("-s", files=FILES) as s:
        s.ask("/f")
        s.stop()
        lines = s.output().decode().splitlines()[1:]
        values = dict(each.split(" ") for each in lines)
        check(values["requests"] == "1" and int(values["switches"]) > 0, values)


def took(function):
    start = time.monotonic()
    function()
    return time.monotonic() - start


def since(start, *what):
    """A limit of half a second came to its end. It did not begin before start."""
    seconds = time.monotonic() - start
    check(0.4 < seconds < 5 * FACTOR, seconds, *what)


def asked(s, limit, request=lambda c: c.get("/f")):
    """A connection on which the request was sent and the answer begins; and when it was not sent
    yet. The server ends one that says nothing for so many seconds, and on a busy machine these may
    be over: then it is the next one."""
    while True:
        start = time.monotonic()
        c = s.connect()
        try:
            request(c)
            check(c.fill(), "no answer")
            return c, start
        except (Failure, ConnectionError):
            c.socket.close()
            if time.monotonic() - start < limit:
                raise


def trickle(c, data):
    """A byte every 50 ms until the server has had enough."""
    c.socket.settimeout(0.05)
    for byte in data:
        try:
            c.send(bytes([byte]))
            if c.fill():
                break
        except (socket.timeout, ConnectionError):
            pass
    c.socket.settimeout(10 * FACTOR)


def test_slow_heads():
    slow = b"GET /f HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 1000
    with Server("-t", "0.5", "-k", "30", files=FILES) as s:
        start = time.monotonic()
        with s.connect() as c:
            trickle(c, slow)
            r = c.read()
            check(r.status == 408 and r["Connection"] == "close" and c.ended(), r)
            since(start, "a slow head")
        other, _ = asked(s, 0.5)
        with other:
            check(other.read().body == FILES["f"], "the first request")
            start = time.monotonic()
            other.send(b"GET /f HTTP/1.1\r\n")
            check(other.read().status == 408, "408")
            since(start, "the second head")
        start = time.monotonic()
        with s.connect() as c:
            check(c.ended(), "a connection that says nothing")
            since(start, "nothing")
        with s.connect() as c:
            c.send(b"\r\n")
            check(c.ended(), "blank lines are no request")
        c, _ = asked(s, 0.5, lambda c: c.get("/f", Content_Length=100, body=b"x"))
        with c:
            check(c.read().status == 408 and c.ended(), "a slow body")


def asks_for(s, seconds, limit):
    """Asks all the time. False: the machine was so busy that the server found it idle."""
    before = now = time.monotonic()
    end = now + seconds
    with s.connect() as c:
        while now < end:
            try:
                check(c.ask("/f").status == 200, "busy")
            except (Failure, ConnectionError):
                if time.monotonic() - before < limit:
                    raise
                return False
            before, now = now, time.monotonic()
    return True


def test_idle_connections_end():
    with Server("-k", "0.5", "-t", "30", files=FILES) as s:
        c, start = asked(s, 0.5)
        with c:
            check(c.read().status == 200, "200")
            check(c.ended(), "idle")
            since(start, "idle")
        start = time.monotonic()
        with s.connect() as c:
            check(c.ended(), "fresh")
            since(start, "fresh")
        while not asks_for(s, 1.2, 0.5):  # longer than an idle one lasts
            pass


def test_a_slow_reader_gets_all():
    with Server("-k", "0.2", "-t", "0.2", files=FILES) as s:
        c, _ = asked(s, 0.2, lambda c: c.get("/big"))
        with c:
            time.sleep(2.5)  # what is tested: longer than the limits of heads and idleness
            check(c.read().body == FILES["big"], "the rest")


def test_clients_that_vanish():
    with Server(files=FILES) as s:
        before = s.descriptors()
        for _ in range(20):
            for part in ("GET /big HTTP/1.1\r\nHost: a\r\n\r\n" * 3, "GET /big HT", "",
                         "GET /f HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx"):
                c = s.connect()
                c.send(part)
                if part.endswith("\r\n\r\n"):
                    c.take(1000)
                c.reset()
                c = s.connect()
                c.send(part)
                c.socket.close()
        check(s.ask("/f").body == FILES["f"], "the server goes on")
        eventually(lambda: s.descriptors() <= before, "descriptors are closed")


def serve_all(s, n):
    """n clients at once, each served in the end, though not all can be connected at once."""
    clients = [s.connect() for _ in range(n)]
    for c in clients:
        c.get("/f")
    waiting, served = dict(enumerate(clients)), 0
    while waiting:
        for i, c in list(waiting.items()):
            c.socket.settimeout(0.05)
            try:
                check(c.fill(), "closed without an answer")
            except socket.timeout:
                continue
            c.socket.settimeout(10 * FACTOR)
            check(c.read().body == FILES["f"], "the answer")
            c.socket.close()
            del waiting[i]
            served += 1
    check(served == n, served)


def test_few_descriptors():
    with Server(files=FILES, descriptors=(32, 32)) as s:
        serve_all(s, 100)
        # With all places taken by idle clients, those still get files that must be opened.
        clients = [s.connect() for _ in range(5)]
        for _ in range(3):
            for c in clients:
                c.get("/big")
            for c in clients:
                check(c.read().body == FILES["big"], "big")
        check(s.errors() == b"", s.errors())


def test_the_soft_limit_is_raised():
    with Server(files=FILES, descriptors=(20, 200)) as s:
        limits = resource.prlimit(s.process.pid, resource.RLIMIT_NOFILE)
        check(limits == (200, 200), limits)
        serve_all(s, 100)


def test_no_descriptors_at_all():
    with Server(files=FILES) as s:
        first = s.connect()
        changed = os.stat(s.path("f")).st_ctime
        eventually(lambda: time.time() > changed + 0.1)  # from then on it is kept in memory
        check(first.ask("/f").status == 200, "200")
        hard = resource.prlimit(s.process.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(s.process.pid, resource.RLIMIT_NOFILE, (s.descriptors() + 2, hard))
        clients = [s.connect() for _ in range(20)]
        for i, c in enumerate(clients):
            c.get("/mid" if i & 1 else "/f")
        before, start = s.cpu(), time.monotonic()
        for _ in range(50):
            check(first.ask("/f").body == FILES["f"], "a client that was there is served")
        time.sleep(0.5)  # what is tested: the server does not spin meanwhile
        spent, passed = s.cpu() - before, time.monotonic() - start
        check(spent < 0.5 * passed, f"{spent} s of CPU in {passed} s without descriptors")
        resource.prlimit(s.process.pid, resource.RLIMIT_NOFILE, (hard, hard))
        for i, c in enumerate(clients):
            check(c.read().body == FILES["mid" if i & 1 else "f"], "none of those who came is lost")


def test_no_memory_for_stacks():
    """With no address space left a client gets its answer, a 503 or at least a clean end."""
    if os.environ.get("GAMP_SANITIZE") or EMULATOR:
        return  # these need address space themselves
    with Server(files=FILES) as s, s.connect() as first:
        check(first.ask("/f").status == 200, "200")
        with open(f"/proc/{s.process.pid}/statm") as f:
            used = int(f.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        unlimited = resource.prlimit(s.process.pid, resource.RLIMIT_AS)[1]
        resource.prlimit(s.process.pid, resource.RLIMIT_AS, (used + (1 << 20), unlimited))
        clients, answers = [], set()
        for _ in range(600):
            clients.append(s.connect())
            clients[-1].get("/f")
        for c in clients:
            try:
                answers.add(c.read().status if c.fill() else None)
            except ConnectionResetError:
                answers.add(None)
        check(200 in answers and answers <= {200, 503, None}, answers)
        check(first.ask("/f").body == FILES["f"], "a client that was there is served")
        for c in clients:
            c.socket.close()
        resource.prlimit(s.process.pid, resource.RLIMIT_AS, (unlimited, unlimited))
        check(s.ask("/f").body == FILES["f"], "and so are new ones")


def test_many_connections():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    n = min(1000, hard - 100)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, n + 100), hard))
    with Server(files=FILES) as s:
        clients = [s.connect() for _ in range(n)]
        for _ in range(3):
            for c in clients:
                c.get("/f")
            for c in clients:
                check(c.read().body == FILES["f"], "every one is served")
        for c in clients:
            c.socket.close()


def received(port):
    """Has the server read all that came on its connections?"""
    with open("/proc/net/tcp") as f:
        lines = [line.split() for line in list(f)[1:]]
    return all(w[4].split(":")[1] == "00000000" for w in lines
               if w[1].endswith(f":{port:04X}") and w[3] == "01")


def refused(port):
    try:
        Connection(port).socket.close()
        return False
    except ConnectionError:
        return True


def test_the_end_waits_for_requests():
    for number in (signal.SIGTERM, signal.SIGINT):
        with Server(files=FILES) as s:
            with s.connect() as idle, s.connect() as busy, s.connect() as part, \
                    s.connect() as fresh:
                check(idle.ask("/f").status == 200, "200")
                busy.get("/big")
                start = busy.take(1000)
                part.send(b"GET /f HTTP/1.1\r\nHost: a\r\n")
                eventually(lambda: received(s.port), "the part of a head was read")
                s.term(number)
                check(idle.ended() and fresh.ended(), "idle ones end at once")
                eventually(lambda: refused(s.port), "no new connections")
                part.send(b"\r\n")
                r = part.read()
                check(r.body == FILES["f"] and r["Connection"] == "close" and part.ended(), r)
                while busy.fill():
                    pass
                head, _, body = (start + busy.buffer).partition(b"\r\n\r\n")
                check(body == FILES["big"], len(body))
            check(s.wait() == 0, s.errors())


def test_the_end_waits_ten_seconds_at_most():
    with Server(files=FILES) as s, s.connect() as c:
        c.get("/big")
        c.take(1000)  # and no more
        s.term()
        seconds = took(lambda: check(s.wait(20 * FACTOR) == 0, s.errors()))
        check(seconds > 9, seconds)


def test_a_second_signal_ends_at_once():
    with Server(files=FILES) as s, s.connect() as c:
        c.get("/big")
        c.take(1000)
        s.term()
        eventually(lambda: refused(s.port), "the first was seen")
        s.term()
        check(took(lambda: check(s.wait() == 0, s.errors())) < 5 * FACTOR, "at once")


def test_a_log_that_nobody_reads():
    read, write = os.pipe()
    with open("/dev/null", "rb") as null, Server(files=FILES) as other:
        p = subprocess.Popen([*EMULATOR, Server.program, "-a", "-l", "127.0.0.1:0", other.root],
                             stdin=null, stdout=write, stderr=subprocess.PIPE)
        try:
            os.close(write)
            line = b""
            while not line.endswith(b"\n"):
                line += os.read(read, 1)
            port = int(re.search(rb":(\d+)/", line)[1])
            with Connection(port) as c:
                request = b"GET /f?" + b"x" * 2000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"
                for _ in range(300):  # ten times what a pipe and the log's buffers hold
                    c.send(request)
                    check(c.read().body == FILES["f"], "requests are served")
            p.terminate()
            check(p.wait(15 * FACTOR) == 0, "exit")
            check(b"lines of the access log were lost" in p.stderr.read(), "it says so")
        finally:
            p.kill()
            p.wait()
            p.stderr.close()
            os.close(read)
