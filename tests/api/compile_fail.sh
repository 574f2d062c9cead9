#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# compile_fail: what the public headers must accept, must refuse, and must hand to the library.
# - every header alone, in C and C++, each compiler, without a warning;
# - hpp.cc and hpp_more.cc, the tests of gamp.hpp, compile;
# - accept.c, which uses the macros in all their ways, likewise, under severe warnings;
# - reject.txt: statements that must not compile, each with a twin that must;
# - macros.c with the stand-in record.c: run, to see what arrives.
# Needs no library. Compilers that are not there are passed over; one of each language must be.
set -u

# The machine's own compilers alone are asked here, of some hundred small files: one preset's run is
# enough.
[ -z "${GAMP_SANITIZE-}${TEST_EMULATOR-}" ] ||
    { echo "skipped: the release preset's run asks the same"; exit 77; }

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
src=$here/headers
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT INT TERM

include="-I$root/include"
plain="-Wall -Wextra -Wpedantic -Wshadow -Werror"
severe="$plain -Wconversion -Wsign-conversion -Wcast-qual -Wcast-align -Wpointer-arith"
severe="$severe -Wwrite-strings -Wundef -Wvla -Wfloat-equal -Wcast-function-type"
severe_c="$severe -Wstrict-prototypes -Wmissing-prototypes"
severe_cxx="$severe -Wold-style-cast -Wzero-as-null-pointer-constant -Wnon-virtual-dtor"
failures=0

fail()
{
    echo "FAIL: $*"
    failures=$((failures + 1))
}

have()
{
    for each in "$@"; do
        command -v "$each" >/dev/null 2>&1 && echo "$each"
    done
}

cc=$(have gcc clang)
cxx=$(have g++ clang++)
[ -n "$cc" ] && [ -n "$cxx" ] || { echo "no compilers"; exit 1; }

# compile COMMAND...: silently; what it said is in $work/said.
compile()
{
    "$@" $include >"$work/said" 2>&1
}

