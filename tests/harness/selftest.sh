#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# selftest.sh COMMAND...: runs the harness on cases that must fail and looks at what it says.
out=$(mktemp)
trap 'rm -f "$out"' EXIT
failed=0
# A number that no other process of the machine sleeps for.
export SELFTEST_SLEEP=1234.$$
TEST_TIMEOUT=1 GAMP_TEST_SEED=77 "$@" >"$out" 2>&1
[ $? -eq 1 ] || { echo "FAIL: exit status is not 1"; failed=1; }
has() {
    grep -q -- "$1" "$out" || { echo "FAIL: no line with: $1"; failed=1; }
}
has '^ok   good '
has '^ok   good_child '
has '^FAIL bad_check .*exit status 1; GAMP_TEST_SEED=77$'
has 'selftest.c:[0-9]*: CHECK(1 + 1 == 3)$'
has 'CHECK(1 + 1 == 3): 2 and 3$'
has 'CHECK_STR("abc", NULL): "abc" and "(null)"$'
has '^FAIL bad_thread .*exit status 1'
has '^FAIL bad_early_exit .*before its body returned'
has '^FAIL bad_signal .*killed by signal 15'
has '^FAIL bad_status .*exit status 1'
has 'exit status 2, expected 3; stderr: panic: boo'
has 'no "no such words" on stderr: panic: boo'
has '^FAIL bad_hang .*out of time'
has '^thread [0-9]*: ., .* sleeps, call '
has '^and 300 ms later:$'
has '^FAIL bad_child_hang .*exit status 1'
has '^skip skipped'
has '^seed 77$'
has '^3 passed, 10 failed, 1 skipped$'
# What a case left behind is gone with it.
# shellcheck disable=SC2009
tries=0
while ps -eo args 2>/dev/null | grep -q "^sleep $SELFTEST_SLEEP\$"; do
    [ $tries -lt 100 ] || { echo "FAIL: a process outlived its case"; failed=1; break; }
    tries=$((tries + 1))
    sleep 0.1
done
[ $failed -eq 0 ] || cat "$out"
exit $failed
