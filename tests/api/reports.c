/* SPDX-License-Identifier: BSD-3-Clause */
/* reports: what panics, faults, deadlocks, SIGQUIT and gamp_stack_dump print, against Go's format,
 * and that printing it waits for no lock. */
#define _GNU_SOURCE
#include "harness/test.h"
#include <errno.h>
#include <fcntl.h>
#include <gamp.h>
#include <link.h>
#include <pthread.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))
/* Keeps the call before it from becoming a jump. */
#define NO_TAIL() __asm__ volatile("" ::: "memory")

/* reading a dump */

static bool matches(const char *line, size_t n, const char *pattern)
{
    char text[1000];
    regex_t re;
    bool yes;

    if (n >= sizeof text)
        return false;
    memcpy(text, line, n);
    text[n] = '\0';
    CHECK_EQ(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
    yes = regexec(&re, text, 0, NULL, 0) == 0;
    regfree(&re);
    return yes;
}

#define STARTS(text, with) (strncmp(text, with, sizeof with - 1) == 0)

#define HEAD                                                                                       \
    "^goroutine [0-9]+ \\[[a-zA-Z.() ]+(, [0-9]+ minutes)?(, locked to thread)?\\]"                \
    "( \\{name: .*\\})?:$"
#define FUNCTION "^[^ \t]+\\(\\.\\.\\.\\)$"
#define PLACE "^\t[^ ]+(:[0-9]+)? \\+0x[0-9a-f]+$|^\tpc=0x[0-9a-f]+$|^\t[^ ]+:[0-9]+$"
#define CREATOR "^created by [^ ]+$"
#define UNAVAILABLE "^\tgoroutine running on other thread; stack unavailable$"

/* Every line from the first head on is as Go has it. Returns how many goroutines there are. */
static int check_dump(const char *text)
{
    const char *at = strncmp(text, "goroutine ", 10) == 0 ? text : strstr(text, "\ngoroutine ");
    enum { START, BODY, AFTER_NAME } state = START;
    int n = 0;

    CHECK_MSG(at != NULL, "no goroutine in:\n%s", text);
    for (const char *end = at - (*at != '\n'); *(at = end + 1);) {
        size_t len;

        end = strchr(at, '\n');
        CHECK_MSG(end != NULL, "the last line has no end:\n%s", text);
        len = (size_t)(end - at);
        if (state == START && matches(at, len, HEAD)) {
            n++;
            state = BODY;
        } else if (state == BODY && len == 0) {
            state = START;
        } else if (state == BODY && (matches(at, len, FUNCTION) || matches(at, len, CREATOR))) {
            state = AFTER_NAME;
        } else if (state == AFTER_NAME && matches(at, len, PLACE)) {
            state = BODY;
        } else if (state != BODY ||
                   (!matches(at, len, UNAVAILABLE) &&
                    !matches(at, len, "^\\.\\.\\.[0-9]+ frames elided\\.\\.\\.$"))) {
            test_fail(__FILE__, __LINE__, "bad line \"%.*s\" in:\n%s", (int)len, at, text);
        }
    }
    return n;
}

/* The part of the text that is of the goroutine whose head contains `head`. */
static const char *goroutine(const char *text, const char *head)
{
    static char part[65536];
    const char *at = text, *end;

    for (at = strstr(text, "goroutine "); at; at = strstr(at + 1, "\ngoroutine ")) {
        at += *at == '\n';
        end = strchr(at, '\n');
        if (memmem(at, (size_t)(end - at), head, strlen(head))) {
            const char *last = strstr(at, "\n\n");

            snprintf(part, sizeof part, "%.*s", last ? (int)(last - at + 1) : (int)strlen(at), at);
            return part;
        }
    }
    test_fail(__FILE__, __LINE__, "no goroutine [%s] in:\n%s", head, text);
}

/* The line of the given frame; 0: none given; fails when the function is not there. */
static int frame(const char *text, const char *function)
{
    char name[100];
    const char *at, *colon, *end;

    snprintf(name, sizeof name, "\n%s(...)\n\t", function);
    at = strstr(text, name);
    CHECK_MSG(at != NULL, "no frame of %s in:\n%s", function, text);
    at += strlen(name);
    end = strchr(at, '\n');
    colon = memchr(at, ':', (size_t)(end - at));
    return colon ? atoi(colon + 1) : 0;
}

static bool has_lines; /* the library knows lines here */

static void find_out(void)
{
    static char text[65536];
    int fds[2];
    ssize_t n;

    CHECK_EQ(pipe(fds), 0);
    CHECK_EQ(gamp_stack_dump(fds[1], 0), 0);
    n = read(fds[0], text, sizeof text - 1);
    CHECK_GT(n, 0);
    text[n] = '\0';
    has_lines = strstr(text, "reports.c:") != NULL;
#ifdef HAVE_LIBBACKTRACE
    CHECK_MSG(has_lines, "no lines in:\n%s", text);
#endif
}

#define CHECK_FRAME(text, function, line)                                                          \
    do {                                                                                           \
        int line_ = frame(text, function);                                                         \
        if (has_lines)                                                                             \
            CHECK_EQ(line_, line);                                                                 \
    } while (0)

/* Runs fn as a program's main in a child, with GAMPTRACEBACK as given. */
struct program {
    int (*fn)(int, char **);
    const char *level;
};

static void run_program(void *arg)
{
    struct program *p = arg;

    if (p->level)
        setenv("GAMPTRACEBACK", p->level, 1);
    else
        unsetenv("GAMPTRACEBACK");
    exit(gamp_run(p->fn, 0, NULL));
}

static test_child child;

static const char *report(int (*fn)(int, char **), const char *level, int status)
{
    struct program p = {fn, level};

    find_out();
    test_run_child(run_program, &p, &child);
    CHECK_MSG(child.status == status, "status %d and not %d:\n%s", child.status, status, child.err);
    return child.err;
}

/* panics */

static const int panic_line = __LINE__ + 3;
static NOINLINE void panicking(int n)
{
    gamp_panic("it broke: %d", n);
}
static void (*volatile call_panicking)(int) = panicking; /* it might return, for the compiler */

static const int middle_line = __LINE__ + 3;
static NOINLINE void middle(int n)
{
    panicking(n);
    NO_TAIL();
}

static void wait_for_ever(void)
{
    gamp_chan_recv(NULL, NULL);
    NO_TAIL();
}

static const int create_line = __LINE__ + 4;
static NOINLINE void creating(void)
{
    gamp_go(wait_for_ever);
    gamp_go_with(GAMP_OPTIONS(.name = "breaker"), middle, 42);
    NO_TAIL();
}

static int main_panic(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    creating();
    wait_for_ever();
    return 0;
}

TEST(panic)
{
    const char *err = report(main_panic, NULL, 2), *g, *by;

    CHECK(STARTS(err, "panic: it broke: 42\n\ngoroutine "));
    CHECK_EQ(check_dump(err), 1);
    g = goroutine(err, "[running] {name: breaker}:");
    frame(g, "gamp_panic");
    CHECK_FRAME(g, "panicking", panic_line);
    CHECK_FRAME(g, "middle", middle_line);
    by = strstr(g, "created by creating\n\t");
    CHECK(by != NULL);
    if (has_lines)
        CHECK_EQ(atoi(strchr(by, ':') + 1), create_line);
    /* Nothing of the library but what the program called. */
    CHECK(!strstr(err, "gopanic") && !strstr(err, "gostart") && !strstr(err, "arch_entry"));
}

TEST(level_none)
{
    CHECK_STR(report(main_panic, "none", 2), "panic: it broke: 42\n");
}

TEST(level_all)
{
    const char *err = report(main_panic, "all", 2);

    CHECK_EQ(check_dump(err), 3);
    /* Which may yet be on its way to the wait. */
    frame(goroutine(err, "goroutine 1 ["), "main_panic");
    frame(goroutine(err, " [running] {name: breaker}:"), "panicking");
    CHECK(strstr(goroutine(err, "goroutine 1 "), "created by") == NULL);
    CHECK(!strstr(err, "gostart"));
}

TEST(level_system)
{
    const char *err = report(main_panic, "system", 2);

    CHECK_GE(check_dump(err), 3);
    CHECK_CONTAINS(err, "\ngopanic(...)\n");
    CHECK_CONTAINS(err, "\ngostart(...)\n");
}

TEST(level_crash)
{
    char *err = child.err;

    report(main_panic, "crash", 128 + SIGABRT);
    if (strstr(err, "\nqemu: ")) /* it has something to add */
        strstr(err, "\nqemu: ")[1] = '\0';
    CHECK_GE(check_dump(err), 3);
}

static void panic_again(void *arg)
{
    (void)arg;
    gamp_panic("and again");
}

static int main_nested(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    gamp_defer(panic_again, NULL);
    gamp_panic("first");
}

/* The stack is that of the panic, with the deferred call on top of it. */
TEST(panic_in_deferred_call)
{
    const char *err = report(main_nested, NULL, 2), *inner, *outer;

    CHECK(STARTS(err, "panic: first\n\tpanic: and again\n\ngoroutine 1 [running]:\n"));
    check_dump(err);
    inner = strstr(err, "panic_again(...)");
    outer = strstr(err, "main_nested(...)");
    CHECK(inner && outer && inner < outer);
}

static void *foreign_panic(void *arg)
{
    (void)arg;
    panicking(7);
    return NULL;
}

static int main_foreign(int argc, char **argv)
{
    pthread_t t;

    (void)argc;
    (void)argv;
    pthread_create(&t, NULL, foreign_panic, NULL);
    wait_for_ever();
    return 0;
}

TEST(panic_on_foreign_thread)
{
    const char *err = report(main_foreign, NULL, 2);

    CHECK(STARTS(err, "panic: it broke: 7\n\ngoroutine 0 [running]:\n"));
    check_dump(err);
    CHECK_FRAME(err, "panicking", panic_line);
    frame(err, "foreign_panic");
}

/* faults */

/* Sanitizers report faults themselves. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IN_SANITIZER true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IN_SANITIZER true
#endif
#endif
#ifndef IN_SANITIZER
#define IN_SANITIZER false
#endif
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define IN_TSAN true
#endif
#endif
#ifndef IN_TSAN
#define IN_TSAN false
#endif
#define UNCHECKED __attribute__((no_sanitize("undefined")))

static volatile int *nowhere;
static volatile int zero;
static int (*volatile no_function)(void);

static const int fault_line = __LINE__ + 3;
UNCHECKED static NOINLINE void write_nowhere(void)
{
    *nowhere = 1;
}

UNCHECKED static NOINLINE void divide(int n)
{
    zero = n * 100 / zero;
}

/* Beyond the end of its file. */
UNCHECKED static NOINLINE int read_beyond(void)
{
    int fd = open("/proc/self/exe", O_RDONLY);
    off_t size = (lseek(fd, 0, SEEK_END) + 8191) & ~(off_t)4095;
    volatile char *map = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);

    return map[size - 1];
}

