# SPDX-License-Identifier: BSD-3-Clause
"""Builds the peers' programs into build/bench-peers and gamp's into build/release.

A peer whose compiler or library is missing is left out of the tables, with a note."""

import os
import shutil
import subprocess

CFLAGS = ["-std=gnu11", "-O2", "-g", "-D_GNU_SOURCE"]

# name: (sources, command with {} for the output). Sources' first is what is compiled.
PEERS = {
    "echo_client": (["echo_client.c", "bench.h"], ["gcc", *CFLAGS, "{src}", "-o", "{out}"]),
    "micro_go": (["peers/micro.go"], ["go", "build", "-o", "{out}", "{src}"]),
    "micro_st": (["peers/st_micro.c", "bench.h"], ["gcc", *CFLAGS, "{src}", "-o", "{out}", "-lst"]),
    "micro_boost": (["peers/boost_micro.cc", "bench.h"],
                    ["g++", "-std=c++17", "-O2", "-g", "{src}", "-o", "{out}",
                     "-lboost_fiber", "-lboost_context", "-lpthread"]),
    "block_go": (["peers/cgo/block.go"], ["go", "build", "-o", "{out}", "{src}"]),
    "echo_epoll": (["peers/epoll_echo.c", "peers/server.h"],
                   ["gcc", *CFLAGS, "{src}", "-o", "{out}", "-lpthread"]),
    "echo_go": (["peers/echo.go"], ["go", "build", "-o", "{out}", "{src}"]),
    "echo_st": (["peers/st_echo.c", "peers/server.h"],
                ["gcc", *CFLAGS, "{src}", "-o", "{out}", "-lst"]),
    "echo_uv": (["peers/uv_echo.c", "peers/server.h"],
                ["gcc", *CFLAGS, "{src}", "-o", "{out}", "-luv"]),
    "http_epoll": (["peers/epoll_http.c", "peers/server.h"],
                   ["gcc", *CFLAGS, "{src}", "-o", "{out}", "-lpthread"]),
    "http_go": (["peers/http.go"], ["go", "build", "-o", "{out}", "{src}"]),
}


def newer(out, sources):
    """True when out is there and no source is younger."""
    return os.path.exists(out) and all(
        os.path.getmtime(s) <= os.path.getmtime(out) for s in sources)


def build_peers(root, wanted, say):
    """Builds the named peers; returns {name: path} of those that are there."""
    outdir = os.path.join(root, "build", "bench-peers")
    os.makedirs(outdir, exist_ok=True)
    built = {}
    for name in sorted(wanted):
        if name not in PEERS:
            continue
        sources = [os.path.join(root, "bench", s) for s in PEERS[name][0]]
        out = os.path.join(outdir, name)
        if not newer(out, sources):
            command = [w.format(src=sources[0], out=out) for w in PEERS[name][1]]
            error = compile_one(command, root)
            if error:
                say("left out: %s (%s)" % (name, error))
                continue
        built[name] = out
    return built


def compile_one(command, root):
    """Runs a compiler; None, or the first line of what it said."""
    if shutil.which(command[0]) is None:
        return "no " + command[0]
    env = dict(os.environ, GO111MODULE="off")
    p = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True)
    if p.returncode == 0:
        return None
    lines = p.stderr.splitlines()
    lines = [s for s in lines if "error" in s or "cannot" in s] or lines
    return lines[0].strip() if lines else "compiler failed"


def build_gamp(root, builddir, say, compile_it):
    """Configures and builds the release; returns {name: path} of gamp's programs that are there."""
    cmakelists = os.path.join(root, "CMakeLists.txt")
    if compile_it and os.path.exists(cmakelists) and shutil.which("cmake"):
        configure = ["cmake", "--preset", "release", "-B", builddir, "-DGAMP_BENCH=ON"]
        for command in (configure, ["cmake", "--build", builddir, "-j", "2"]):
            p = subprocess.run(command, cwd=root, capture_output=True, text=True)
            if p.returncode != 0:
                lines = (p.stdout + p.stderr).strip().splitlines() or [""]
                say("gamp does not build: " + lines[-1])
                break
    found = {}
    for name, path in (("micro_gamp", "bench/gamp_micro"), ("block_gamp", "bench/gamp_block"),
                       ("echo_gamp", "bench/gamp_echo"), ("http_gamp", "examples/httpd")):
        path = os.path.join(builddir, path)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            found[name] = path
        else:
            say("left out: %s (not built)" % name)
    return found
