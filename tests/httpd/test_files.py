# SPDX-License-Identifier: BSD-3-Clause
"""What is served: files, types, conditions, ranges, directories, and nothing outside the root."""
import email.utils
import os
import random
import re
import socket
import threading
import time

from client import Server, check

SMALL = b"hello, world\n"


def big(n):
    return random.Random(n).randbytes(n)


def test_files_byte_for_byte():
    sizes = [0, 1, 100, 4095, 4096, 4097, 32767, 32768, 32769, 65536, 1000003]
    files = {f"{n}.bin": big(n) for n in sizes}
    with Server(files=files) as s, s.connect() as c:
        for name, content in files.items():
            for _ in range(3):  # from the disk, and from memory
                r = c.ask("/" + name)
                check(r.status == 200 and r.body == content, name, len(r.body), r)
            r = c.ask("/" + name, "HEAD")
            check(r.status == 200 and int(r["Content-Length"]) == len(content), name, r)
            check(r["Accept-Ranges"] == "bytes" and r["Connection"] is None, r)


def test_head_is_get_without_a_body():
    with Server(files={"a.txt": SMALL, "d/x": b"", "big": big(100000)}) as s, s.connect() as c:
        for path in ("/a.txt", "/a.txt", "/d", "/d/", "/", "/nope", "/big"):
            get, head = c.ask(path), c.ask(path, "HEAD")
            check(get.status == head.status, path, get, head)
            check([f for f in get.fields if f[0] != "Date"] ==
                  [f for f in head.fields if f[0] != "Date"], path, get, head)


def test_content_types():
    types = {"a.html": "text/html; charset=utf-8", "a.css": "text/css; charset=utf-8",
             "a.js": "text/javascript; charset=utf-8", "a.json": "application/json",
             "a.png": "image/png", "a.JPG": "image/jpeg", "a.svg": "image/svg+xml",
             "a.txt": "text/plain; charset=utf-8", "a.pdf": "application/pdf",
             "a.wasm": "application/wasm", "a": "application/octet-stream",
             "a.unknown": "application/octet-stream"}
    with Server(files={n: b"x" for n in types}) as s, s.connect() as c:
        for name, wanted in types.items():
            check(c.ask("/" + name)["Content-Type"] == wanted, name)


def test_names_are_decoded():
    names = ["a b", "a%b", "a+b", "é", "a?b", "a#b", "a&b", "%41", "...", ".hidden", "a\\b", "~"]
    with Server(files={n: n.encode() for n in names}) as s, s.connect() as c:
        for name in names:
            encoded = "".join(f"%{b:02X}" for b in name.encode())
            check(c.ask("/" + encoded).body == name.encode(), name)
        check(c.ask("/\xc3\xa9").body == "é".encode(), "raw UTF-8")
        check(c.ask("/a+b?query=/../x").body == b"a+b", "query")
        check(c.ask("//.//%2e/a+b").body == b"a+b", "slashes")
        check(c.ask("/x/../a+b").body == b"a+b", "dots")
        check(c.ask("http://elsewhere:1234/a+b").body == b"a+b", "absolute form")


def test_validators_and_dates():
    with Server(files={"f": SMALL}) as s, s.connect() as c:
        os.utime(s.path("f"), (784111777, 784111777))
        r = c.ask("/f")
        check(r["Last-Modified"] == "Sun, 06 Nov 1994 08:49:37 GMT", r)
        check(re.fullmatch(r'"[!-~]+"', r["ETag"]), r)
        now = email.utils.parsedate_to_datetime(r["Date"]).timestamp()
        check(abs(now - time.time()) < 5, r["Date"])
        s.write("f", SMALL + b"!")
        check(c.ask("/f")["ETag"] != r["ETag"], "the same tag of another content")
        os.utime(s.path("f"), (time.time() + 1000,) * 2)
        check(c.ask("/f")["Last-Modified"] is None, "a date from the future")