UNCHECKED static NOINLINE int overflow(int n)
{
    volatile char room[500];

    if (n < 0)
        return 0;
    room[n % 500] = 1;
    return overflow(n + 1) + room[3];
}

UNCHECKED static NOINLINE void call_nowhere(void)
{
    no_function();
    NO_TAIL();
}

/* Passes over the guard at one go, to where nothing may be touched. */
UNCHECKED static NOINLINE void leap(void)
{
    volatile char here;
    uintptr_t sp = (uintptr_t)&here, below;
    volatile char *frame;

    below = (uintptr_t)mmap((void *)(sp - (256 << 20)), 1 << 20, PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(below < sp && sp - below < (512 << 20));
    frame = __builtin_alloca(sp - below - (512 << 10));
    frame[0] = 1;
}

static int fault_kind;

static void faulting(int kind)
{
    switch (kind) {
    case 0:
        write_nowhere();
        break;
    case 1:
        divide(kind + 1000);
        break;
    case 2:
        read_beyond();
        break;
    case 3:
        overflow(0);
        break;
    case 4:
        call_nowhere();
        break;
    case 5:
        raise(SIGFPE);
        break;
    case 6:
        leap();
        break;
    }
    NO_TAIL();
}

static int main_fault(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    gamp_go_with(GAMP_OPTIONS(.name = "faulty"), faulting, fault_kind);
    wait_for_ever();
    return 0;
}

static const char *fault_report(int kind, const char *first, const char *signal)
{
    const char *err, *second;

    if (IN_SANITIZER)
        test_skip("the sanitizer reports faults itself");
    fault_kind = kind;
    err = report(main_fault, NULL, 2);
    second = strchr(err, '\n') + 1;
    CHECK_MSG(matches(err, (size_t)(second - 1 - err), first), "%s", err);
    CHECK_MSG(matches(second, (size_t)(strchr(second, '\n') - second), signal), "%s", err);
    CHECK_EQ(check_dump(err), 1);
    return goroutine(err, " [running] {name: faulty}:");
}

#define NIL "^panic: runtime error: invalid memory address or nil pointer dereference$"

TEST(segv)
{
    const char *g = fault_report(0, NIL,
                                 "^\\[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 "
                                 "pc=0x[0-9a-f]+\\]$");

    CHECK_FRAME(g, "write_nowhere", fault_line);
    frame(g, "faulting");
}

TEST(fpe)
{
#if defined(__aarch64__)
    test_skip("a division by zero gives 0 on this machine");
#endif
    frame(fault_report(1, "^panic: runtime error: integer divide by zero$",
                       "^\\[signal SIGFPE: floating-point exception code=0x1 addr=0x[0-9a-f]+ "
                       "pc=0x[0-9a-f]+\\]$"),
          "divide");
}

TEST(fpe_that_was_sent)
{
    frame(fault_report(5, "^panic: SIGFPE: floating-point exception, sent by raise or kill$",
                       "^\\[signal SIGFPE: floating-point exception code=0x[0-9a-f]+ addr=0x0 "
                       "pc=0x[0-9a-f]+\\]$"),
          "faulting");
}

TEST(bus)
{
    frame(fault_report(2, NIL,
                       "^\\[signal SIGBUS: bus error code=0x2 addr=0x[0-9a-f]+ pc=0x[0-9a-f]+\\]$"),
          "read_beyond");
}

TEST(overflow_is_named)
{
    const char *g = fault_report(3, "^fatal error: stack overflow in goroutine [0-9]+$",
                                 "^\\[signal SIGSEGV: segmentation violation code=0x[0-9a-f]+ "
                                 "addr=0x[0-9a-f]+ pc=0x[0-9a-f]+\\]$");
    int n = 0;

    for (const char *at = g; (at = strstr(at, "\noverflow(...)\n")); at++)
        n++;
    CHECK(n > 90 && n < 100);
    CHECK_CONTAINS(g, " frames elided...\n");
    frame(g, "faulting");
}

TEST(overflow_beyond_the_guard)
{
    frame(fault_report(6, "^fatal error: stack overflow in goroutine [0-9]+$",
                       "^\\[signal SIGSEGV: segmentation violation code=0x[0-9a-f]+ "
                       "addr=0x[0-9a-f]+ pc=0x[0-9a-f]+\\]$"),
          "leap");
}

TEST(call_of_null)
{
    const char *g = fault_report(
        4, NIL, "^\\[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x0\\]$");

    CHECK_CONTAINS(g, ":\n?(...)\n\tpc=0x0\ncall_nowhere(...)\n");
}

static void *foreign_fault(void *arg)
{
    (void)arg;
    write_nowhere();
    NO_TAIL();
    return NULL;
}

static int main_foreign_fault(int argc, char **argv)
{
    pthread_t t;

    (void)argc;
    (void)argv;
    pthread_create(&t, NULL, foreign_fault, NULL);
    wait_for_ever();
    return 0;
}

/* It never called gamp. */
TEST(fault_on_foreign_thread)
{
    const char *err;

    if (IN_SANITIZER)
        test_skip("the sanitizer reports faults itself");
    err = report(main_foreign_fault, NULL, 2);
    check_dump(err);
    CHECK_CONTAINS(err, "\n\ngoroutine 0 [running]:\nwrite_nowhere(...)\n");
    frame(err, "foreign_fault");
}

/* deadlock, SIGQUIT */

static gamp_mutex mutex;
static gamp_waitgroup group;

static void lock_it(void)
{
    gamp_mutex_lock(&mutex);
    NO_TAIL();
}

static void send_it(gamp_chan *c)
{
    int v = 1;

    gamp_chan_send(c, &v);
    NO_TAIL();
}

static void select_it(gamp_chan *c)
{
    int v = 1;

    gamp_select(GAMP_SEND(c, &v), GAMP_RECV(NULL, &v));
}

static int main_deadlock(int argc, char **argv)
{
    gamp_chan *c = gamp_chan_new(sizeof(int), 0);

    (void)argc;
    (void)argv;
    gamp_waitgroup_add(&group, 1);
    gamp_mutex_lock(&mutex);
    gamp_go(lock_it);
    gamp_go(send_it, c);
    gamp_go_with(GAMP_OPTIONS(.name = "chooser"), select_it, c);
    gamp_go(wait_for_ever);
    gamp_waitgroup_wait(&group);
    return 0;
}

TEST(deadlock)
{
    const char *err;

    if (IN_TSAN)
        test_skip("its own thread might call gamp, for all that gamp knows");
    err = report(main_deadlock, NULL, 2);
    CHECK(STARTS(err, "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 ["));
    CHECK_EQ(check_dump(err), 5);
    frame(goroutine(err, "goroutine 1 [sync.WaitGroup.Wait]:"), "main_deadlock");
    frame(goroutine(err, "[sync.Mutex.Lock]:"), "lock_it");
    frame(goroutine(err, "[chan send]:"), "send_it");
    frame(goroutine(err, "[select] {name: chooser}:"), "select_it");
    frame(goroutine(err, "[chan receive (nil chan)]:"), "wait_for_ever");
    CHECK_CONTAINS(goroutine(err, "[chan send]:"), "gamp_chan_send");
}

/* Main keeps its thread for itself, so that thread sleeps where only main can wake it. */
static int main_locked(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    gamp_lock_os_thread();
    for (int i = 0; i < 5; i++)
        gamp_go(wait_for_ever);
    gamp_gosched();
    wait_for_ever();
    return 0;
}

TEST(deadlock_of_a_locked_main)
{
    const char *err;

    if (IN_TSAN)
        test_skip("its own thread might call gamp, for all that gamp knows");
    err = report(main_locked, NULL, 2);
    CHECK(STARTS(err, "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 "
                      "[chan receive (nil chan), locked to thread]:\n"));
    CHECK_EQ(check_dump(err), 6);
}

static void blocks_its_thread(gamp_chan *all_are_made)
{
    gamp_chan_recv(all_are_made, (void *)NULL);
    pause();
    NO_TAIL();
}

static int main_exhausts(int argc, char **argv)
{
    gamp_chan *all_are_made = gamp_chan_of(int, 0);

    (void)argc;
    (void)argv;
    for (int i = 0; i < 40; i++)
        gamp_go(blocks_its_thread, all_are_made);
    gamp_chan_close(all_are_made);
    wait_for_ever();
    return 0;
}

static void run_exhausts(void *arg)
{
    const gamp_config few = {.max_threads = 10};

    (void)arg;
    exit(gamp_run_with(&few, main_exhausts, 0, NULL));
}

TEST(thread_exhaustion)
{
    test_run_child(run_exhausts, NULL, &child);
    CHECK_EQ(child.status, 2);
    CHECK(STARTS(child.err, "runtime: program exceeds 10-thread limit\n"
                            "fatal error: thread exhaustion\n\nruntime stack:\nthrow(...)\n"));
    CHECK_GE(check_dump(child.err), 41);
    CHECK(!strstr(child.err, "goroutine 0 "));
}

static int pipes[2];
static _Atomic int begun;
static _Atomic bool enough;

static NOINLINE void spin(void)
{
    begun++;
    while (!enough)
        NO_TAIL();
}

static NOINLINE void read_pipe(void)
{
    char c;

    begun++;
    if (read(pipes[0], &c, 1) < 0)
        abort();
}

static void *quit_it(void *arg)
{
    while (begun < (int)(intptr_t)arg)
        usleep(1000);
    kill(getpid(), SIGQUIT);
    return NULL;
}

static int main_quit(int argc, char **argv)
{
    pthread_t t;

    (void)argc;
    (void)argv;
    CHECK_EQ(pipe(pipes), 0);
    for (int i = 0; i < 3; i++)
        gamp_go(spin);
    gamp_go(read_pipe);
    gamp_go(wait_for_ever);
    while (begun < 4)
        gamp_gosched();
    gamp_lock_os_thread();
    pthread_create(&t, NULL, quit_it, (void *)5);
    spin();
    return 0;
}

static const char *count_frames(const char *text, const char *name, int want)
{
    char line[100];
    int n = 0;

    snprintf(line, sizeof line, "\n%s(...)\n\t", name);
    for (const char *at = text; (at = strstr(at, line)); at++)
        n++;
    CHECK_MSG(n == want, "%d frames of %s and not %d in:\n%s", n, name, want, text);
    return text;
}

/* Goroutines that spin, sleep in the kernel, and wait: each with its stack. */
TEST(sigquit)
{
    const char *err = report(main_quit, NULL, 2);

    CHECK(STARTS(err, "SIGQUIT: quit\nPC=0x"));
    CHECK_EQ(check_dump(err), 6);
    count_frames(err, "spin", 4);
    count_frames(err, "read_pipe", 1);
    count_frames(err, "wait_for_ever", 1);
    CHECK(!strstr(err, "stack unavailable"));
    CHECK_CONTAINS(goroutine(err, "goroutine 1 ["), "locked to thread]:");
    frame(goroutine(err, "goroutine 1 ["), "main_quit");
}

/* no lock */

static _Atomic int held;

static int hold_loader(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)info;
    (void)size;
    (void)arg;
    held++;
    pause();
    return 0;
}

