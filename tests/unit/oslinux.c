/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel gives, by the library's own calls: futex, clocks, memory and guards, threads. */
#include "base/atomic.h"
#include "os/linux/clock.h"
#include "os/linux/futex.h"
#include "os/linux/membarrier.h"
#include "os/linux/print.h"
#include "os/linux/sys.h"
#include "os/linux/thread.h"
#include "os/linux/vm.h"
#include "harness/test.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MS = 1000000 };

/* --- sys -------------------------------------------------------------------------------------- */

TEST(calls_answer_errors_and_leave_errno)
{
    char c;

    errno = 77;
    CHECK_EQ(sys_read(-1, &c, 1), -EBADF);
    CHECK_EQ(sys_open("/nonexistent/file", O_RDONLY, 0), -ENOENT);
    CHECK_EQ(sys_getpid(), getpid());
    CHECK_EQ(sys_gettid(), getpid());
    CHECK_EQ(errno, 77);
}

/* Six arguments arrive in their places. */
TEST(six_arguments)
{
    char name[] = "/tmp/gamp-os-XXXXXX", *p;
    int fd = mkstemp(name);

    unlink(name);
    CHECK_EQ(ftruncate(fd, 2 * PAGE), 0);
    CHECK_EQ(pwrite(fd, "second", 6, PAGE), 6);
    p = (char *)sys_call(SYS_mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, PAGE);
    CHECK(p != MAP_FAILED);
    CHECK_STR(p, "second");
    CHECK_EQ(sys_call(SYS_munmap, p, PAGE), 0);
    close(fd);
}

TEST(print_is_whole)
{
    char want[200000], got[200000];
    int fd[2];
    size_t n = 0;
    pid_t child;

    memset(want, 'x', sizeof want);
    CHECK_EQ(pipe(fd), 0);
    child = fork();
    if (child == 0) {
        /* A pipe that takes a part at a time, and at times nothing. */
        CHECK_EQ(fcntl(fd[1], F_SETFL, O_NONBLOCK), 0);
        print_text(fd[1], want, sizeof want);
        _exit(0);
    }
    close(fd[1]);
    while (n < sizeof got) {
        ssize_t r = read(fd[0], got + n, 4096);

        CHECK_GT(r, 0);
        n += (size_t)r;
    }
    CHECK(!memcmp(got, want, sizeof want));
    print_text(-1, "lost", 4); /* comes back */
}

/* --- futex ------------------------------------------------------------------------------------ */

static uint32_t word;
static int asleep[4];
static int woken;

static void *futex_sleeper(void *arg)
{
    store_release((int *)arg, sys_gettid());
    while (futex_wait(&word, 0, NEVER) == -EINTR)
        ;
    fetch_add_relaxed(&woken, 1);
    return NULL;
}

static void await_sleep(const int *tid)
{
    while (!load_acquire(tid) || thread_state(load_acquire(tid)) != 'S')
        usleep(200);
}

TEST(futex_answers)
{
    int64_t until = nanotime() + 10 * MS;

    word = 1;
    CHECK_EQ(futex_wait(&word, 0, NEVER), -EAGAIN);
    CHECK_EQ(futex_wait(&word, 1, until), -ETIMEDOUT);
    CHECK_GE(nanotime(), until);
    CHECK_EQ(futex_wait(&word, 1, nanotime() - 1), -ETIMEDOUT);
    CHECK_EQ(futex_wait(&word, 1, 0), -ETIMEDOUT);
    CHECK_EQ(futex_wait(&word, 1, INT64_MIN), -ETIMEDOUT);
}

/* As many are woken as were asked for. */
TEST(futex_wakes_so_many)
{
    pthread_t t[4];

    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&t[i], NULL, futex_sleeper, &asleep[i]), 0);
    for (int i = 0; i < 4; i++)
        await_sleep(&asleep[i]);
    /* A thread sleeps for a moment in an emulator's lock, too: it may not have got there yet. */
    for (int n = 0; n < 2;)
        n += futex_wake(&word, 2 - n);
    while (load_acquire(&woken) < 2)
        usleep(200);
    /* Had it woken all, the others would very likely be through by now. */
    usleep(5000);
    CHECK_EQ(load_acquire(&woken), 2);
    futex_wake(&word, INT32_MAX);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_join(t[i], NULL), 0);
    CHECK_EQ(woken, 4);
}

/* --- clocks ----------------------------------------------------------------------------------- */

