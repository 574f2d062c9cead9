/* SPDX-License-Identifier: BSD-3-Clause */
#include "os/linux/cpus.h"
#include "base/fmt.h"
#include "os/linux/sys.h"
#include <fcntl.h>
#include <string.h>

static long read_file(const char *root, const char *a, const char *b, const char *c, char *buf,
                      size_t n)
{
    char path[1024];
    long got;
    int fd;

    fmt_buf(path, sizeof path, "%s%s%s%s", root, a, b, c);
    fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    got = sys_read(fd, buf, n - 1);
    sys_close(fd);
    buf[got > 0 ? got : 0] = '\0';
    return got;
}

static int64_t number(const char **s)
{
    int64_t v = 0;
    bool neg = **s == '-';

    if (neg)
        ++*s;
    if (**s < '0' || **s > '9')
        return -1;
    for (; **s >= '0' && **s <= '9' && v < INT64_MAX / 1000000; ++*s)
        v = v * 10 + (**s - '0');
    return neg ? -1 : v;
}

static int64_t milli(int64_t quota, int64_t period)
{
    return quota > 0 && period > 0 ? quota * 1000 / period : 0;
}

/* cgroup v2: cpu.max holds "max 100000" or "QUOTA PERIOD". */
static int64_t quota_v2(const char *root, const char *path)
{
    char buf[64];
    const char *s = buf;
    int64_t quota;

    if (read_file(root, "/sys/fs/cgroup", path, "/cpu.max", buf, sizeof buf) <= 0)
        return 0;
    quota = number(&s);
    if (quota <= 0 || *s != ' ')
        return 0;
    s++;
    return milli(quota, number(&s));
}

static int64_t quota_v1(const char *root, const char *path)
{
    char quota[64], period[64];
    const char *q = quota, *p = period;

    if (read_file(root, "/sys/fs/cgroup/cpu", path, "/cpu.cfs_quota_us", quota, sizeof quota) <=
            0 ||
        read_file(root, "/sys/fs/cgroup/cpu", path, "/cpu.cfs_period_us", period, sizeof period) <=
            0)
        return 0;
    return milli(number(&q), number(&p));
}

/* The limit of each ancestor counts too; the smallest wins. */
static int64_t smallest(const char *root, char *path, int64_t (*quota)(const char *, const char *))
{
    int64_t least = 0;

    for (;;) {
        int64_t v = quota(root, path);
        char *slash;

        if (v && (!least || v < least))
            least = v;
        slash = strrchr(path, '/');
        if (!slash || !path[1])
            break;
        *slash = '\0';
        if (slash == path && (v = quota(root, "")) && (!least || v < least))
            least = v;
        if (slash == path)
            break;
    }
    return least;
}

static bool has_controller(const char *list, const char *end, const char *name)
{
    size_t n = strlen(name);

    for (const char *s = list; s < end; s++) {
        const char *comma = memchr(s, ',', (size_t)(end - s));
        const char *stop = comma ? comma : end;

        if ((size_t)(stop - s) == n && !memcmp(s, name, n))
            return true;
        s = stop;
    }
    return false;
}

int64_t cpus_quota(const char *root)
{
    char buf[4096], path[512];
    int64_t least = 0;

    if (read_file(root, "/proc/self/cgroup", "", "", buf, sizeof buf) <= 0)
        return 0;
    /* Lines of "ID:controllers:path"; v2 has id 0 and no controllers. */
    for (char *line = buf, *next; *line; line = next) {
        char *list = strchr(line, ':'), *at = list ? strchr(list + 1, ':') : NULL;
        char *end = strchrnul(line, '\n');
        int64_t v = 0;

        next = *end ? end + 1 : end;
        if (!at || at > end || (size_t)(end - at) > sizeof path)
            continue;
        memcpy(path, at + 1, (size_t)(end - at - 1));
        path[end - at - 1] = '\0';
        if (list + 1 == at)
            v = smallest(root, path, quota_v2);
        else if (has_controller(list + 1, at, "cpu"))
            v = smallest(root, path, quota_v1);
        if (v && (!least || v < least))
            least = v;
    }
    return least;
}

int cpus_affinity(void)
{
    /* 8192 CPUs; the call answers the bytes it wrote. */
    uint64_t mask[128];
    long n = sys_call(SYS_sched_getaffinity, 0, sizeof mask, mask);
    int cpus = 0;

    for (long i = 0; i < n / 8; i++)
        cpus += __builtin_popcountll(mask[i]);
    return cpus > 0 ? cpus : 1;
}

int cpus_available(void)
{
    int cpus = cpus_affinity();
    int64_t quota = cpus_quota("");

    if (quota > 0) {
        int64_t limit = (quota + 999) / 1000;

        if (limit < 2)
            limit = 2;
        if (limit < cpus)
            cpus = (int)limit;
    }
    return cpus;
}
