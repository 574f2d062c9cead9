/* SPDX-License-Identifier: BSD-3-Clause */
/* Files by gamp/os.h. */
#include "harness/test.h"
#include <gamp/chan.h>
#include <gamp/go.h>
#include <gamp/net.h>
#include <gamp/os.h>
#include <gamp/run.h>
#include <gamp/sync.h>
#include <gamp/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64] = "/tmp/gamp-test-XXXXXX";

static const char *at(const char *name)
{
    static char path[8][128];
    static int turn;
    int n = __atomic_fetch_add(&turn, 1, __ATOMIC_RELAXED) % 8;

    snprintf(path[n], sizeof path[n], "%s/%s", dir, name);
    return path[n];
}

static void cleanup(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", dir);
    CHECK_EQ(system(command), 0);
}

static void files(void)
{
    char buf[16];
    struct stat st;
    int fd;

    CHECK(mkdtemp(dir) != NULL);
    CHECK_EQ(gamp_open(at("none"), O_RDONLY, 0), -ENOENT);
    fd = gamp_open(at("a"), O_RDWR | O_CREAT | O_EXCL, 0640);
    CHECK_GE(fd, 0);
    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    CHECK_EQ(gamp_open(at("a"), O_RDWR | O_CREAT | O_EXCL, 0640), -EEXIST);
    CHECK_EQ(gamp_write(fd, "0123456789", 10), 10);
    CHECK_EQ(gamp_pwrite(fd, "AB", 2, 4), 2);
    CHECK_EQ(gamp_pread(fd, buf, sizeof buf, 2), 8);
    CHECK_EQ(memcmp(buf, "23AB6789", 8), 0);
    CHECK_EQ(gamp_pread(fd, buf, sizeof buf, 10), 0);
    CHECK_EQ(gamp_pread(fd, buf, sizeof buf, -1), -EINVAL);
    CHECK_EQ(gamp_read(fd, buf, sizeof buf), 0);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(gamp_read_full(fd, buf, 10), 0);
    CHECK_EQ(gamp_fsync(fd), 0);
    CHECK_EQ(gamp_fdatasync(fd), 0);
    CHECK_EQ(gamp_ftruncate(fd, 5), 0);
    CHECK_EQ(gamp_fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, 5);
    CHECK_EQ(gamp_close(fd), 0);
    CHECK_EQ(gamp_pread(fd, buf, 1, 0), -EBADF);
    CHECK_EQ(gamp_pwrite(fd, buf, 1, 0), -EBADF);
    CHECK_EQ(gamp_fsync(fd), -EBADF);
    CHECK_EQ(gamp_fsync(-1), -EBADF);
    CHECK_EQ(gamp_fstat(fd, &st), -EBADF);

    CHECK_EQ(gamp_stat(at("a"), &st), 0);
    CHECK_EQ(st.st_size, 5);
    CHECK_EQ(st.st_mode & 0777, 0640);
    CHECK_EQ(gamp_mkdir(at("d"), 0700), 0);
    CHECK_EQ(gamp_mkdir(at("d"), 0700), -EEXIST);
    CHECK_EQ(gamp_rename(at("a"), at("d/b")), 0);
    CHECK_EQ(gamp_stat(at("a"), &st), -ENOENT);
    CHECK_EQ(symlink("d/b", at("link")), 0);
    CHECK_EQ(gamp_lstat(at("link"), &st), 0);
    CHECK(S_ISLNK(st.st_mode));
    CHECK_EQ(gamp_stat(at("link"), &st), 0);
    CHECK(S_ISREG(st.st_mode));
    fd = gamp_open(at("d"), O_RDONLY | O_DIRECTORY, 0);
    CHECK_GE(fd, 0);
    CHECK_EQ(gamp_read(fd, buf, 1), -EISDIR);
    CHECK_EQ(gamp_close(fd), 0);
    CHECK_EQ(gamp_unlink(at("d/b")), 0);
    CHECK_EQ(gamp_unlink(at("d/b")), -ENOENT);
    cleanup();
}

TEST_GO(on_a_goroutine)
{
    files();
}

TEST(without_a_runtime)
{
    files();
}