static void *hold_locks(void *arg)
{
    (void)arg;
    flockfile(stderr);
    flockfile(stdout);
    dl_iterate_phdr(hold_loader, NULL);
    return NULL;
}

static int main_locks(int argc, char **argv)
{
    pthread_t t;

    (void)argc;
    (void)argv;
    pthread_create(&t, NULL, hold_locks, NULL);
    while (!held)
        gamp_gosched();
    panicking(1);
    return 0;
}

/* Another thread has the loader's lock and stdio's, and keeps them. */
TEST(locks_are_not_waited_for)
{
    const char *err = report(main_locks, "all", 2);

    check_dump(err);
    CHECK_FRAME(err, "panicking", panic_line);
}

static void allocate(void)
{
    begun++;
    for (;;)
        free(malloc((size_t)rand() % 100000));
}

static int main_malloc(int argc, char **argv)
{
    pthread_t t;

    (void)argc;
    (void)argv;
    for (int i = 0; i < 2; i++)
        gamp_go(allocate);
    while (begun < 2)
        gamp_gosched();
    pthread_create(&t, NULL, quit_it, (void *)3);
    allocate();
    return 0;
}

/* Goroutines are stopped wherever they are in malloc. */
TEST_WITHIN(inside_malloc, 60)
{
    for (int i = 0; i < 10; i++)
        count_frames(report(main_malloc, NULL, 2), "allocate", 3);
}

