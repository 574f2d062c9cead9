#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""run.py PROGRAM [NAME...]: tests the httpd from outside, through sockets. Runs the functions
test_* of the files beside this one, or those named; each has a limit of its own. Exit status 1
when any failed. HTTPD_SEED repeats a run's random choices."""
import glob
import importlib
import os
import random
import signal
import sys
import time
import traceback

import client

LIMIT = 60 * client.FACTOR


class OutOfTime(BaseException):
    pass


def on_alarm(*_):
    raise OutOfTime


def main():
    client.Server.program = sys.argv[1]
    wanted = sys.argv[2:]
    seed = os.environ.get("HTTPD_SEED") or str(random.SystemRandom().getrandbits(32))
    signal.signal(signal.SIGALRM, on_alarm)
    passed, failed = 0, 0
    here = os.path.dirname(os.path.abspath(__file__))
    for path in sorted(glob.glob(here + "/test_*.py")):
        module = importlib.import_module(os.path.basename(path)[:-3])
        for name, function in list(vars(module).items()):
            if not name.startswith("test_") or (wanted and name not in wanted):
                continue
            random.seed(seed)
            start = time.monotonic()
            signal.alarm(LIMIT)
            try:
                function()
                error = None
            except (Exception, OutOfTime):
                error = traceback.format_exc()
            signal.alarm(0)
            print(f"{'FAIL' if error else 'ok  '} {name} ({time.monotonic() - start:.2f} s)")
            if error:
                failed += 1
                print(f"{error}HTTPD_SEED={seed}")
            else:
                passed += 1
            sys.stdout.flush()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
