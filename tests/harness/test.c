/* SPDX-License-Identifier: BSD-3-Clause */
/* test: runs each case in a process of its own; see test.h.
 *
 *   program ---fork, exec--> program --case NAME ---fork--> expect_exit's child
 *
 * The case says over a pipe (TEST_DONE_FD) that its body returned, so that a case which calls
 * exit(0) halfway does not pass. The parent is single-threaded and waits by sigtimedwait, which
 * needs neither a handler nor a pidfd (qemu-user has none). */
#define _GNU_SOURCE
#include "test.h"
#include "threads.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SKIPPED 77
#define DONE_FD_MIN 200 /* out of the way of tests that count on low numbers */
#define SLOW_SECONDS 120
#define SECOND INT64_C(1000000000)

static test_case *cases, **cases_end = &cases;
static const char *program;

void test_register(test_case *c)
{
    *cases_end = c;
    cases_end = &c->next;
}

int64_t test_nanotime(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * SECOND + ts.tv_nsec;
}

int test_slowness(void)
{
    const char *s = getenv("TEST_TIMEOUT");
    int n = s ? atoi(s) : 1;
    return n > 0 ? n : 1;
}

uint64_t test_rand(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t test_seed(void)
{
    const char *s = getenv("GAMP_TEST_SEED");
    return s ? strtoull(s, NULL, 0) : 1;
}

static void say(int fd, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t w = write(fd, text, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return;
        text += w;
        n -= (size_t)w;
    }
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
    char buf[1024];
    size_t room = sizeof buf - 1;
    int n = snprintf(buf, room, "%s:%d: ", file, line);
    va_list ap;
    va_start(ap, fmt);
    n += vsnprintf(buf + n, room - (size_t)n, fmt, ap);
    va_end(ap);
    if ((size_t)n > room - 1)
        n = (int)room - 1;
    buf[n++] = '\n';
    say(2, buf, (size_t)n);
    _exit(1);
}

void test_skip(const char *reason)
{
    char buf[256];
    int n = snprintf(buf, sizeof buf, "skipped: %.200s\n", reason);
    say(2, buf, (size_t)n);
    _exit(SKIPPED);
}

void test_check_str(const char *file, int line, const char *as, const char *bs, const char *a,
                    const char *b)
{
    if (a == b || (a && b && strcmp(a, b) == 0))
        return;
    test_fail(file, line, "CHECK_STR(%s, %s): \"%.300s\" and \"%.300s\"", as, bs, a ? a : "(null)",
              b ? b : "(null)");
}

void test_check_contains(const char *file, int line, const char *expr, const char *text,
                         const char *part)
{
    if (text && strstr(text, part))
        return;
    test_fail(file, line, "CHECK_CONTAINS(%s): no \"%.200s\" in \"%.600s\"", expr, part,
              text ? text : "(null)");
}

/* ---- waiting for a process with a limit ---- */

static sigset_t old_mask;

/* Waits for pid until the deadline; false when time is up. SIGCHLD is blocked. A signal may have
 * stood for several children, so the wait is also retried every 100 ms. */
static bool wait_until(pid_t pid, int64_t deadline, int *status)
{
    sigset_t chld;
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    for (;;) {
        pid_t r = waitpid(pid, status, WNOHANG);
        if (r == pid)
            return true;
        int64_t left = deadline - test_nanotime();
        if (left <= 0)
            return false;
        if (left > SECOND / 10)
            left = SECOND / 10;
        struct timespec ts = {left / SECOND, left % SECOND};
        sigtimedwait(&chld, NULL, &ts);
    }
}

static int exit_status(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* argv of a gamp program under the emulator's words; storage lives as long as the process. */
static char **emulated(const char *const argv[])
{
    static char words[1024];
    static char *out[64];
    size_t n = 0;
    const char *e = getenv("TEST_EMULATOR");
    if (e) {
        snprintf(words, sizeof words, "%s", e);
        for (char *save = NULL, *w = strtok_r(words, " ", &save); w && n < 16;
             w = strtok_r(NULL, " ", &save))
            out[n++] = w;
    }
    for (size_t i = 0; argv[i] && n < 63; i++)
        out[n++] = (char *)argv[i];
    out[n] = NULL;
    return out;
}

/* ---- children of a case ---- */

/* The case's own limit is the parent's; a child gets three quarters of it, so that the failure
 * is told here, with what the child had written. */
static int64_t child_deadline(void)
{
    const char *s = getenv("TEST_LIMIT_MS");
    int64_t ms = s ? atoll(s) : 1000 * TEST_DEFAULT_SECONDS;
    return test_nanotime() + ms * 1000000 / 4 * 3;
}

static void take(struct pollfd *p, char *buf, size_t room, size_t *len)
{
    char drop[4096];
    if (p->fd < 0 || !p->revents)
        return;
    bool full = *len == room;
    ssize_t n = full ? read(p->fd, drop, sizeof drop) : read(p->fd, buf + *len, room - *len);
    if (n > 0 && !full)
        *len += (size_t)n;
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        close(p->fd);
        p->fd = -1;
    }
}

/* Reads both pipes until the child has ended. What a grandchild still holds open is not waited
 * for, but what is in the pipes is read. */
static void collect(pid_t pid, int out, int err, test_child *r)
{
    struct pollfd p[2] = {{out, POLLIN, 0}, {err, POLLIN, 0}};
    int64_t deadline = child_deadline();
    bool ended = false, asked = false;
    int status = 0;
    for (;;) {
        int ready = poll(p, 2, ended ? 0 : 1);
        if (ready > 0) {
            take(&p[0], r->out, sizeof r->out - 1, &r->out_len);
            take(&p[1], r->err, sizeof r->err - 1, &r->err_len);
        }
        if (ended && ready <= 0)
            break;
        if (!ended && waitpid(pid, &status, WNOHANG) == pid) {
            ended = true;
        } else if (!ended && test_nanotime() > deadline) {
            if (!asked) {
                say(2, "child: out of time\n", 19);
                test_print_threads(pid);
                deadline += SECOND;
            }
            kill(asked ? -pid : pid, asked ? SIGKILL : SIGQUIT);
            asked = true;
        }
        if (p[0].fd < 0 && p[1].fd < 0 && ended)
            break;
    }
    for (int i = 0; i < 2; i++)
        if (p[i].fd >= 0)
            close(p[i].fd);
    kill(-pid, SIGKILL);
    r->out[r->out_len] = r->err[r->err_len] = '\0';
    if (asked)
        test_fail("child", 0, "ran out of time; its stderr: %.800s", r->err);
    r->status = exit_status(status);
}

/* Forks; in the child stdout and stderr are pipes. Returns 0 in the child. */
static pid_t fork_piped(int fds[2])
{
    int out[2], err[2];
    if (pipe(out) < 0 || pipe(err) < 0)
        test_fail(__FILE__, __LINE__, "pipe: %s", strerror(errno));
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        test_fail(__FILE__, __LINE__, "fork: %s", strerror(errno));
    if (pid == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        dup2(out[1], 1);
        dup2(err[1], 2);
        close(out[0]);
        close(err[0]);
        close(out[1]);
        close(err[1]);
        return 0;
    }
    setpgid(pid, pid);
    close(out[1]);
    close(err[1]);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    fcntl(err[0], F_SETFL, O_NONBLOCK);
    fds[0] = out[0];
    fds[1] = err[0];
    return pid;
}

void test_run_child(void (*fn)(void *), void *arg, test_child *result)
{
    int fds[2];
    result->out_len = result->err_len = 0;
    pid_t pid = fork_piped(fds);
    if (pid == 0) {
        fn(arg);
        exit(0);
    }
    collect(pid, fds[0], fds[1], result);
}

void test_run_program(const char *const argv[], bool emulate, test_child *result)
{
    int fds[2];
    result->out_len = result->err_len = 0;
    pid_t pid = fork_piped(fds);
    if (pid == 0) {
        char **words = emulate ? emulated(argv) : (char **)argv;
        execvp(words[0], words);
        dprintf(2, "exec %s: %s\n", words[0], strerror(errno));
        _exit(127);
    }
    collect(pid, fds[0], fds[1], result);
}

void test_expect_exit(const char *file, int line, void (*fn)(void *), void *arg, int status,
                      const char *text)
{
    static test_child r;
    test_run_child(fn, arg, &r);
    if (r.status != status)
        test_fail(file, line, "exit status %d, expected %d; stderr: %.700s", r.status, status,
                  r.err);
    if (text && !strstr(r.err, text))
        test_fail(file, line, "no \"%.200s\" on stderr: %.700s", text, r.err);
}

/* ---- the case ---- */

static void (*go_body)(void);
static bool go_returned;

static int go_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    go_body();
    go_returned = true;
    return 0;
}