TEST(clocks_are_the_systems)
{
    struct timespec mono, wall;
    int64_t n = nanotime(), w = walltime();

    clock_gettime(CLOCK_MONOTONIC, &mono);
    clock_gettime(CLOCK_REALTIME, &wall);
    CHECK_GT(n, 0);
    CHECK_LE(n, mono.tv_sec * 1000000000ll + mono.tv_nsec);
    CHECK_GE(nanotime(), mono.tv_sec * 1000000000ll + mono.tv_nsec);
    CHECK_LE(wall.tv_sec - w / 1000000000, 60); /* nobody sets the clock back now */
    CHECK_GE(wall.tv_sec - w / 1000000000, -60);
    n = nanotime();
    clock_sleep(3 * MS);
    CHECK_GE(nanotime() - n, 3 * MS);
    clock_sleep(0);
    clock_sleep(-5);
}

TEST(time_sums_saturate)
{
    CHECK_EQ(time_add(1, 2), 3);
    CHECK_EQ(time_add(5, -7), -2);
    CHECK_EQ(time_add(NEVER, 1), NEVER);
    CHECK_EQ(time_add(NEVER - 1, 1), NEVER);
    CHECK_EQ(time_add(100, NEVER), NEVER);
    CHECK_EQ(time_add(INT64_MIN, -1), INT64_MIN);
    CHECK_EQ(time_add(-100, INT64_MIN), INT64_MIN);
}

static void *worker(void *arg)
{
    int *tid = arg;
    volatile uint64_t n = 0;

    store_release(tid, sys_gettid());
    while (thread_cputime(thread_cpuclock(*tid)) < 20 * MS)
        n++;
    while (futex_wait(&word, 0, NEVER) == -EINTR)
        ;
    return NULL;
}

/* Another thread's CPU clock: it runs while that one computes, and stands still while it sleeps;
 * sysmon's eyes. */
TEST(cpu_clock_of_another_thread)
{
    int tid = 0;
    pthread_t t;
    int64_t at;

    CHECK_EQ(pthread_create(&t, NULL, worker, &tid), 0);
    while (!load_acquire(&tid))
        usleep(200);
    while (thread_cputime(thread_cpuclock(tid)) < 20 * MS)
        usleep(200);
    await_sleep(&tid);
    /* It may be on its way to sleep still. */
    do {
        at = thread_cputime(thread_cpuclock(tid));
        usleep(5000);
    } while (thread_cputime(thread_cpuclock(tid)) != at);
    CHECK_GE(at, 20 * MS);
    usleep(20000);
    CHECK_EQ(thread_cputime(thread_cpuclock(tid)), at);
    CHECK_EQ(thread_sleeps(tid), -1);
    CHECK_GE(thread_sleeps_own(), 0);
    store_release(&word, 1);
    futex_wake(&word, 1);
    CHECK_EQ(pthread_join(t, NULL), 0);
    while (thread_state(tid))
        usleep(200);
    CHECK_LT(thread_cputime(thread_cpuclock(tid)), 0);
    CHECK_GE(thread_sleeps(sys_gettid()), 0);
}

/* --- memory ----------------------------------------------------------------------------------- */

static bool readable(const char *p)
{
    int fd[2];
    bool yes;

    CHECK_EQ(pipe(fd), 0);
    yes = write(fd[1], p, 1) == 1;
    CHECK(yes || errno == EFAULT);
    close(fd[0]);
    close(fd[1]);
    return yes;
}

TEST(maps_are_zeroed_and_grow)
{
    char *p = vm_map(4 * PAGE);

    CHECK(p != NULL);
    for (size_t i = 0; i < 4 * PAGE; i++)
        CHECK_EQ(p[i], 0);
    memset(p, 'a', 4 * PAGE);
    p = vm_remap(p, 4 * PAGE, 400 * PAGE);
    CHECK(p != NULL);
    CHECK_EQ(p[0], 'a');
    CHECK_EQ(p[4 * PAGE - 1], 'a');
    CHECK_EQ(p[4 * PAGE], 0);
    vm_unused(p, 4 * PAGE);
    CHECK_EQ(p[0], 0);
    CHECK_EQ(p[4 * PAGE - 1], 0);
    vm_unmap(p, 400 * PAGE);
    CHECK(!vm_map((size_t)1 << 60));
    CHECK(!vm_reserve((size_t)1 << 60, PAGE));
}

TEST(reservations_are_aligned)
{
    for (size_t align = PAGE; align <= 64u << 20; align *= 8) {
        char *p = vm_reserve(3 * PAGE, align);

        CHECK(p != NULL);
        CHECK_EQ((uintptr_t)p % align, 0);
        p[0] = p[3 * PAGE - 1] = 1;
        vm_unmap(p, 3 * PAGE);
    }
    /* Far more than the machine has, since nothing is touched. */
    char *much = vm_reserve((size_t)1 << 38, PAGE);
    CHECK(much != NULL);
    much[(size_t)1 << 37] = 1;
    vm_unmap(much, (size_t)1 << 38);
}

