/* SPDX-License-Identifier: BSD-3-Clause */
#include "os/linux/thread.h"
#include "base/fmt.h"
#include "base/race.h"
#include "os/linux/sys.h"
#include "os/linux/vm.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/single_threaded.h>
#include <sys/auxv.h>

struct start {
    void (*fn)(void *);
    void *arg;
};

static void *trampoline(void *p)
{
    struct start s = *(struct start *)p;

    free(p);
    s.fn(s.arg);
    return NULL;
}

static int create(struct start *s, size_t stack_size)
{
    pthread_attr_t attr;
    pthread_t id;
    sigset_t all, old;
    int err;

#ifdef GAMP_DEBUG
    if (sys_fault && (err = (int)sys_fault(SYS_clone)) < 0)
        return err;
#endif
    err = pthread_attr_init(&attr);
    if (err)
        return -err;
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (stack_size)
        pthread_attr_setstacksize(&attr, stack_size);
    sigfillset(&all);
    thread_sigmask(SIG_SETMASK, &all, &old);
    err = pthread_create(&id, &attr, trampoline, s);
    thread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return -err;
}

int thread_create(void (*fn)(void *), void *arg, size_t stack_size)
{
    int saved = errno, err = -ENOMEM;
    struct start *s = malloc(sizeof *s);

    if (s) {
        *s = (struct start){fn, arg};
        err = create(s, stack_size);
        if (err)
            free(s);
    }
    errno = saved;
    return err;
}

void thread_stack(uintptr_t *lo, uintptr_t *hi)
{
    int saved = errno;
    pthread_attr_t attr;
    void *base = NULL;
    size_t size = 0;

    if (pthread_getattr_np(pthread_self(), &attr) == 0) {
        pthread_attr_getstack(&attr, &base, &size);
        pthread_attr_destroy(&attr);
    }
    *lo = (uintptr_t)base;
    *hi = (uintptr_t)base + size;
    errno = saved;
}

void thread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    /* The kernel's set is 8 bytes; libc's wrapper would refuse to block its own signals. */
    sys_call(SYS_rt_sigprocmask, how, set, old, 8);
}

static size_t altstack_size(void)
{
    size_t min = getauxval(AT_MINSIGSTKSZ);

    return ((min + 48 * 1024) + PAGE - 1) & ~(size_t)(PAGE - 1);
}

size_t thread_altstack_size(void)
{
    return altstack_size();
}

void *thread_altstack_new(void)
{
    char *p = vm_map(altstack_size() + PAGE);

    if (!p)
        return NULL;
    vm_guard(p, PAGE);
    return p + PAGE;
}

void thread_altstack_set(void *stack)
{
    stack_t ss = {.ss_sp = stack, .ss_size = altstack_size(), .ss_flags = stack ? 0 : SS_DISABLE};

    sys_call(SYS_sigaltstack, &ss, NULL);
}

void thread_altstack_free(void *stack)
{
    if (stack)
        vm_unmap((char *)stack - PAGE, altstack_size() + PAGE);
}

/* The kernel's own count. Listing /proc/self/task is no substitute: the list breaks off where a
 * thread ends while it is read, and those behind it are missed. */
static int count(void)
{
    static const char key[] = "\nThreads:\t";
    int fd = sys_open("/proc/self/status", O_RDONLY | O_CLOEXEC, 0);
    size_t matched = 0;
    char buf[1024];
    int n = 0;
    long got;

    if (fd < 0)
        return fd;
    while ((got = sys_read(fd, buf, sizeof buf)) > 0)
        for (long i = 0; i < got; i++) {
            if (matched == sizeof key - 1) {
                if (buf[i] < '0' || buf[i] > '9')
                    goto out;
                n = n * 10 + (buf[i] - '0');
            } else {
                matched = buf[i] == key[matched] ? matched + 1 : buf[i] == '\n';
            }
        }
out:
    sys_close(fd);
    return got < 0 ? (int)got : n;
}

/* Threads that were there before any could be made: an emulator's own. */
static int emulators;

__attribute__((constructor)) static void count_emulators(void)
{
    int n = __libc_single_threaded ? count() : 1;

    emulators = n > 1 ? n - 1 : 0;
#if RACE_TSAN
    emulators = 1; /* the sanitizer's own, which may start later */
#endif
}

int thread_count(void)
{
    int n = count();

    return n < 0 ? n : n - emulators;
}

int thread_file(int tid, const char *name)
{
    char path[64];

    fmt_buf(path, sizeof path, "/proc/self/task/%d/%s", tid, name);
    return sys_open(path, O_RDONLY | O_CLOEXEC, 0);
}

char thread_state_in(int stat)
{
    char buf[128];
    long n = sys_call(SYS_pread64, stat, buf, sizeof buf - 1, 0L);

    /* "tid (name) S ...": the name, at most 15 bytes, may hold parentheses; the last one counts. */
    for (long i = MIN(n, 40) - 3; i > 0; i--)
        if (buf[i] == ')' && buf[i + 1] == ' ')
            return buf[i + 2];
    return 0;
}

int64_t thread_sleeps_in(int status)
{
    static const char state[] = "State:\t", key[] = "\nvoluntary_ctxt_switches:\t";
    char buf[4096];
    const char *at;
    int64_t v = 0;
    long n = sys_call(SYS_pread64, status, buf, sizeof buf - 1, 0L);

    buf[MAX(n, 0)] = '\0';
    at = strstr(buf, state);
    if (!at || at[sizeof state - 1] != 'R' || (at = strstr(at, key)) == NULL)
        return -1;
    for (at += sizeof key - 1; *at >= '0' && *at <= '9'; at++)
        v = v * 10 + (*at - '0');
    return v;
}

char thread_state(int tid)
{
    int fd = thread_file(tid, "stat");
    char state;

    if (fd < 0)
        return 0;
    state = thread_state_in(fd);
    sys_close(fd);
    return state;
}

int64_t thread_sleeps(int tid)
{
    int fd = thread_file(tid, "status");
    int64_t v;

    if (fd < 0)
        return -1;
    v = thread_sleeps_in(fd);
    sys_close(fd);
    return v;
}

int64_t thread_sleeps_own(void)
{
    struct rusage u;

    return sys_call(SYS_getrusage, RUSAGE_THREAD, &u) < 0 ? -1 : u.ru_nvcsw;
}

/* As of Linux 3.14 (sched_setattr(2)); since 6.12 runtime is the slice of an ordinary thread, 0
 * sets the system's. */
struct attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

int64_t thread_slice(int tid, int64_t ns)
{
    struct attr a = {0};
    int64_t before;

    if (sys_call(SYS_sched_getattr, tid, &a, sizeof a, 0) < 0 || a.policy != SCHED_OTHER ||
        a.runtime == 0)
        return -1;
    before = (int64_t)a.runtime;
    a.size = sizeof a;
    a.runtime = (uint64_t)ns;
    return sys_call(SYS_sched_setattr, tid, &a, 0) < 0 ? -1 : before;
}