def test_conditions():
    with Server(files={"f": SMALL, "g": big(50000)}) as s, s.connect() as c:
        for path in ("/f", "/f", "/g"):
            os.utime(s.path(path[1:]), (784111777, 784111777))
            first = c.ask(path)
            tag, date = first["ETag"], first["Last-Modified"]
            later = "Sun, 06 Nov 1994 08:49:38 GMT"
            before = "Sun, 06 Nov 1994 08:49:36 GMT"
            for fields, status in (
                    ({"If_None_Match": tag}, 304), ({"If_None_Match": "W/" + tag}, 304),
                    ({"If_None_Match": "*"}, 304), ({"If_None_Match": '"x", ' + tag}, 304),
                    ({"If_None_Match": '"x"'}, 200), ({"If_Modified_Since": date}, 304),
                    ({"If_Modified_Since": later}, 304), ({"If_Modified_Since": before}, 200),
                    ({"If_Modified_Since": "never"}, 200),
                    ({"If_None_Match": '"x"', "If_Modified_Since": date}, 200),
                    ({"If_Match": tag}, 200), ({"If_Match": "*"}, 200),
                    ({"If_Match": "W/" + tag}, 412), ({"If_Match": '"x"'}, 412),
                    ({"If_Unmodified_Since": date}, 200), ({"If_Unmodified_Since": before}, 412),
                    ({"If_Match": tag, "If_Unmodified_Since": before}, 200),
                    ({"If_Match": tag, "If_None_Match": tag}, 304)):
                for method in ("GET", "HEAD"):
                    r = c.ask(path, method, **fields)
                    check(r.status == status, path, method, fields, r)
                    if status == 304:
                        check(r["ETag"] == tag and r["Last-Modified"] == date, r)
                        check(r["Content-Type"] is None, r)


def ranges_of(c, path, content, value, expected, **fields):
    r = c.ask(path, Range=value, **fields)
    if expected is None:
        check(r.status == 416 and r["Content-Range"] == f"bytes */{len(content)}", value, r)
    elif expected == "all":
        check(r.status == 200 and r.body == content, value, r)
    else:
        first, last = expected
        check(r.status == 206 and r.body == content[first:last + 1], value, r)
        check(r["Content-Range"] == f"bytes {first}-{last}/{len(content)}", value, r)
        check(r["ETag"] and r["Last-Modified"] and r["Accept-Ranges"] == "bytes", value, r)


def test_single_ranges():
    with Server(files={"small": big(1000), "big": big(300001), "empty": b""}) as s, \
            s.connect() as c:
        for path, n in (("/small", 1000), ("/big", 300001)):
            content = big(n)
            for value, expected in (
                    ("bytes=0-0", (0, 0)), ("bytes=0-", (0, n - 1)),
                    (f"bytes={n - 1}-", (n - 1, n - 1)),
                    ("bytes=10-99999999", (10, n - 1)), ("bytes=-1", (n - 1, n - 1)),
                    ("bytes=-99999999", (0, n - 1)), ("BYTES=1-2", (1, 2)),
                    (f"bytes={n}-", None), ("bytes=-0", None), (f"bytes={n}-{n + 5},-0", None),
                    (f"bytes={n}-,3-4", (3, 4)), ("bytes=5-4", "all"), ("bytes=x", "all"),
                    ("lines=1-2", "all"), ("bytes=", "all"), ("bytes=1-2-3", "all"),
                    ("bytes=" + ",".join(["0-1"] * 1000), "all")):
                ranges_of(c, path, content, value, expected)
            for _ in range(100):
                a, b = sorted((random.randrange(n), random.randrange(n)))
                ranges_of(c, path, content, f"bytes={a}-{b}", (a, b))
        ranges_of(c, "/empty", b"", "bytes=0-", None)
        r = c.ask("/big", "HEAD", Range="bytes=0-0")
        check(r.status == 200 and r["Content-Length"] == "300001", r)


def test_beyond_four_gib():
    size = (5 << 30) + 123
    with Server(files={"f": b"begin"}) as s, s.connect() as c:
        with open(s.path("f"), "r+b") as f:
            f.truncate(size)
            f.seek(-3, 2)
            f.write(b"end")
        check(c.ask("/f", "HEAD")["Content-Length"] == str(size), "length")
        for value, body in (("bytes=-5", b"\0\0end"), ("bytes=0-5", b"begin\0"),
                            (f"bytes={size - 3}-", b"end"),
                            ("bytes=4294967290-4294967300", bytes(11))):
            r = c.ask("/f", Range=value)
            check(r.status == 206 and r.body == body and r["Content-Range"].endswith(f"/{size}"), r)
        parts = parts_of(c.ask("/f", Range=f"bytes=0-4,{size - 3}-"))
        check([p[3] for p in parts] == [b"begin", b"end"], parts)