static NOINLINE int deep_panic(const char *top)
{
    volatile char room[600];
    int r = 0;

    room[0] = 1;
    /* Of 192 KiB. */
    if (top - (const char *)&room[0] > 180 << 10)
        call_panicking(2);
    else
        r = deep_panic(top);
    return r + room[0];
}

static void deep(void)
{
    deep_panic(__builtin_frame_address(0));
    NO_TAIL();
}

static int main_deep(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    gamp_go(deep);
    wait_for_ever();
    return 0;
}

/* Little stack is left where the panic happens. */
TEST(panic_near_the_end_of_a_stack)
{
    const char *err = report(main_deep, NULL, 2);

    check_dump(err);
    CHECK_FRAME(err, "panicking", panic_line);
    CHECK(!strstr(err, "faulted"));
}

/* gamp_stack_dump */

static char dump_text[1 << 20];

struct reading {
    int fd;
    size_t have;
    gamp_waitgroup done;
};

static void read_dump(struct reading *r)
{
    ssize_t n;

    while ((n = read(r->fd, dump_text + r->have, sizeof dump_text - 1 - r->have)) > 0)
        r->have += (size_t)n;
    dump_text[r->have] = '\0';
    CHECK_EQ(n, 0);
    gamp_waitgroup_done(&r->done);
}

