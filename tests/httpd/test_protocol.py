# SPDX-License-Identifier: BSD-3-Clause
"""The protocol: statuses, persistence, pipelining, bodies, and requests that try to be two."""
import random

from client import Failure, Server, check

FILES = {"f": b"the file\n", "big": random.Random(7).randbytes(200000)}
HEAD_MAX = 16384


def one_error(s, data, status):
    """The bytes are answered by this status alone, and the connection is then closed."""
    answer = s.raw(data)
    check(answer.startswith(b"HTTP/1.1 %d " % status), status, data[:200], answer[:300])
    head, _, body = answer.partition(b"\r\n\r\n")
    check(b"\r\nConnection: close" in head, "it does not say that it closes:", head)
    check(b"HTTP/1.1" not in body, "a second answer:", data[:200], answer[:600])


def test_statuses():
    with Server(files=FILES) as s, s.connect() as c:
        for method, path, status in (
                ("GET", "/f", 200), ("GET", "/nope", 404), ("HEAD", "/nope", 404),
                ("GET", "/f/", 404), ("GET", "/f/g", 404), ("GET", "/" + "x" * 300, 404),
                ("POST", "/f", 405), ("PUT", "/f", 405), ("DELETE", "/nope", 405),
                ("PATCH", "/f", 405), ("TRACE", "/f", 405), ("OPTIONS", "/f", 405),
                ("OPTIONS", "*", 405), ("CONNECT", "a:443", 405), ("BREW", "/f", 501),
                ("get", "/f", 501), ("GETS", "/f", 501), ("GET", "/%41%zz", 400),
                ("GET", "/" + "y/" * 2500, 414)):
            r = c.ask(path, method)
            check(r.status == status, method, path[:20], r)
            check(r["Allow"] == ("GET, HEAD" if status == 405 else None), method, path[:20], r)
            check(r["Connection"] is None, "closed without need", method, path[:20], r)
        check(c.ask("/f", Expect="200-maybe").status == 417, "417")
        check(c.ask("/f", Expect="100-continue, x").status == 417, "417")
        check(c.ask("/f").body == FILES["f"], "the connection goes on")