static void guards(enum guard_kind kind)
{
    enum { N = 8 };
    char *p = vm_map(3 * N * PAGE);

    vm_guard_force(kind);
    CHECK_EQ(vm_guard_kind(), kind);
    memset(p, 'x', 3 * N * PAGE);
    CHECK_EQ(vm_guard(p + N * PAGE, N * PAGE), 0);
    CHECK(readable(p + N * PAGE - 1));
    for (int i = 0; i < N; i++)
        CHECK(!readable(p + (N + i) * PAGE));
    CHECK(!readable(p + 2 * N * PAGE - 1));
    CHECK(readable(p + 2 * N * PAGE));
    vm_unguard(p + N * PAGE, N * PAGE);
    for (int i = 0; i < N; i++)
        CHECK(readable(p + (N + i) * PAGE));
    p[N * PAGE] = 1;
    vm_unmap(p, 3 * N * PAGE);
}

TEST(guards_by_mprotect)
{
    guards(GUARD_PROTECT);
}

TEST(guards_by_madvise)
{
    if (vm_guard_kind() != GUARD_LIGHT)
        test_skip("this kernel has no MADV_GUARD_INSTALL");
    guards(GUARD_LIGHT);
}

/* What the probe found is what the machine does. */
TEST(guards_as_probed)
{
    enum guard_kind kind = vm_guard_kind();

    CHECK(kind == GUARD_LIGHT || kind == GUARD_PROTECT);
    guards(kind);
}

/* --- threads ---------------------------------------------------------------------------------- */

static uint32_t thread_done;
static sigset_t thread_mask;
static uintptr_t thread_lo, thread_hi, thread_sp;

static void thread_body(void *arg)
{
    CHECK(arg == &thread_done);
    pthread_sigmask(SIG_SETMASK, NULL, &thread_mask);
    thread_stack(&thread_lo, &thread_hi);
    thread_sp = (uintptr_t)__builtin_frame_address(0);
    store_release(&thread_done, 1);
    futex_wake(&thread_done, 1);
}

TEST(thread_begins_with_signals_blocked)
{
    sigset_t before, after;

    pthread_sigmask(SIG_SETMASK, NULL, &before);
    CHECK_EQ(thread_create(thread_body, &thread_done, 256 << 10), 0);
    while (!load_acquire(&thread_done))
        futex_wait(&thread_done, 0, NEVER);
    for (int sig = 1; sig < 32; sig++)
        CHECK(sig == SIGKILL || sig == SIGSTOP || sigismember(&thread_mask, sig) == 1);
    CHECK_GE(thread_hi - thread_lo, 256 << 10);
    CHECK_LE(thread_hi - thread_lo, 1 << 20);
    CHECK(thread_sp > thread_lo && thread_sp < thread_hi);
    /* The maker's own mask is as it was. */
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    CHECK(!memcmp(&before, &after, 8));
    CHECK_EQ(thread_create(thread_body, NULL, (size_t)1 << 60), -EAGAIN);
}

TEST(thread_counts)
{
    pthread_t t[3];
    int before = thread_count();

    if (TEST_TSAN)
        test_skip("the sanitizer has a thread of its own, which comes late");
    CHECK_EQ(before, 1);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_create(&t[i], NULL, futex_sleeper, &asleep[i]), 0);
    for (int i = 0; i < 3; i++)
        await_sleep(&asleep[i]);
    CHECK_EQ(thread_count(), before + 3);
    CHECK_EQ(thread_state(sys_gettid()), 'R');
    store_release(&word, 1);
    futex_wake(&word, INT32_MAX);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_join(t[i], NULL), 0);
    while (thread_count() > before)
        usleep(200);
    CHECK_EQ(thread_state(1 << 30), 0);
}

static void *slices(void *arg)
{
    int64_t was = thread_slice(0, 20 * MS);

    (void)arg;
    if (was < 0) /* before Linux 6.12, or an emulator */
        return NULL;
    CHECK_EQ(thread_slice(sys_gettid(), 2 * MS), 20 * MS);
    CHECK_EQ(thread_slice(0, was), 2 * MS);
    CHECK_EQ(thread_slice(0, was), was);
    return NULL;
}

/* A thread's slice is what it was set to, by itself or another; what it was comes back. */
TEST(slices)
{
    pthread_t t;

    CHECK_EQ(pthread_create(&t, NULL, slices, NULL), 0);
    CHECK_EQ(pthread_join(t, NULL), 0);
    CHECK_EQ(thread_slice(1 << 30, MS), -1);
}

TEST(alternate_stacks_have_a_guard)
{
    char *p = thread_altstack_new();

    CHECK(p != NULL);
    CHECK_GE(thread_altstack_size(), 32 << 10);
    CHECK(!readable(p - 1));
    p[0] = p[thread_altstack_size() - 1] = 1;
    thread_altstack_free(p);
    thread_altstack_free(NULL);
}

TEST(membarrier_says_whether_there_is_one)
{
    if (!membarrier_init())
        test_skip("this kernel has no membarrier");
    membarrier();
}
