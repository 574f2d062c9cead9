/* SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE
#include "threads.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "" when there is none. */
static void read_all(pid_t pid, const char *tid, const char *name, char *buf, size_t size)
{
    char path[320];
    ssize_t n = -1;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/task/%s/%s", (int)pid, tid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, buf, size - 1);
        close(fd);
    }
    buf[n > 0 ? n : 0] = '\0';
}

static void read_line(pid_t pid, const char *tid, const char *name, char *buf, size_t size)
{
    read_all(pid, tid, name, buf, size);
    buf[strcspn(buf, "\n")] = '\0';
}

/* How often it has gone to sleep. */
static unsigned long sleeps_of(pid_t pid, const char *tid)
{
    static const char key[] = "\nvoluntary_ctxt_switches:";
    char status[4096], *at;

    read_all(pid, tid, "status", status, sizeof status);
    at = strstr(status, key);
    return at ? strtoul(at + sizeof key - 1, NULL, 10) : 0;
}

static void print_thread(pid_t pid, const char *tid)
{
    char stat[1024], syscall[256], *at;
    char state = '?';
    unsigned long user = 0, system = 0, tick = 1000 / (unsigned long)sysconf(_SC_CLK_TCK);

    read_line(pid, tid, "stat", stat, sizeof stat);
    read_line(pid, tid, "syscall", syscall, sizeof syscall);
    at = strrchr(stat, ')');
    if (at)
        sscanf(at, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &state, &user, &system);
    fprintf(stderr, "thread %s: %c, %lu + %lu ms, %lu sleeps, call %s\n", tid, state, user * tick,
            system * tick, sleeps_of(pid, tid), syscall);
}

static void print_threads(pid_t pid)
{
    char path[64];
    struct dirent *e;
    DIR *dir;

    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    dir = opendir(path);
    while (dir && (e = readdir(dir)) != NULL)
        if (e->d_name[0] != '.')
            print_thread(pid, e->d_name);
    if (dir)
        closedir(dir);
}

void test_print_threads(pid_t pid)
{
    print_threads(pid);
    usleep(300 * 1000);
    fprintf(stderr, "and 300 ms later:\n");
    print_threads(pid);
}
