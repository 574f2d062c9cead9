#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# valgrind.sh: memcheck on goroutines. It takes a switch for what it is, so a program without a
# mistake has none reported, and what is planted in goroutines is found, with their stacks.
# SRC, BUILD, CC as ctest gives them.
set -u
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
fail() {
    echo "valgrind.sh: $*"
    grep -v '^--' "$dir/err" | head -n 60
    exit 1
}

command -v valgrind >/dev/null || { echo "skipped: no valgrind"; exit 77; }
[ -z "${GAMP_SANITIZE-}" ] || { echo "skipped: a sanitizer is in the way"; exit 77; }
[ -n "${VALGRIND_HEADER-}" ] || { echo "skipped: built without valgrind's header"; exit 77; }

cat >"$dir/prog.c" <<'C'
#include <gamp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#define NOINLINE __attribute__((noinline))
#define CHECK(c) do { if (!(c)) abort(); } while (0)
static gamp_waitgroup wg;
static gamp_chan *c, *d;
static _Atomic int over, sum;
static volatile int sink;
/* A frame of each size, whose contents are there again after a switch. */
static NOINLINE int deep(int n, int id)
{
    volatile int room[100];
    int r;

    for (int i = 0; i < 100; i++)
        room[i] = id + i;
    if (n % 10 == 0)
        gamp_gosched();
    r = n ? deep(n - 1, id) : 0;
    for (int i = 0; i < 100; i++)
        CHECK(room[i] == id + i);
    return r + room[5];
}
static void recurse(int id)
{
    sum += deep(id % 100, id) != 0;
    gamp_waitgroup_done(&wg);
}
static void echo(int n)
{
    int v = 0;

    for (int i = 0; i < n; i++)
        if (gamp_select(GAMP_RECV(c, &v), GAMP_AT(GAMP_NEVER)) == 0)
            gamp_chan_send(d, &v);
    gamp_waitgroup_done(&wg);
}
static void loops(void)
{
    while (!over)
        ;
    gamp_waitgroup_done(&wg);
}
static void blocks(void)
{
    usleep(3000);
    gamp_sleep(GAMP_MILLISECOND);
    gamp_waitgroup_done(&wg);
}
static void *thread(void *arg)
{
    gamp_chan_send(c, (int *)arg);
    return NULL;
}
static void panics(void *arg)
{
    char room[3000];

    memset(room, 1, sizeof room);
    gamp_panic("with %d", room[7] + *(int *)arg);
}
static void sound(void)
{
    int v = 7, fd[2];
    pthread_t t;
    char b = 'x';

    for (int round = 0; round < 3; round++) {
        gamp_waitgroup_add(&wg, 60);
        for (int i = 0; i < 60; i++)
            CHECK(gamp_go(recurse, i * 7 + 1) == 0);
        gamp_waitgroup_wait(&wg);
    }
    CHECK(sum == 180);
    gamp_waitgroup_add(&wg, 8);
    CHECK(gamp_go_with(GAMP_OPTIONS(.stack_size = 1 << 20), echo, 20) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(gamp_go(loops) == 0);
    for (int i = 0; i < 5; i++)
        CHECK(gamp_go(blocks) == 0);
    for (int i = 0; i < 19; i++) {
        gamp_chan_send(c, &i);
        CHECK(gamp_chan_recv(d, &v) && v == i);
    }
    CHECK(pthread_create(&t, NULL, thread, &v) == 0);
    CHECK(gamp_chan_recv(d, &v) && v == 18);
    pthread_join(t, NULL);
    CHECK(gamp_protect(panics, &v, NULL) < 0);
    CHECK(pipe(fd) == 0 && gamp_fd_register(fd[0]) == 0);
    CHECK(write(fd[1], &b, 1) == 1 && gamp_read(fd[0], &b, 1) == 1 && b == 'x');
    over = 1;
    gamp_waitgroup_wait(&wg);
}
static NOINLINE void uses_freed(void)
{
    char *p = malloc(10);

    gamp_gosched();
    free(p);
    gamp_gosched();
    sink = *(volatile char *)(p + 3);
    gamp_waitgroup_done(&wg);
}
static NOINLINE void fills(char *p, int n)
{
    __asm__ volatile("" : : "r"(p), "r"(n) : "memory");
}
static NOINLINE void branches_on_nothing(void)
{
    char room[64];

    fills(room, 64);
    gamp_gosched();
    if (room[17] == 3)
        sink = 1;
    gamp_waitgroup_done(&wg);
}
GAMP_MAIN(argc, argv)
{
    c = gamp_chan_of(int, 0);
    d = gamp_chan_of(int, 1);
    if (argc == 1) {
        sound();
    } else {
        gamp_waitgroup_add(&wg, 1);
        gamp_go(*argv[1] == 'f' ? uses_freed : branches_on_nothing);
        gamp_waitgroup_wait(&wg);
    }
    return 0;
}
C
$CC -g -O1 -I"$SRC/include" "$dir/prog.c" "$BUILD/libgamp.a" -lpthread -o "$dir/prog" || exit 1
"$dir/prog" >"$dir/err" 2>&1 || {
    [ $? -lt 126 ] || { echo "skipped: not this machine's code"; exit 77; }
    fail "it fails without valgrind:"
}

check() {
    want=$1
    shift
    timeout 100 valgrind --error-exitcode=9 "$dir/prog" "$@" >"$dir/err" 2>&1
    status=$?
    [ $status -eq "$want" ] || fail "$* ended with status $status, expected $want:"
    if grep -q 'switching stacks' "$dir/err"; then
        fail "$*: a switch is taken for a frame:"
    fi
}
for procs in 1 2; do
    export GAMPMAXPROCS=$procs
    check 0
    check 9 freed
    grep -A 3 'Invalid read of size 1' "$dir/err" | grep -q 'uses_freed' || fail "not found there:"
    check 9 undefined
    grep -A 3 'depends on uninitialised' "$dir/err" | grep -q 'branches_on_nothing' ||
        fail "not found there:"
done
