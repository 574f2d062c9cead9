#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# report_builds.sh: a fault is reported with function, file and line however the program was built
# and linked; stripped, with offsets that addr2line understands. SRC, BUILD, CC, CXX as ctest has
# them; TEST_EMULATOR runs a program of another machine.
set -u
[ -z "${GAMP_SANITIZE-}" ] || { echo "skipped: the sanitizer takes the faults"; exit 77; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
passed=0

cat >prog.c <<'C'
#include <gamp.h>
static volatile int *volatile nowhere;
__attribute__((noinline)) static void fault_here(int n)
{
    *nowhere = n; /* line 5 */
}
__attribute__((noinline)) static void between(int n)
{
    fault_here(n + 1); /* line 9 */
    __asm__ volatile("" ::: "memory");
}
static void protected_call(void *arg)
{
    between(*(int *)arg); /* line 14 */
    __asm__ volatile("" ::: "memory");
}
GAMP_MAIN(argc, argv)
{
    (void)argv;
    gamp_protect(protected_call, &argc, NULL);
    return 0;
}
C

fail() {
    echo "report_builds.sh: $1: $2"
    sed 's/^/    /' out
    exit 1
}

# run NAME: the program's report is in out
run() {
    # shellcheck disable=SC2086
    timeout 60 ${TEST_EMULATOR-} ./"$1" >out 2>&1
    status=$?
    [ $status -eq 2 ] || fail "$1" "status $status"
    grep -q '^\[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x' out ||
        fail "$1" "no signal line"
}

# frame NAME FUNCTION LINE
frame() {
    grep -A1 "^$2(\.\.\.)\$" out | grep -Eq "^	.*/prog\.c:$3 \+0x[0-9a-f]+\$" ||
        fail "$1" "no $2 at line $3"
}

whole() {
    run "$1"
    frame "$1" fault_here 5
    frame "$1" between 9
    frame "$1" protected_call 14
    grep -q '^gamp_protect(\.\.\.)$' out || fail "$1" "no gamp_protect"
    grep -Eq '^(protect|gostart|gomain|call|arch_entry|fault)\(' out && fail "$1" "internal frames"
    passed=$((passed + 1))
}

# build NAME FLAGS...
build() {
    name=$1
    shift
    $CC -I"$SRC/include" -g prog.c -o "$name" "$@" >out 2>&1 || fail "$name" "does not compile"
}

lib="$BUILD/libgamp.a -lpthread"
# shellcheck disable=SC2086
{
    build o0 -O0 $lib && whole o0
    if grep -q 'prog\.c:' out; then :; else echo "skipped: no lines in this build"; exit 77; fi
    build o2 -O2 $lib && whole o2
    build nopie -O1 -no-pie -fno-pie $lib && whole nopie
    build static -O1 -static $lib && whole static
    build lto -O2 -flto $lib && whole lto
    build dwarf4 -O2 -gdwarf-4 $lib && whole dwarf4
    build packed -O2 -gz=zlib $lib && whole packed
    build shared -O2 -L"$BUILD" -lgamp -Wl,-rpath,"$BUILD" -lpthread && whole shared
    build fp -O1 -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-omit-frame-pointer $lib &&
        whole fp
    build now -O2 -Wl,-z,now,-z,relro $lib && whole now
    build lazy -O2 -Wl,-z,lazy $lib && whole lazy
    build split -O2 $lib
    build bare -O2 $lib
}

# The compiler's own tools, where it is a cross compiler.
tool() {
    path=$($CC -print-prog-name="$1")
    command -v "$path" >/dev/null || path=$1
    echo "$path"
}
objcopy=$(tool objcopy) strip=$(tool strip) addr2line=$(tool addr2line)

# Debug information in a file of its own.
$objcopy --only-keep-debug split split.debug &&
    $strip split && $objcopy --add-gnu-debuglink=split.debug split || fail split "cannot be split"
run split
frame split fault_here 5
frame split between 9
passed=$((passed + 1))

# Nothing left: offsets in the module.
cp bare bare.whole
$strip bare || fail bare "cannot be stripped"
run bare
offset=$(grep -A1 '^?(\.\.\.)$' out | sed -n 's/^	.*\/bare +\(0x[0-9a-f]*\)$/\1/p' | head -n 1)
[ -n "$offset" ] || fail bare "no offset"
$addr2line -f -e bare.whole "$offset" | grep -q fault_here || fail bare "$offset is not fault_here"
grep -Eq '^(protect|gostart|gomain|call|arch_entry|fault)\(' out && fail bare "internal frames"
passed=$((passed + 1))

# A fault in a library's constructor: the loader's lock is held.
cat >plugin.c <<'C'
static volatile int *volatile nowhere;
__attribute__((constructor)) static void begin(void)
{
    *nowhere = 1; /* line 4 */
}
C
cat >host.c <<'C'
#include <dlfcn.h>
#include <gamp.h>
GAMP_MAIN(argc, argv)
{
    (void)argc;
    (void)argv;
    return dlopen("./plugin.so", RTLD_NOW) != 0;
}
C
# shellcheck disable=SC2086
$CC -g -shared -fPIC plugin.c -o plugin.so &&
    $CC -g -I"$SRC/include" host.c -o host $lib -ldl >out 2>&1 || fail host "does not compile"
run host
grep -A1 '^begin(\.\.\.)$' out | grep -q 'plugin\.c:4 ' || fail host "no constructor"
grep -A1 '^main(\.\.\.)$' out | grep -q 'host\.c:7 ' || fail host "no main"
passed=$((passed + 1))

# Removed and replaced while it runs: lines of the new file would be wrong.
cat >stale.c <<'C'
#include <gamp.h>
#include <stdio.h>
GAMP_MAIN(argc, argv)
{
    (void)argc;
    (void)argv;
    if (rename("other.so", "plugin2.so") < 0)
        return 1;
    extern void broken(void);
    broken();
    return 0;
}
C
cat >plugin2.c <<'C'
static volatile int *volatile nowhere;
void broken(void);
__attribute__((noinline)) void broken(void)
{
    *nowhere = 1;
}
C
sed 's/^void broken/void other(void){}\n\n\n\nvoid broken/' plugin2.c >other.c
# shellcheck disable=SC2086
$CC -g -O1 -shared -fPIC plugin2.c -o plugin2.so -Wl,--build-id &&
    $CC -g -O1 -shared -fPIC other.c -o other.so -Wl,--build-id &&
    $CC -g -O1 -I"$SRC/include" stale.c -o stale ./plugin2.so $lib >out 2>&1 ||
    fail stale "does not compile"
run stale
grep -q 'plugin2\.c:\|other\.c:' out && fail stale "lines of another file"
grep -A1 '^main(\.\.\.)$' out | grep -q 'stale\.c:10 ' || fail stale "no main"
passed=$((passed + 1))

echo "$passed builds reported well"