static void open_writer(gamp_chan *go_on)
{
    int fd;

    gamp_sleep(10 * GAMP_MILLISECOND);
    fd = gamp_open(at("fifo"), O_WRONLY, 0);
    CHECK_GE(fd, 0);
    gamp_chan_recv(go_on, NULL);
    CHECK_EQ(gamp_write(fd, "through", 7), 7);
    CHECK_EQ(gamp_close(fd), 0);
}

/* Opening one end waits for the other, and holds up nobody else; reading parks. */
TEST_GO(fifo)
{
    gamp_chan *go_on = gamp_chan_new(0, 0);
    char buf[16];
    int fd;

    CHECK(mkdtemp(dir) != NULL);
    CHECK_EQ(mkfifo(at("fifo"), 0600), 0);
    CHECK_EQ(gamp_go(open_writer, go_on), 0);
    fd = gamp_open(at("fifo"), O_RDONLY, 0);
    CHECK_GE(fd, 0);
    CHECK_EQ(gamp_set_read_deadline(fd, gamp_now() + GAMP_MILLISECOND), 0);
    CHECK_EQ(gamp_read(fd, buf, sizeof buf), -ETIMEDOUT);
    CHECK_EQ(gamp_set_read_deadline(fd, GAMP_NEVER), 0);
    gamp_chan_close(go_on);
    CHECK_EQ(gamp_read(fd, buf, sizeof buf), 7);
    CHECK_EQ(gamp_read(fd, buf, sizeof buf), 0);
    CHECK_EQ(gamp_close(fd), 0);
    gamp_chan_unref(go_on);
    cleanup();
}

static void count(int *n, const int *stop)
{
    while (!__atomic_load_n(stop, __ATOMIC_RELAXED)) {
        __atomic_fetch_add(n, 1, __ATOMIC_RELAXED);
        gamp_sleep(GAMP_MILLISECOND);
    }
}

static void open_reader(int *opened)
{
    int fd = gamp_open(at("fifo"), O_RDONLY, 0);

    __atomic_store_n(opened, 1, __ATOMIC_RELEASE);
    gamp_close(fd);
}

/* A call that sleeps in the kernel leaves the only P to the others. */
TEST_GO(others_run_meanwhile)
{
    int n = 0, stop = 0, opened = 0, fd;
    gamp_waitgroup wg = {0};

    gamp_gomaxprocs(1);
    CHECK(mkdtemp(dir) != NULL);
    CHECK_EQ(mkfifo(at("fifo"), 0600), 0);
    CHECK_EQ(gamp_waitgroup_go(&wg, count, &n, &stop), 0);
    CHECK_EQ(gamp_go(open_reader, &opened), 0);
    while (__atomic_load_n(&n, __ATOMIC_RELAXED) < 20)
        gamp_gosched();
    CHECK_EQ(__atomic_load_n(&opened, __ATOMIC_ACQUIRE), 0);
    fd = gamp_open(at("fifo"), O_WRONLY, 0);
    CHECK_GE(fd, 0);
    while (!__atomic_load_n(&opened, __ATOMIC_ACQUIRE))
        gamp_sleep(GAMP_MILLISECOND);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    CHECK_EQ(gamp_close(fd), 0);
    gamp_waitgroup_wait(&wg);
    cleanup();
}

static void write_after(int fd, int *n, int least)
{
    while (__atomic_load_n(n, __ATOMIC_RELAXED) < least)
        gamp_sleep(GAMP_MILLISECOND);
    CHECK_EQ(write(fd, "x", 1), 1);
}

/* The same of the program's own calls: this one waits for what the others do meanwhile. */
TEST_GO(hints)
{
    int n = 0, stop = 0, p[2];
    gamp_waitgroup wg = {0};
    char c;

    gamp_gomaxprocs(1);
    CHECK_EQ(pipe(p), 0);
    CHECK_EQ(gamp_waitgroup_go(&wg, count, &n, &stop), 0);
    for (int i = 1; i <= 5; i++) {
        CHECK_EQ(gamp_go(write_after, p[1], &n, 3 * i), 0);
        gamp_blocking_enter();
        CHECK_EQ(read(p[0], &c, 1), 1);
        gamp_blocking_exit();
        CHECK_GE(__atomic_load_n(&n, __ATOMIC_RELAXED), 3 * i);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    gamp_waitgroup_wait(&wg);
}