/* Into a pipe whose reader is a goroutine as well, and whose capacity is less than the text. */
static void dump_all(void)
{
    struct reading r = {.have = 0};
    int fds[2];

    CHECK_EQ(pipe(fds), 0);
    fcntl(fds[1], F_SETPIPE_SZ, 4096);
    r.fd = fds[0];
    gamp_waitgroup_add(&r.done, 1);
    gamp_go(read_dump, &r);
    CHECK_EQ(gamp_stack_dump(fds[1], 1), 0);
    close(fds[1]);
    gamp_waitgroup_wait(&r.done);
    close(fds[0]);
}

static _Atomic int blocked_read;

static NOINLINE void read_quietly(void)
{
    char c = 0;

    begun++;
    CHECK_EQ(read(pipes[0], &c, 1), 1); /* no EINTR either */
    CHECK_EQ(c, 'x');
    blocked_read = 1;
}

TEST_GO(dump_of_all)
{
    CHECK_EQ(pipe(pipes), 0);
    for (int i = 0; i < 100; i++)
        gamp_go(wait_for_ever);
    gamp_go(read_quietly);
    gamp_go(spin);
    while (begun < 2)
        gamp_gosched();
    for (int i = 0; i < 5; i++) {
        dump_all();
        CHECK_EQ(check_dump(dump_text), 104); /* the one that reads the dump is there, too */
        count_frames(dump_text, "wait_for_ever", 100);
        count_frames(dump_text, "spin", 1);
        frame(goroutine(dump_text, "goroutine 1 [running]"), "dump_all");
    }
    CHECK_EQ(write(pipes[1], "x", 1), 1);
    enough = true;
    while (!blocked_read)
        gamp_gosched();
}