def parts_of(r):
    m = re.fullmatch(r"multipart/byteranges; boundary=([0-9a-z]+)", r["Content-Type"])
    check(r.status == 206 and m and r["Content-Range"] is None, r)
    pieces = (b"\r\n" + r.body).split(b"\r\n--" + m[1].encode())
    check(pieces[0] == b"" and pieces[-1] == b"--\r\n", "frame", pieces[0], pieces[-1])
    found = []
    for piece in pieces[1:-1]:
        head, _, body = piece.partition(b"\r\n\r\n")
        place = re.search(rb"Content-Range: bytes (\d+)-(\d+)/(\d+)", head)
        check(place and b"Content-Type: application/octet-stream" in head, head)
        found.append((int(place[1]), int(place[2]), int(place[3]), body))
    return found


def test_several_ranges():
    with Server(files={"small": big(5000), "big": big(300001)}) as s, s.connect() as c:
        for path, n in (("/small", 5000), ("/big", 300001)):
            content = big(n)
            for value, places in (
                    ("bytes=0-0,-1", [(0, 0), (n - 1, n - 1)]),
                    ("bytes=100-199,5-9,4000-", [(100, 199), (5, 9), (4000, n - 1)]),
                    ("bytes=0-9,5-14", [(0, 9), (5, 14)]),
                    ("bytes=7-8, ,99999999-,1-2", [(7, 8), (1, 2)])):
                parts = parts_of(c.ask(path, Range=value))
                check([(a, b) for a, b, _, _ in parts] == places, value, parts)
                for a, b, size, body in parts:
                    check(size == n and body == content[a:b + 1], value, a, b)
            many = ",".join(f"{i * 100}-{i * 100 + 1}" for i in range(30))
            check(len(parts_of(c.ask(path, Range="bytes=" + many))) == 30, "30 ranges")
            # More than the whole file is never sent.
            r = c.ask(path, Range="bytes=" + ",".join(["0-"] * 20))
            check(len(r.body) == n, r.status, len(r.body))
            check(c.ask(path).body == content, "the connection goes on")


def test_if_range():
    with Server(files={"f": big(2000)}) as s, s.connect() as c:
        os.utime(s.path("f"), (784111777, 784111777))
        first = c.ask("/f")
        tag, date = first["ETag"], first["Last-Modified"]
        for validator, status in ((tag, 206), (date, 206), ('"x"', 200), ("W/" + tag, 200),
                                  ("Sun, 06 Nov 1994 08:49:38 GMT", 200), ("garbage", 200)):
            r = c.ask("/f", Range="bytes=1-2", If_Range=validator)
            check(r.status == status, validator, r)
        check(c.ask("/f", Range="bytes=9999-", If_Range='"x"').status == 200, "416 comes after")
        check(c.ask("/f", Range="bytes=1-2", If_None_Match=tag).status == 304, "304 comes before")


def test_directories():
    files = {"sub/index.html": b"<p>index", "list/b": b"", "list/a <&>": b"", "list/d/x": b"",
             "list/c:d": b""}
    with Server(files=files) as s, s.connect() as c:
        r = c.ask("/sub/")
        check(r.status == 200 and r.body == b"<p>index" and "text/html" in r["Content-Type"], r)
        r = c.ask("/sub?a=b")
        check(r.status == 301 and r["Location"] == "/sub/?a=b", r)
        r = c.ask("//list")
        check(r.status == 301 and r["Location"] == "/list/", r)
        check(c.ask("/list/a%20%3C&%3E/").status == 404, "a file is no directory")
        r = c.ask("/list/")
        check(r.status == 200 and r["Content-Type"] == "text/html; charset=utf-8", r)
        links = re.findall(rb'href="([^"]*)">([^<]*)<', r.body)
        check(links == [(b"../", b"../"), (b"a%20%3C%26%3E", b"a &lt;&amp;&gt;"), (b"b", b"b"),
                        (b"c%3Ad", b"c:d"), (b"d/", b"d/")], links)
        for link, _ in links[1:]:
            check(c.ask("/list/" + link.decode()).status == 200, link)
        check(b"../" not in c.ask("/").body, "the root has nothing above it")
        s.write("list/index.html", b"now")
        check(c.ask("/list/").body == b"now", "an index that came later")
        os.unlink(s.path("list/index.html"))
        check(b'href="b"' in c.ask("/list/").body, "and went again")


def test_a_directory_of_many_names():
    with Server(files={f"many/{i:05}": b"" for i in range(3000)}) as s, s.connect() as c:
        r = c.ask("/many/")
        names = re.findall(rb'href="(\d+)"', r.body)
        check(names == [b"%05d" % i for i in range(3000)], len(names))
        check(c.ask("/many/", "HEAD")["Content-Length"] == str(len(r.body)), "HEAD")


