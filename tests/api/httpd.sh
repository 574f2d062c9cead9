#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The httpd from outside: tests/httpd/*.py against the built program, through real sockets.
command -v python3 >/dev/null || { echo "no python3"; exit 77; }
exec python3 "$SRC/tests/httpd/run.py" "$BUILD/examples/httpd"
