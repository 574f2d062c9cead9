#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# gdb.sh: tools/gdb/gamp-gdb.py on a live program and on its core file. Runs where gdb and the
# compiler are the machine's own; SRC, BUILD, CC as ctest gives them.
set -u
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
fail() {
    echo "gdb.sh: $*"
    sed 's/^/    /' "$dir/out"
    exit 1
}
expect() {
    grep -Eq "$1" "$dir/out" || fail "nothing like \"$1\" in:"
}

command -v gdb >/dev/null || { echo "skipped: no gdb"; exit 77; }
[ -z "${GAMP_SANITIZE-}" ] || { echo "skipped: a sanitizer is in the way"; exit 77; }

cat >"$dir/prog.c" <<'C'
#include <gamp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>
#define NOINLINE __attribute__((noinline))
struct order { int number; };
static atomic_int begun;
static int served;
static NOINLINE void waiter(gamp_chan *c, struct order *o)
{
    begun++;
    gamp_chan_recv(c, &served);
    served += o->number;
}
static NOINLINE void blocked(int fd)
{
    char b;
    begun++;
    if (read(fd, &b, 1) < 0)
        abort();
}
static NOINLINE void hog(void)
{
    for (begun++;;)
        __asm__ volatile("");
}
static atomic_int ran;
static NOINLINE void late(int n) { ran += n; }
static NOINLINE void stop_here(int how)
{
    if (how > 1)
        abort();
    __asm__ volatile("");
}
GAMP_MAIN(argc, argv)
{
    static struct order order = {4711};
    gamp_chan *c = gamp_chan_new(sizeof(int), 0);
    int p[2];

    (void)argv;
    if (pipe(p) < 0)
        return 1;
    gamp_go_with(GAMP_OPTIONS(.name = "conn"), waiter, c, &order);
    gamp_go(blocked, p[0]);
    gamp_go(hog);
    while (begun < 3)
        gamp_gosched();
    /* Some that have not run: again, if main was stopped in between. */
    do {
        while (ran > 0)
            gamp_gosched(), ran = 0;
        for (int i = 0; i < 64; i++)
            gamp_go(late, 1);
    } while (ran > 0);
    stop_here(argc);
    return served;
}
C
$CC -g -O1 -I"$SRC/include" "$dir/prog.c" "$BUILD/libgamp.a" -lpthread -o "$dir/prog" || exit 1
"$dir/prog" >"$dir/out" 2>&1 || [ $? -lt 126 ] || {
    echo "skipped: not this machine's code"
    exit 77
}

cat >"$dir/look" <<G
source $SRC/tools/gdb/gamp-gdb.py
info goroutines
echo == waiter\n
goroutine 2 bt
echo == local\n
goroutine 2 print o->number
echo == blocked\n
goroutine 3 bt
echo == hog\n
goroutine 4 bt
echo == thread\n
bt
echo == none\n
goroutine 9999 bt
G
# shellcheck disable=SC2016
check() {
    expect '^\* 1 (running|syscall) +(stop_here|main|gamp_main_function_|__|raise|abort)'
    expect '^  2 chan receive +waiter  prog.c:[0-9]+  \{conn\}$'
    expect '^  3 (syscall|running|runnable) +.*(read|blocked)' # as libc has symbols or not
    expect '^. 4 (running|runnable|syscall) +hog  prog.c'
    # gdb stops the other threads a little later; they may have run them meanwhile.
    [ "$1" = live ] || expect '^. [0-9]+ runnable +late  \(has not run yet\)$'
    sed -n '/^== waiter/,/^== local/p' "$dir/out" >"$dir/part"
    grep -Eq '^#0 .*(gswitch|arch_switch)' "$dir/part" ||
        fail "no switch on top of the waiter's stack:"
    grep -Eq '^#[0-9]+ .*waiter \(c=.*prog.c' "$dir/part" || fail "no waiter in its stack:"
    grep -Eq '^#[0-9]+ .*arch_entry' "$dir/part" || fail "the waiter's stack has no base:"
    grep -Eq 'stop_here|GAMP_MAIN|gamp_main' "$dir/part" &&
        fail "main's frames in the waiter's stack:"
    expect '^\$[0-9]+ = 4711$'
    sed -n '/^== blocked/,/^== hog/p' "$dir/out" | grep -Eq '^#[0-9]+ .*blocked \(' ||
        fail "no blocked in its stack:"
    sed -n '/^== hog/,/^== thread/p' "$dir/out" | grep -Eq '^#[0-9]+ .*hog \(' ||
        fail "no hog in its stack:"
    expect 'there is no goroutine 9999'
    sed -n '/^== thread/,/^== none/p' "$dir/out" |
        grep -Eq '^#[0-9]+ .*(stop_here|gamp_main_function_)' ||
        fail "the thread's own stack is not back:"
    if grep -q 'Python Exception' "$dir/out"; then
        fail "the script failed:"
    fi
}

# One P: nobody runs the last goroutines while main has it.
cd "$dir" || exit 1
GAMPMAXPROCS=1 timeout 60 gdb -nx -batch -ex 'set pagination off' \
    -ex 'handle SIGURG nostop noprint pass' -ex 'break stop_here' \
    -ex run -x look -ex kill ./prog >out 2>&1
grep -q 'hit Breakpoint' out || { echo "skipped: gdb cannot run programs here"; cat out; exit 77; }
check live

ulimit -c unlimited
GAMPMAXPROCS=1 ./prog crash >/dev/null 2>&1
core=$(find . -name 'core*' | head -n 1)
if [ -z "$core" ]; then
    echo "live only: the kernel put the core file elsewhere ($(cat /proc/sys/kernel/core_pattern))"
    exit 0
fi
timeout 60 gdb -nx -batch -ex 'set pagination off' -x look ./prog "$core" >out 2>&1
check core