def test_malformed_requests():
    host = b"Host: a\r\n"
    with Server(files=FILES) as s:
        for data, status in (
                (b"GET /f\r\n\r\n", 400), (b"GET  /f HTTP/1.1\r\n" + host + b"\r\n", 400),
                (b"GET /f HTTP/1.1\r\n\r\n", 400),
                (b"GET /f HTTP/1.1\r\n" + host * 2 + b"\r\n", 400),
                (b"GET /f HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
                (b"GET /f HTTP/1.1\r\nHost : a\r\n\r\n", 400),
                (b"GET /f HTTP/1.1\n" + host + b"\r\n", 400),
                (b"GET /f HTTP/1.1\r\nHost: a\n\n", 400),
                (b"GET /f HTTP/1.1\rHost: a\r\r", 400),
                (b"GET /f HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", 400),
                (b"GET /f HTTP/1.1\r\n" + host + b"X: a\r\n b\r\n\r\n", 400),
                (b"GET /f HTTP/1.1\r\n" + host + b"X: a\0\r\n\r\n", 400),
                (b"GET /f HTTP/1.1\r\n" + host + b"X\r\n\r\n", 400),
                (b"GET /f HTTP/1.1\r\n" + host + b"(: x\r\n\r\n", 400),
                (b"GET f HTTP/1.1\r\n" + host + b"\r\n", 400),
                (b"GET * HTTP/1.1\r\n" + host + b"\r\n", 400),
                (b"GET /f#x HTTP/1.1\r\n" + host + b"\r\n", 400),
                (b"GET /f HTTX/1.1\r\n" + host + b"\r\n", 400),
                (b"GET /f HTTP/2.0\r\n" + host + b"\r\n", 505),
                (b"GET /f HTTP/0.9\r\n" + host + b"\r\n", 505),
                (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
                (b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n" + host + b"\r\n", 414),
                (b"GET /f HTTP/1.1\r\n" + host + b"X: " + b"a" * 20000 + b"\r\n\r\n", 431),
                (b"GET /f HTTP/1.1\r\n" + host + b"X: y\r\n" * 5000 + b"\r\n", 431)):
            one_error(s, data, status)
        check(s.ask("/f").body == FILES["f"], "the server goes on")


def test_heads_up_to_16_kib():
    with Server(files=FILES) as s, s.connect() as c:
        start = b"GET /f HTTP/1.1\r\nHost: a\r\nX: "
        for n in (HEAD_MAX - 1, HEAD_MAX):
            c.send(start + b"x" * (n - len(start) - 4) + b"\r\n\r\n")
            check(c.read().body == FILES["f"], n)
        many = b"GET /f HTTP/1.1\r\nHost: a\r\n"
        many += b"X: y\r\n" * ((HEAD_MAX - len(many) - 2) // 6) + b"\r\n"
        for _ in range(20):  # full heads, one behind the other
            c.send(many * 2)
            check(c.read().body == FILES["f"] and c.read().body == FILES["f"], "many fields")
        c.send(b"GET /f?" + b"q" * 16000 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        check(c.read().body == FILES["f"], "a long query")
        one_error(s, start + b"x" * (HEAD_MAX + 1 - len(start) - 4) + b"\r\n\r\n", 431)


def test_heads_in_pieces():
    data = b"\r\nGET /f HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"x\"\r\nRange: bytes=1-3\r\n\r\n"
    with Server(files=FILES) as s, s.connect() as c:
        for step in (1, 2, 3, 7):
            for i in range(0, len(data), step):
                c.send(data[i:i + step])
            check(c.read().body == FILES["f"][1:4], step)


def test_persistence():
    with Server(files=FILES) as s:
        for version, connection, stays, says in (
                ("1.1", None, True, None), ("1.1", "close", False, "close"),
                ("1.1", "Keep-Alive, Close", False, "close"), ("1.1", "x, keep-alive", True, None),
                ("1.0", None, False, "close"), ("1.0", "keep-alive", True, "keep-alive"),
                ("1.0", "close", False, "close")):
            with s.connect() as c:
                c.get("/f", version=version, Connection=connection)
                r = c.read()
                check(r.status == 200 and r["Connection"] == says, version, connection, r)
                if stays:
                    check(c.ask("/f").body == FILES["f"], version, connection)
                else:
                    check(c.ended(), version, connection)
        with s.connect() as c:
            for i in range(1000):
                check(c.ask("/f").body == FILES["f"], i)
        with s.connect() as c:
            c.send("GET /f HTTP/1.0\r\n\r\n")
            check(c.read().status == 200 and c.ended(), "1.0 needs no Host")
        with s.connect() as c:
            c.get("/big")
            c.socket.shutdown(1)  # the client will send no more, but reads
            check(c.read().body == FILES["big"] and c.ended(), "half-closed")


def test_pipelining():
    kinds = [("/f", "GET", 200), ("/big", "GET", 200), ("/nope", "GET", 404), ("/f", "HEAD", 200),
             ("/big", "HEAD", 200), ("/", "GET", 200), ("/f", "POST", 405), ("/%zz", "GET", 400)]
    with Server(files=FILES) as s:
        for _ in range(10):
            chosen = [random.choice(kinds) for _ in range(200)]
            data = "".join(f"{m} {p} HTTP/1.1\r\nHost: a\r\n\r\n" for p, m, _ in chosen).encode()
            with s.connect() as c:
                c.socket.setblocking(False)
                answers, sent = 0, 0
                while answers < len(chosen):  # what a client reads it may have asked for meanwhile
                    try:
                        sent += c.socket.send(data[sent:]) if sent < len(data) else 0
                    except BlockingIOError:
                        pass
                    c.socket.settimeout(10)
                    path, method, status = chosen[answers]
                    r = c.read(method == "HEAD")
                    check(r.status == status, answers, chosen[answers], r)
                    if status == 200 and method == "GET" and path[1:] in FILES:
                        check(r.body == FILES[path[1:]], answers)
                    answers += 1
                    c.socket.setblocking(False)
                check(not c.buffer, "more than was asked for")


def chunked(*chunks):
    return b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in chunks) + b"0\r\n\r\n"


def test_bodies_are_read_and_dropped():
    trap = b"GET /nope HTTP/1.1\r\nHost: a\r\n\r\n"  # no request where a body stands
    with Server(files=FILES) as s, s.connect() as c:
        for body in (b"", b"x", trap, bytes(5000), bytes(100000)):
            for method, status in (("GET", 200), ("HEAD", 200), ("POST", 405), ("BREW", 501)):
                c.get("/f", method, Content_Length=len(body), body=body)
                check(c.read(method == "HEAD").status == status, method, len(body))
                c.get("/f", method, Transfer_Encoding="chunked",
                      body=chunked(body, trap) if body else chunked())
                check(c.read(method == "HEAD").status == status, "chunked", method, len(body))
                check(c.ask("/f").body == FILES["f"], "afterwards")
        data = chunked(b"a" * 10, trap).replace(b"a\r\n", b"A;ext=\"v\"\r\n", 1)[:-2]
        data += b"Trailer: x\r\n\r\n" + b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n"
        head = b"GET /f HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        for step in (1, 3, 1000):
            for i in range(0, len(head + data), step):
                c.send((head + data)[i:i + step])
            check(c.read().body == FILES["f"] and c.read().body == FILES["big"], step)


def test_bodies_beyond_the_bound():
    with Server(files=FILES) as s:
        head = b"GET /f HTTP/1.1\r\nHost: a\r\n"
        one_error(s, head + b"Content-Length: 1000000\r\n\r\n", 413)
        one_error(s, head + b"Content-Length: 1000000\r\n\r\n" + bytes(1000000), 413)
        one_error(s, head + b"Content-Length: 99999999999999999999999\r\n\r\n", 413)
        endless = b"Transfer-Encoding: chunked\r\n\r\n"
        endless += (b"10000\r\n" + bytes(65536) + b"\r\n") * 20
        one_error(s, head + endless, 413)
        one_error(s, head + b"Transfer-Encoding: chunked\r\n\r\n100000000\r\n", 413)
        one_error(s, head.replace(b"GET", b"POST") + b"Content-Length: 99999999\r\n\r\n", 405)


def test_continue():
    with Server(files=FILES) as s, s.connect() as c:
        c.get("/f", Expect="100-continue", Content_Length=5)
        check(c.read().status == 100, "100")
        c.send(b"hello")
        check(c.read().body == FILES["f"], "then the answer")
        c.get("/f", Expect="100-Continue", Transfer_Encoding="chunked")
        check(c.read().status == 100, "100")
        c.send(chunked(b"hello"))
        check(c.read().body == FILES["f"], "then the answer")
        c.get("/f", Expect="100-continue", Content_Length=5, body=b"hello")
        check(c.read().status == 200, "not asked for: it is there")
        c.get("/f", Expect="100-continue")
        check(c.read().status == 200, "not asked for: there is none")
        c.get("/f", "POST", Expect="100-continue", Content_Length=5)
        r = c.read()
        check(r.status == 405 and r["Connection"] == "close" and c.ended(), "refused at once", r)
        with s.connect() as old:
            old.get("/f", version="1.0", Expect="100-continue", Content_Length=2, body=b"hi")
            check(old.read().status == 200, "1.0 knows no 100")


def test_smuggling():
    trap = b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n"
    head = b"GET /f HTTP/1.1\r\nHost: a\r\n"
    te = b"Transfer-Encoding: chunked\r\n"
    with Server(files=FILES) as s:
        for fields, body in (
                (b"Content-Length: 0\r\nContent-Length: 5\r\n", trap),
                (b"Content-Length: 5\r\nContent-Length: 5\r\n", b"hello" + trap),
                (b"Content-Length: 5, 5\r\n", b"hello" + trap),
                (b"Content-Length: +0\r\n", trap), (b"Content-Length: -1\r\n", trap),
                (b"Content-Length: 0x0\r\n", trap), (b"Content-Length: \r\n", trap),
                (b"Content-Length: 0 0\r\n", trap), (b"Content-Length : 0\r\n", trap),
                (te + b"Content-Length: 4\r\n", b"0\r\n\r\n" + trap),
                (b"Content-Length: 4\r\n" + te, b"0\r\n\r\n" + trap),
                (te + te, b"0\r\n\r\n" + trap),
                (b"Transfer-Encoding: chunked, chunked\r\n", b"0\r\n\r\n" + trap),
                (b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n" + trap),
                (b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n" + trap),
                (b"Transfer-Encoding:\r\n chunked\r\n", b"0\r\n\r\n" + trap),
                (b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n" + trap),
                (b"X: y\nContent-Length: 5\r\n", b"hello" + trap),
                (b"X: y\rContent-Length: 5\r\n", trap),
                (te, b"0\n\r\n" + trap), (te, b"0\r\n\n" + trap),
                (te, b"5\r\nhelloX0\r\n\r\n" + trap),
                (te, b"0x0\r\n\r\n" + trap), (te, b"-0\r\n\r\n" + trap), (te, b"\r\n" + trap),
                (te, b"0 \r\n\r\n" + trap), (te, b"0;\n\r\n\r\n" + trap),
                (te, b"0\r\n bad: x\r\n\r\n" + trap), (te, b"0\r\nbad : x\r\n\r\n" + trap)):
            one_error(s, head + fields + b"\r\n" + body, 400)
        for coding in (b"gzip, chunked", b"xchunked", b"identity", b"gzip"):
            one_error(s, head + b"Transfer-Encoding: " + coding + b"\r\n\r\n0\r\n\r\n" + trap, 501)
        one_error(s, head.replace(b"1.1", b"1.0") + te + b"\r\n0\r\n\r\n" + trap, 400)


def test_noise():
    """Random damage to good requests: whatever comes back is HTTP, and the server goes on."""
    good = (b"GET /f HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nRange: bytes=1-2\r\n\r\nhello"
            b"GET /f HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"5\r\nhello\r\n0\r\n\r\n")
    with Server(files=FILES) as s:
        for _ in range(300):
            data = bytearray(good)
            for _ in range(random.randrange(1, 4)):
                at = random.randrange(len(data))
                data[at:at + random.randrange(3)] = random.randbytes(random.randrange(3))
            with s.connect() as c:
                c.send(bytes(data))
                c.socket.shutdown(1)
                try:
                    while c.fill():
                        pass
                except ConnectionResetError:
                    pass
                if c.buffer and not c.buffer.startswith(b"HTTP/1.1 "):
                    raise Failure(f"{bytes(data)!r}: {c.buffer[:200]!r}")
        check(s.ask("/f").body == FILES["f"], "the server goes on")
