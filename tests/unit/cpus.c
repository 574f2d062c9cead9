/* SPDX-License-Identifier: BSD-3-Clause */
/* How many processors: the affinity mask, and the quota of a cgroup, v1, v2 and both, from a folder
 * that looks like the kernel's. */
#include "os/linux/cpus.h"
#include "harness/test.h"
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/gamp-cpus-XXXXXX";

/* Writes root/path, with the folders on its way. */
static void file(const char *path, const char *text)
{
    char full[512];
    FILE *f;

    snprintf(full, sizeof full, "%s%s", root, path);
    for (char *s = full + strlen(root) + 1; (s = strchr(s, '/')) != NULL; s++) {
        *s = '\0';
        mkdir(full, 0755);
        *s = '/';
    }
    f = fopen(full, "w");
    CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void remove_root(void)
{
    char command[64];

    snprintf(command, sizeof command, "rm -rf %s", root);
    CHECK_EQ(system(command), 0);
}

static void begin(void)
{
    CHECK(mkdtemp(root));
    atexit(remove_root);
}

TEST(no_files_no_quota)
{
    begin();
    CHECK_EQ(cpus_quota(root), 0);
    file("/proc/self/cgroup", "0::/a/b\n");
    CHECK_EQ(cpus_quota(root), 0);
    file("/proc/self/cgroup", "");
    CHECK_EQ(cpus_quota(root), 0);
}

TEST(v2_quota)
{
    begin();
    file("/proc/self/cgroup", "0::/a/b\n");
    file("/sys/fs/cgroup/a/b/cpu.max", "250000 100000\n");
    CHECK_EQ(cpus_quota(root), 2500);
    file("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    CHECK_EQ(cpus_quota(root), 0);
    file("/sys/fs/cgroup/a/b/cpu.max", "5000 10000");
    CHECK_EQ(cpus_quota(root), 500);
}

/* The smallest limit from the group up to the root counts; the root's too, which is what a
 * container sees that has a cgroup namespace of its own. */
TEST(v2_ancestors_count)
{
    begin();
    file("/proc/self/cgroup", "0::/a/b/c\n");
    file("/sys/fs/cgroup/a/b/c/cpu.max", "800000 100000\n");
    CHECK_EQ(cpus_quota(root), 8000);
    file("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    file("/sys/fs/cgroup/a/cpu.max", "300000 100000\n");
    CHECK_EQ(cpus_quota(root), 3000);
    file("/sys/fs/cgroup/cpu.max", "150000 100000\n");
    CHECK_EQ(cpus_quota(root), 1500);
    file("/proc/self/cgroup", "0::/\n");
    CHECK_EQ(cpus_quota(root), 1500);
    /* A path of the host's that this mount does not show. */
    file("/proc/self/cgroup", "0::/system.slice/docker-1234.scope\n");
    CHECK_EQ(cpus_quota(root), 1500);
}

TEST(v1_quota)
{
    begin();
    file("/proc/self/cgroup", "12:memory:/x\n5:cpu,cpuacct:/j/k\n1:name=systemd:/\n");
    file("/sys/fs/cgroup/cpu/j/k/cpu.cfs_quota_us", "70000\n");
    file("/sys/fs/cgroup/cpu/j/k/cpu.cfs_period_us", "20000\n");
    CHECK_EQ(cpus_quota(root), 3500);
    file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    file("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    CHECK_EQ(cpus_quota(root), 3500);
    file("/sys/fs/cgroup/cpu/j/cpu.cfs_quota_us", "100000\n");
    file("/sys/fs/cgroup/cpu/j/cpu.cfs_period_us", "100000\n");
    CHECK_EQ(cpus_quota(root), 1000);
    file("/sys/fs/cgroup/cpu/j/cpu.cfs_quota_us", "-1\n");
    file("/sys/fs/cgroup/cpu/j/k/cpu.cfs_quota_us", "-1\n");
    CHECK_EQ(cpus_quota(root), 0);
}

/* The controller's name is a whole word of the list: cpuset is another. */
TEST(v1_controller_by_its_whole_name)
{
    begin();
    file("/sys/fs/cgroup/cpu/j/cpu.cfs_quota_us", "100000\n");
    file("/sys/fs/cgroup/cpu/j/cpu.cfs_period_us", "100000\n");
    file("/proc/self/cgroup", "5:cpuset:/j\n4:cpuacct:/j\n");
    CHECK_EQ(cpus_quota(root), 0);
    file("/proc/self/cgroup", "5:cpuacct,cpu:/j\n");
    CHECK_EQ(cpus_quota(root), 1000);
    file("/proc/self/cgroup", "5:cpu:/j\n");
    CHECK_EQ(cpus_quota(root), 1000);
}

TEST(v1_and_v2_side_by_side)
{
    begin();
    file("/proc/self/cgroup", "3:cpu,cpuacct:/j\n0::/a\n");
    file("/sys/fs/cgroup/cpu/j/cpu.cfs_quota_us", "400000\n");
    file("/sys/fs/cgroup/cpu/j/cpu.cfs_period_us", "100000\n");
    CHECK_EQ(cpus_quota(root), 4000);
    file("/sys/fs/cgroup/a/cpu.max", "600000 100000\n");
    CHECK_EQ(cpus_quota(root), 4000);
    file("/sys/fs/cgroup/a/cpu.max", "200000 100000\n");
    CHECK_EQ(cpus_quota(root), 2000);
}

TEST(nonsense_is_no_quota)
{
    static const char *const max[] = {"",     "\n",        "max",    "100000",   "-5 100000",
                                      "10 0", "10 -3",     "x 10",   "10x 1000", "0 100000",
                                      "  ",   "1000000 y", "max max"};
    static const char *const groups[] = {"0:",     "0::",   "nonsense\n",  "\n\n\n",
                                         ":::::/", "5:cpu", "0::/a\0::/b", "x:cpu:\n"};
    char long_path[2000];

    begin();
    file("/proc/self/cgroup", "0::/a\n");
    for (size_t i = 0; i < sizeof max / sizeof *max; i++) {
        file("/sys/fs/cgroup/a/cpu.max", max[i]);
        CHECK_MSG(cpus_quota(root) == 0, "\"%s\" is a quota", max[i]);
    }
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        file("/proc/self/cgroup", groups[i]);
        CHECK_EQ(cpus_quota(root), 0);
    }
    memset(long_path, 'p', sizeof long_path - 1);
    memcpy(long_path, "0::/", 4);
    long_path[sizeof long_path - 1] = '\0';
    file("/proc/self/cgroup", long_path);
    CHECK_EQ(cpus_quota(root), 0);
}

/* A line without an end, and an answer that is cut, lose no line before it. */
TEST(long_lists)
{
    char text[6000] = "0::/a\n";

    begin();
    for (int i = 1; strlen(text) < sizeof text - 64; i++)
        snprintf(text + strlen(text), 64, "%d:name=something:/with/a/path\n", i);
    file("/proc/self/cgroup", text);
    file("/sys/fs/cgroup/a/cpu.max", "100000 100000\n");
    CHECK_EQ(cpus_quota(root), 1000);
}

TEST(affinity)
{
    cpu_set_t set, one;
    int n, cpu;

    CHECK_EQ(sched_getaffinity(0, sizeof set, &set), 0);
    n = CPU_COUNT(&set);
    CHECK_EQ(cpus_affinity(), n);
    CHECK_GE(cpus_available(), 1);
    CHECK_LE(cpus_available(), n);
    for (cpu = 0; !CPU_ISSET(cpu, &set); cpu++)
        ;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    CHECK_EQ(cpus_affinity(), 1);
    CHECK_EQ(cpus_available(), 1);
}
