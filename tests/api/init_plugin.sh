#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# init_plugin.sh: libraries with GAMP_INIT hooks are loaded, unloaded and loaded again, before
# gamp_run, by a hook and by goroutines: hooks of those that are there run once, the others not.
# SRC, BUILD, CC as ctest has them; TEST_EMULATOR runs a program of another machine.
set -u
[ -z "${GAMP_SANITIZE-}" ] || { echo "skipped: plugins would need the sanitizer's own"; exit 77; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1

cat >plugin.c <<'C'
#include <gamp.h>
#include <stdio.h>
GAMP_INIT(first)
{
    puts(NAME " first");
}
GAMP_INIT(second)
{
    puts(NAME " second");
}
C
cat >host.c <<'C'
#include <dlfcn.h>
#include <gamp.h>
#include <stdio.h>
#include <stdlib.h>
static void *load(const char *name)
{
    void *h = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!h) {
        puts(dlerror());
        exit(1);
    }
    return h;
}
static void again(int n)
{
    for (int i = 0; i < n; i++) {
        void *c = load("./c.so"), *d = load("./d.so");
        dlclose(c);
        c = load("./c.so");
        dlclose(d);
        dlclose(c);
    }
}
static void *removed;
GAMP_INIT(host)
{
    puts("host");
    dlclose(removed); /* its hooks would be next */
    again(10);
    load("./d.so"); /* runs after what there is */
}
static int program(int argc, char **argv)
{
    gamp_waitgroup wg = {0};
    (void)argc;
    (void)argv;
    for (int i = 0; i < 4; i++)
        gamp_waitgroup_go(&wg, again, 10);
    gamp_waitgroup_wait(&wg);
    puts("main");
    return 0;
}
int main(void)
{
    removed = load("./b.so");
    load("./a.so");
    again(3);
    return gamp_run(program, 0, NULL);
}
C
cat >want <<'C'
host
a first
a second
d first
d second
main
C
for name in a b c d; do
    $CC -I"$SRC/include" -DNAME="\"$name\"" -shared -fPIC plugin.c -o $name.so >out 2>&1 || {
        cat out
        exit 1
    }
done
$CC -I"$SRC/include" -rdynamic host.c -o host "$BUILD/libgamp.a" -ldl -lpthread >out 2>&1 || {
    cat out
    exit 1
}
for procs in 1 2 8; do
    # shellcheck disable=SC2086
    GAMPMAXPROCS=$procs timeout 60 ${TEST_EMULATOR-} ./host >out 2>&1
    status=$?
    [ $status -eq 0 ] && cmp -s out want && continue
    echo "init_plugin.sh: status $status at $procs"
    cat out
    exit 1
done
echo "hooks of plugins run as they should"