headers=$(cd "$root/include" && ls gamp.h gamp/*.h)
for header in $headers; do
    # Twice: the guard works.
    printf '#include <%s>\n#include <%s>\nint one_declaration;\n' "$header" "$header" \
        >"$work/alone.c"
    for compiler in $cc; do
        for std in gnu11 gnu17; do
            compile "$compiler" -std=$std $severe_c -fsyntax-only "$work/alone.c" ||
                { fail "$header alone, $compiler -std=$std"; cat "$work/said"; }
        done
    done
    # Also where a program includes C headers inside extern "C".
    printf 'extern "C" {\n#include <%s>\n}\n' "$header" >"$work/alone.cc"
    for compiler in $cxx; do
        # C++14 is what clang 14 takes a C++ program for.
        for std in c++14 c++17; do
            compile "$compiler" -x c++ -std=$std $severe_cxx -fsyntax-only "$work/alone.c" ||
                { fail "$header alone, $compiler -std=$std"; cat "$work/said"; }
        done
        compile "$compiler" -x c++ -std=c++17 $plain -fsyntax-only "$work/alone.cc" ||
            { fail "$header inside extern \"C\", $compiler"; cat "$work/said"; }
    done
done
for header in $(cd "$root/include" && ls gamp/*.hpp 2>/dev/null); do
    printf '#include <%s>\n#include <%s>\n' "$header" "$header" >"$work/alone.cc"
    for compiler in $cxx; do
        for std in c++17 c++20; do
            compile "$compiler" -std=$std $severe_cxx -fsyntax-only "$work/alone.cc" ||
                { fail "$header alone, $compiler -std=$std"; cat "$work/said"; }
        done
    done
done

# With optimisation, since some warnings need it.
for compiler in $cc; do
    for std in gnu11 gnu17 c11; do
        compile "$compiler" -std=$std -D_DEFAULT_SOURCE -O2 $severe_c -c "$src/accept.c" \
            -o "$work/accept.o" || { fail "accept.c, $compiler -std=$std"; cat "$work/said"; }
    done
done
for compiler in $cxx; do
    for std in c++17 c++20; do
        compile "$compiler" -x c++ -std=$std -O2 $severe -c "$src/accept.c" -o "$work/accept.o" ||
            { fail "accept.c, $compiler -std=$std"; cat "$work/said"; }
    done
done

# The wrapper's templates are checked where they are used.
for compiler in $cxx; do
    for each in hpp:c++17 hpp:c++20 hpp_more:c++20; do
        file=${each%:*} std=${each#*:}
        compile "$compiler" -std=$std -O2 $severe "-I$root/tests" -c "$root/tests/api/$file.cc" \
            -o "$work/hpp.o" || { fail "$file.cc, $compiler -std=$std"; cat "$work/said"; }
    done
    # Programs without exceptions and type information use it too.
    compile "$compiler" -std=c++17 -O2 -fno-exceptions -fno-rtti $severe "-I$root/tests" \
        -c "$root/tests/api/hpp_more.cc" -o "$work/hpp.o" ||
        { fail "hpp_more.cc without exceptions, $compiler"; cat "$work/said"; }
done

# snippet NAME STATEMENT
snippet()
{
    printf 'void %s(void);\nvoid %s(void) { SNIPPET_LOCALS %s; }\n' "$1" "$1" "$2"
}

# The wrong ones each by itself, or one would hide another; their twins together.
for language in c cc; do
    echo '#include "snippet.h"' >"$work/twins.$language"
done
pairs=0
while IFS= read -r line; do
    case $line in
    '' | '#'*) continue ;;
    c:*) languages=c line=${line#c: } ;;
    cxx:*) languages=cc line=${line#cxx: } ;;
    *) languages='c cc' ;;
    esac
    bad=${line%% ;; *} good=${line##* ;; }
    pairs=$((pairs + 1))
    for language in $languages; do
        snippet "twin$pairs" "$good" >>"$work/twins.$language"
        { echo '#include "snippet.h"'; snippet wrong "$bad"; } >"$work/wrong.$language"
        if [ $language = c ]; then
            compilers=$cc std=gnu11
        else
            compilers=$cxx std=c++17
        fi
        for compiler in $compilers; do
            compile "$compiler" -std=$std "-I$src" -fsyntax-only "$work/wrong.$language" &&
                fail "$compiler compiles: $bad"
        done
    done
done <"$src/reject.txt"
for compiler in $cc; do
    compile "$compiler" -std=gnu11 "-I$src" $plain -Wno-address -fsyntax-only "$work/twins.c" ||
        { fail "the twins of reject.txt, $compiler"; cat "$work/said"; }
done
for compiler in $cxx; do
    compile "$compiler" -std=c++17 "-I$src" $plain -Wno-address -fsyntax-only "$work/twins.cc" ||
        { fail "the twins of reject.txt, $compiler"; cat "$work/said"; }
done
[ "$pairs" -gt 50 ] || fail "only $pairs pairs were read"

# run NAME LINKER COMPILER-WITH-OPTIONS...: macros.c and the files with hooks by these, record.c by
# the C compiler of the family, linked as one program and with record.c as a shared library.
run()
{
    name=$1 linker=$2
    shift 2
    for file in macros init_b init_a; do
        compile "$@" $plain -c "$src/$file.c" -o "$work/$file.o" ||
            { fail "$file.c, $name"; cat "$work/said"; return; }
    done
    objects="$work/macros.o $work/init_b.o $work/init_a.o"
    compile "$linker" $objects "$work/record.o" -o "$work/static" &&
        "$work/static" argument >"$work/said" 2>&1 || { fail "macros, $name"; cat "$work/said"; }
    compile "$linker" $objects "$work/librecord.so" "-Wl,-rpath,$work" -o "$work/shared" &&
        "$work/shared" argument >"$work/said" 2>&1 ||
        { fail "macros with a shared library, $name"; cat "$work/said"; }
}

for compiler in $cc; do
    for level in -O0 -O2; do
        compile "$compiler" -std=gnu11 -fPIC $level $plain -c "$src/record.c" -o "$work/record.o" &&
            compile "$compiler" -shared "$work/record.o" -o "$work/librecord.so" ||
            { fail "record.c, $compiler"; cat "$work/said"; continue; }
        run "$compiler $level" "$compiler" "$compiler" -std=gnu11 $level
        case $compiler in
        gcc) mate=g++ ;;
        *) mate=clang++ ;;
        esac
        command -v $mate >/dev/null 2>&1 &&
            run "$mate $level" $mate $mate -x c++ -std=c++17 $level
    done
done

if [ $failures -ne 0 ]; then
    echo "$failures failures"
    exit 1
fi
echo "ok: $(echo $headers | wc -w) headers, $pairs pairs, with $(echo $cc $cxx)"