void test_go_run(void (*body)(void), int (*run)(int (*fn)(int, char **), int, char **))
{
    char *argv[] = {(char *)"test", NULL};
    go_body = body;
    int r = run(go_main, 1, argv);
    if (r != 0 || !go_returned)
        test_fail("gamp_run", 0, "returned %d, body %s", r,
                  go_returned ? "returned" : "did not return");
}

static int run_case_here(test_case *c)
{
    c->body();
    const char *fd = getenv("TEST_DONE_FD");
    if (fd)
        say(atoi(fd), "d", 1);
    return 0;
}

/* ---- the program ---- */

static void exec_case(test_case *c, int done, int64_t limit)
{
    char number[32], ms[32];
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigprocmask(SIG_SETMASK, &old_mask, NULL);
    /* Who runs the tests in the background of a shell has these ignored. */
    signal(SIGHUP, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    snprintf(number, sizeof number, "%d", done);
    setenv("TEST_DONE_FD", number, 1);
    snprintf(ms, sizeof ms, "%lld", (long long)(limit / 1000000));
    setenv("TEST_LIMIT_MS", ms, 1);
    const char *const argv[] = {program, "--case", c->name, NULL};
    char **words = emulated(argv);
    execvp(words[0], words);
    dprintf(2, "exec %s: %s\n", words[0], strerror(errno));
    _exit(127);
}

/* A slow build gets more time, but no more than a case needs on a busy machine: what hangs should
 * not hold up all tests for long. */
static int64_t limit_of(const test_case *c)
{
    int most = c->seconds * 2 > SLOW_SECONDS ? c->seconds * 2 : SLOW_SECONDS;
    int seconds = c->seconds * test_slowness();

    return (seconds < most ? seconds : most) * SECOND;
}

/* Runs one case; its exit status, or -1 when its time ran out. */
static int run_case(test_case *c, int64_t *took, bool *returned)
{
    int64_t start = test_nanotime(), limit = limit_of(c);
    int done[2], status = 0;
    if (pipe2(done, O_CLOEXEC | O_NONBLOCK) < 0)
        test_fail(__FILE__, __LINE__, "pipe2: %s", strerror(errno));
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        test_fail(__FILE__, __LINE__, "fork: %s", strerror(errno));
    if (pid == 0)
        exec_case(c, fcntl(done[1], F_DUPFD, DONE_FD_MIN), limit);
    setpgid(pid, pid);
    close(done[1]);
    bool ended = wait_until(pid, start + limit, &status);
    if (!ended) {
        fprintf(stderr, "%s: out of time after %lld s\n", c->name, (long long)(limit / SECOND));
        test_print_threads(pid);
        kill(pid, SIGQUIT);
        if (!wait_until(pid, test_nanotime() + test_slowness() * SECOND, &status)) {
            kill(-pid, SIGKILL);
            waitpid(pid, &status, 0);
        }
    }
    kill(-pid, SIGKILL);
    char d;
    *returned = read(done[0], &d, 1) == 1;
    close(done[0]);
    *took = test_nanotime() - start;
    return ended ? exit_status(status) : -1;
}

static int run_all(int argc, char **argv)
{
    int passed = 0, failed = 0, skipped = 0;
    sigset_t chld;
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    sigprocmask(SIG_BLOCK, &chld, &old_mask);
    char seed[32];
    if (!getenv("GAMP_TEST_SEED")) {
        uint64_t s = (uint64_t)test_nanotime() ^ (uint64_t)getpid() << 40;
        snprintf(seed, sizeof seed, "%llu", (unsigned long long)test_rand(&s));
        setenv("GAMP_TEST_SEED", seed, 1);
    }
    for (test_case *c = cases; c; c = c->next) {
        bool wanted = argc < 2, returned;
        for (int i = 1; i < argc; i++)
            wanted |= strcmp(argv[i], c->name) == 0;
        if (!wanted)
            continue;
        int64_t took;
        int status = run_case(c, &took, &returned);
        long long ms = (long long)(took / 1000000);
        if (status == SKIPPED) {
            skipped++;
            printf("skip %s\n", c->name);
        } else if (status == 0 && returned) {
            passed++;
            printf("ok   %s (%lld ms)\n", c->name, ms);
        } else {
            failed++;
            printf("FAIL %s (%s:%d, %lld ms): ", c->name, c->file, c->line, ms);
            if (status < 0)
                printf("out of time");
            else if (status == 0)
                printf("ended with status 0 before its body returned");
            else if (status > 128)
                printf("killed by signal %d (%s)", status - 128, strsignal(status - 128));
            else
                printf("exit status %d", status);
            printf("; GAMP_TEST_SEED=%s\n", getenv("GAMP_TEST_SEED"));
        }
        fflush(stdout);
    }
    printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
    if (passed + failed + skipped == 0)
        return 1;
    return failed ? 1 : passed == 0 ? SKIPPED : 0;
}

int main(int argc, char **argv)
{
    static char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    program = n > 0 ? self : argv[0];
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (test_case *c = cases; c; c = c->next)
            puts(c->name);
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "--case") == 0) {
        for (test_case *c = cases; c; c = c->next)
            if (strcmp(c->name, argv[2]) == 0)
                return run_case_here(c);
        fprintf(stderr, "%s: no case %s\n", argv[0], argv[2]);
        return 2;
    }
    return run_all(argc, argv);
}