/* More than can have run yet. */
TEST_GO(dump_of_new_ones)
{
    for (int i = 0; i < 1000; i++)
        gamp_go(wait_for_ever);
    gamp_go_with(GAMP_OPTIONS(.name = "bound"), wait_for_ever);
    dump_all();
    CHECK_EQ(check_dump(dump_text), 1003);
    count_frames(dump_text, "wait_for_ever", 1001);
    frame(goroutine(dump_text, "{name: bound}:"), "wait_for_ever");
    CHECK_CONTAINS(goroutine(dump_text, "{name: bound}:"), "created by tbody_dump_of_new_ones");
}

/* 31 bytes of the name at the time of the call; a head stays one line. */
TEST_GO(dump_of_names)
{
    char name[] = "abcdefghijklmnopqrstuvwxyz0123456789";

    gamp_go_with(GAMP_OPTIONS(.name = name), wait_for_ever);
    memset(name, 'Z', sizeof name - 1);
    gamp_go_with(GAMP_OPTIONS(.name = "a\nb\x7f c}"), wait_for_ever);
    gamp_go_with(GAMP_OPTIONS(.name = ""), wait_for_ever);
    gamp_go_with(NULL, wait_for_ever);
    dump_all();
    CHECK_EQ(check_dump(dump_text), 6);
    CHECK_CONTAINS(dump_text, "] {name: abcdefghijklmnopqrstuvwxyz01234}:\n");
    CHECK_CONTAINS(dump_text, "] {name: a?b? c}}:\n");
}