def test_nothing_outside_the_root():
    with Server(files={"file": b"inside", "sub/file": b"below"}) as s, s.connect() as c:
        outside = os.path.dirname(s.root) + "/secret"
        with open(outside, "w") as f:
            f.write("outside")
        for name, target in (("link", "file"), ("sub/up", "../file"), ("sublink", "sub"),
                             ("absolute", s.root + "/sub/file"), ("escape", "../secret"),
                             ("far", outside), ("etc", "/etc"), ("parent", ".."), ("loop", "loop"),
                             ("dangling", "nowhere"), ("proc", "/proc/self/root")):
            os.symlink(target, s.path(name))
        os.mkfifo(s.path("fifo"))
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(s.path("socket"))
        for path, body in (("/link", b"inside"), ("/sub/up", b"inside"),
                           ("/sublink/file", b"below"), ("/absolute", b"below")):
            r = c.ask(path)
            check(r.status == 200 and r.body == body, path, r)
        for path in ("/../secret", "/../../../../etc/passwd", "/sub/../../secret", "/..", "/../",
                     "/%2e%2e/secret", "/%2e%2e%2fsecret", "/..%2fsecret", "/.%2e/secret",
                     "/sub/%2e%2e/%2e%2e/secret", "/..%5csecret", "/..\\secret",
                     "/%252e%252e/secret",
                     "/escape", "/far", "/etc/passwd", "/etc/", "/etc", "/parent", "/parent/secret",
                     "/loop", "/dangling", "/proc/etc/passwd", "/fifo", "/socket",
                     "http://test/../secret", "/" + outside, "/..;/secret", "/.../secret"):
            with s.connect() as other:
                r = other.ask(path)
                check(r.status in (403, 404), path, r)
                check(b"outside" not in r.body and b"root:" not in r.body, path, r)
        for path in ("/%00", "/file%00", "/%", "/%2", "/%zz", "/..%00/secret"):
            check(s.ask(path).status == 400, path)


def test_unreadable_files():
    if os.geteuid() == 0:
        return  # nothing is unreadable
    with Server(files={"f": b"x", "d/f": b"x"}) as s, s.connect() as c:
        os.chmod(s.path("f"), 0)
        os.chmod(s.path("d"), 0)
        try:
            check(c.ask("/f").status == 403 and c.ask("/d/f").status == 403, "403")
        finally:
            os.chmod(s.path("d"), 0o755)


def test_never_an_old_content():
    with Server() as s, s.connect() as c:
        for i in range(300):
            if i % 3 == 0:
                s.write("f", b"%06d" % i)
            elif i % 3 == 1:
                with open(s.path("f"), "r+b") as f:
                    f.write(b"%06d" % i)
            else:
                s.write("new", b"%06d" % i)
                os.rename(s.path("new"), s.path("f"))
            r = c.ask("/f")
            check(r.body == b"%06d" % i, i, r)
        os.unlink(s.path("f"))
        check(c.ask("/f").status == 404, "gone")


def test_a_file_that_shrinks_ends_the_connection():
    with Server(files={"f": big(8 << 20)}) as s, s.connect() as c:
        c.get("/f")
        c.take(1000)
        os.truncate(s.path("f"), 100)
        try:
            while c.fill():
                pass
        except ConnectionResetError:
            pass
        check(len(c.buffer) < 8 << 20, "it went on")
        check(s.ask("/f").body == big(8 << 20)[:100], "and the server too")


def test_many_clients_get_the_right_files():
    files = {f"{i}": random.Random(i).randbytes(i * 997) for i in range(100)}
    errors = []
    with Server(files=files) as s:

        def client(seed):
            chosen = random.Random(seed)
            try:
                with s.connect() as c:
                    for _ in range(100):
                        name = str(chosen.randrange(100))
                        r = c.ask("/" + name)
                        check(r.status == 200 and r.body == files[name], name, r)
            except BaseException as e:
                errors.append(e)

        threads = [threading.Thread(target=client, args=(i,)) for i in range(16)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        check(not errors, errors[:1])


def test_more_files_than_memory():
    content = big(30000)
    with Server(files={f"{i}": content[i:] for i in range(1200)}) as s, s.connect() as c:
        for i in list(range(1200)) + [1199, 0, 600]:
            check(c.ask(f"/{i}").body == content[i:], i)
        check(s.descriptors() < 40, "descriptors stay few")