TEST_GO(dump_of_one)
{
    int fds[2];
    ssize_t n;

    CHECK_EQ(pipe(fds), 0);
    gamp_go(wait_for_ever);
    errno = 4321;
    CHECK_EQ(gamp_stack_dump(fds[1], 0), 0);
    CHECK_EQ(errno, 4321);
    n = read(fds[0], dump_text, sizeof dump_text - 1);
    CHECK_GT(n, 0);
    dump_text[n] = '\0';
    CHECK_EQ(check_dump(dump_text), 1);
    CHECK_CONTAINS(dump_text, "goroutine 1 [running]");
    CHECK_EQ(gamp_stack_dump(-1, 0), -EBADF);
    CHECK_EQ(gamp_stack_dump(fds[0], 1), -EBADF);
}

TEST(dump_before_the_runtime)
{
    int fds[2];
    ssize_t n;

    CHECK_EQ(pipe(fds), 0);
    CHECK_EQ(gamp_stack_dump(fds[1], 1), 0);
    n = read(fds[0], dump_text, sizeof dump_text - 1);
    CHECK_GT(n, 0);
    dump_text[n] = '\0';
    CHECK_EQ(check_dump(dump_text), 1);
    CHECK_CONTAINS(dump_text, "goroutine 0 [running]:\n");
    frame(dump_text, "tbody_dump_before_the_runtime");
}

static void *foreign_dump(void *arg)
{
    CHECK_EQ(gamp_stack_dump(*(int *)arg, 1), 0);
    close(*(int *)arg);
    return NULL;
}

TEST_GO(dump_from_foreign_thread)
{
    struct reading r = {.have = 0};
    pthread_t t;
    int fds[2];

    CHECK_EQ(pipe(fds), 0);
    r.fd = fds[0];
    gamp_waitgroup_add(&r.done, 1);
    gamp_go(wait_for_ever);
    gamp_go(read_dump, &r);
    pthread_create(&t, NULL, foreign_dump, &fds[1]);
    gamp_waitgroup_wait(&r.done);
    pthread_join(t, NULL);
    CHECK_EQ(check_dump(dump_text), 4);
    frame(goroutine(dump_text, "goroutine 0 [running]:"), "foreign_dump");
}

TEST_GO(stats)
{
    gamp_sched_stats a, b;

    gamp_sched_stats_read(&a);
    for (int i = 0; i < 10; i++)
        gamp_go(wait_for_ever);
    gamp_gosched();
    gamp_sched_stats_read(&b);
    CHECK_EQ(b.created, a.created + 10);
    CHECK_EQ(b.goroutines, a.goroutines + 10);
    CHECK_EQ((int)b.procs, gamp_gomaxprocs(0));
    CHECK_GE(b.threads, 1);
    CHECK_GE(b.switches, a.switches);
    CHECK_GT(b.stacks_reserved, 0);
    CHECK_LE(b.stacks_resident, b.stacks_reserved);
}

TEST(stats_before_the_runtime)
{
    static const gamp_sched_stats none;
    gamp_sched_stats s;

    memset(&s, 1, sizeof s);
    gamp_sched_stats_read(&s);
    CHECK(memcmp(&s, &none, sizeof s) == 0);
}

/* schedtrace */

static int main_spin(int argc, char **argv)
{
    gamp_time end;
    struct timespec now;

    (void)argc;
    (void)argv;
    gamp_go_with(GAMP_OPTIONS(.name = "x"), wait_for_ever);
    clock_gettime(CLOCK_MONOTONIC, &now);
    end = now.tv_sec * 1000 + now.tv_nsec / 1000000 + 1000;
    do {
        gamp_gosched();
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec * 1000 + now.tv_nsec / 1000000 < end);
    return 0;
}

static const char *schedtrace(const char *debug)
{
    setenv("GAMPDEBUG", debug, 1);
    return report(main_spin, NULL, 0);
}

#define SCHED                                                                                      \
    "^SCHED [0-9]+ms: gomaxprocs=[0-9]+ idleprocs=[0-9]+ threads=[0-9]+ "                          \
    "spinningthreads=[0-9]+ needspinning=[0-9]+ idlethreads=[0-9]+ runqueue=[0-9]+ "

TEST(schedtrace_lines)
{
    const char *err = schedtrace("schedtrace=50");
    int n = 0, first = 0, last = 0;

    for (const char *at = err, *end; *at; at = end + 1, n++) {
        end = strchr(at, '\n');
        CHECK_MSG(matches(at, (size_t)(end - at), SCHED "\\[[0-9]+( [0-9]+)*\\]$"), "%s", err);
        last = atoi(at + strlen("SCHED "));
        first = n == 0 ? last : first;
    }
    /* A busy machine may keep it from some, but there are no more than one each 50 ms. */
    CHECK_GE(n, 2);
    CHECK_MSG((n - 1) * 50 <= last - first + 50, "%s", err);
}

TEST(schedtrace_detail)
{
    static const char *const patterns[] = {
        SCHED "gcwaiting=(true|false) nmidlelocked=[0-9]+ stopwait=[0-9]+ sysmonwait=(true|false)$",
        "^  P[0-9]+: status=[0-9] schedtick=[0-9]+ syscalltick=[0-9]+ m=([0-9]+|nil) "
        "runqsize=[0-9]+ gfreecnt=[0-9]+ timerslen=[0-9]+$",
        "^  M[0-9]+: p=([0-9]+|nil) curg=([0-9]+|nil) mallocing=0 throwing=0 preemptoff= "
        "locks=[0-9]+ dying=0 spinning=(true|false) blocked=(true|false) lockedg=([0-9]+|nil)$",
        "^  G[0-9]+: status=[0-9]\\([a-zA-Z.() ]*\\) m=([0-9]+|nil) lockedm=([0-9]+|nil)$"};
    const char *err = schedtrace("schedtrace=100,scheddetail=1");
    int seen[4] = {0};

    for (const char *at = err, *end; *at; at = end + 1) {
        int kind = 0;

        end = strchr(at, '\n');
        while (kind < 4 && !matches(at, (size_t)(end - at), patterns[kind]))
            kind++;
        CHECK_MSG(kind < 4, "bad line \"%.*s\"", (int)(end - at), at);
        seen[kind]++;
    }
    for (int i = 0; i < 4; i++)
        CHECK_GT(seen[i], 0);
    CHECK_CONTAINS(err, "(chan receive (nil chan)) m=nil lockedm=nil\n");
}

GAMP_INIT(a_hook)
{
}

static int says_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    fprintf(stderr, "in main\n");
    return 0;
}

/* Every step in its order, from the first on. */
TEST(inittrace)
{
    static const char *const steps[] = {"check",      "args",         "osinit",    "worldstopped",
                                        "ticks",      "modulesinit",  "stackinit", "randinit",
                                        "cpuinit",    "mcommoninit",  "sigsave",   "lastpoll",
                                        "procresize", "worldstarted", "schedinit", "newproc",
                                        "initsig",    "sysmon",       "a_hook",    "main"};
    const char *at;
    char line[100];

    setenv("GAMPDEBUG", "inittrace=1", 1);
    at = report(says_main, NULL, 0);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        snprintf(line, sizeof line, "init %s @", steps[i]);
        CHECK_MSG(!strncmp(at, line, strlen(line)), "%s: %.100s", line, at);
        at = strchr(at, '\n');
        CHECK(at != NULL);
        at++;
    }
    CHECK_STR(at, "in main\n");
}

static int main_at_once(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return gamp_gomaxprocs(0) == 2 ? 0 : 1;
}

TEST(environment_that_is_not_understood)
{
    static const char *const bad[] = {"foo=1", "schedtrace=x",   "directswitch=2",  "seed",
                                      "=",     "inittrace=9999", "preemptsignal=0", "sched=other"};
    char all[400] = "", expected[1000] = "";

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        sprintf(all + strlen(all), "%s,asyncpreemptoff=0,", bad[i]);
        sprintf(expected + strlen(expected), "gamp: GAMPDEBUG: %s: not understood, ignored\n",
                bad[i]);
    }
    setenv("GAMPDEBUG", all, 1);
    setenv("GAMPMAXPROCS", "2", 1);
    CHECK_STR(report(main_at_once, NULL, 0), expected);
}
