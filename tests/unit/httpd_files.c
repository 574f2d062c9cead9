/* SPDX-License-Identifier: BSD-3-Clause */
/* How the httpd finds files: paths of URIs, the root that nothing leaves, with openat2 and without,
 * and the pages of directories. */
#include "harness/test.h"
#include "httpd/listing.h"
#include "httpd/path.h"
#include "httpd/root.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct text text_of(const char *s)
{
    return (struct text){s, strlen(s)};
}

TEST(paths)
{
    static const struct {
        const char *encoded, *path; /* path NULL: the status */
        int status;
    } cases[] = {
        {"/", "", 0},
        {"//", "", 0},
        {"/.", "", 0},
        {"/a", "a", 0},
        {"/a/", "a/", 0},
        {"/a//b", "a/b", 0},
        {"/a/./b/.", "a/b/", 0},
        {"/a/../b", "b", 0},
        {"/a/b/..", "a/", 0},
        {"/a/b/../..", "", 0},
        {"/a/b/../../c/", "c/", 0},
        {"/...", "...", 0},
        {"/..a/.b", "..a/.b", 0},
        {"/%61%2fb", "a/b", 0},
        {"/a%20b%C3%a9", "a b\xc3\xa9", 0},
        {"/%25%32%65", "%2e", 0},
        {"/a%2e%2e", "a..", 0},
        {"/a\\..\\b", "a\\..\\b", 0},
        {"/..", NULL, -403},
        {"/../a", NULL, -403},
        {"/a/../../b", NULL, -403},
        {"/%2e%2e/a", NULL, -403},
        {"/%2E%2e%2Fa", NULL, -403},
        {"/a/..%2f..%2fb", NULL, -403},
        {"/.%2e/a", NULL, -403},
        {"/%", NULL, -400},
        {"/%1", NULL, -400},
        {"/%g0", NULL, -400},
        {"/%0g", NULL, -400},
        {"/a%00b", NULL, -400},
        {"/../%00", NULL, -400},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[PATH_ROOM];
        int n = path_resolve(text_of(cases[i].encoded), out);
        if (!cases[i].path) {
            CHECK_MSG(n == cases[i].status, "%s: %d", cases[i].encoded, n);
            continue;
        }
        CHECK_MSG(n >= 0, "%s: %d", cases[i].encoded, n);
        CHECK_STR(out, cases[i].path);
        CHECK_EQ(n, strlen(cases[i].path));
    }
}

TEST(longest_path)
{
    static char encoded[3 * PATH_ROOM], out[PATH_ROOM];
    memset(encoded, 'a', sizeof encoded);
    encoded[0] = '/';
    CHECK_EQ(path_resolve((struct text){encoded, PATH_ROOM - 1}, out), PATH_ROOM - 2);
    CHECK_EQ(path_resolve((struct text){encoded, PATH_ROOM}, out), -414);
    for (size_t i = 1; i + 3 <= sizeof encoded; i += 3)
        memcpy(encoded + i, "%41", 3);
    CHECK_EQ(path_resolve((struct text){encoded, 1 + 3 * (PATH_ROOM - 2)}, out), PATH_ROOM - 2);
}

/* Random paths, made of what matters: no result has an empty, "." or ".." segment. */
TEST(no_path_climbs)
{
    static const char *const pieces[] = {"/", ".", "..", "%2e", "%2f", "a", "%5c", "//"};
    uint64_t seed = test_seed();
    for (int i = 0; i < 50000; i++) {
        char encoded[128] = "/", out[PATH_ROOM], probe[PATH_ROOM + 2];
        for (int k = (int)(test_rand(&seed) % 16); k >= 0; k--)
            strcat(encoded, pieces[test_rand(&seed) % 8]);
        int n = path_resolve(text_of(encoded), out);
        CHECK(n >= 0 || n == -403);
        if (n < 0)
            continue;
        snprintf(probe, sizeof probe, "/%s%s", out, n && out[n - 1] == '/' ? "" : "/");
        CHECK_MSG(!strstr(probe, "/./") && !strstr(probe, "/../") &&
                      (n == 0 || !strstr(probe, "//")),
                  "%s: %s", encoded, out);
        /* Encoded again it gives the same path. */
        char again[3 * PATH_ROOM + 1] = "/", back[PATH_ROOM];
        size_t len = path_encode((struct text){out, (size_t)n}, again + 1);
        CHECK_EQ(path_resolve((struct text){again, len + 1}, back), n);
        CHECK_STR(back, out);
    }
}

/* A directory with `root` below it, and files to be found and not to be found. */
static char base[64];

static void make(const char *name, const char *content)
{
    FILE *f = fopen(name, "w");
    CHECK(f && fputs(content, f) >= 0 && fclose(f) == 0);
}

static void enter_tree(void)
{
    char absolute[128];
    strcpy(base, "/tmp/httpd-test-XXXXXX");
    CHECK(mkdtemp(base) && chdir(base) == 0);
    CHECK(mkdir("root", 0755) == 0 && mkdir("root/sub", 0755) == 0 && mkdir("rootless", 0755) == 0);
    make("root/file", "inside");
    make("root/sub/file", "below");
    make("secret", "outside");
    make("rootless/file", "beside");
    CHECK(symlink("file", "root/link") == 0);
    CHECK(symlink("../file", "root/sub/up") == 0);
    CHECK(symlink("sub", "root/sublink") == 0);
    CHECK(symlink("../secret", "root/escape") == 0);
    CHECK(symlink("../../secret", "root/sub/escape") == 0);
    CHECK(symlink("..", "root/parent") == 0);
    CHECK(symlink("loop", "root/loop") == 0);
    CHECK(symlink("nowhere", "root/dangling") == 0);
    CHECK(symlink("/etc/passwd", "root/passwd") == 0);
    snprintf(absolute, sizeof absolute, "%s/root/sub", base);
    CHECK(symlink(absolute, "root/absolute") == 0);
    snprintf(absolute, sizeof absolute, "%s/rootless/file", base);
    CHECK(symlink(absolute, "root/beside") == 0);
    CHECK(symlink("../root/file", "root/out-and-in") == 0);
    CHECK(mkfifo("root/fifo", 0644) == 0);
}

static void leave_tree(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", base);
    CHECK(chdir("/") == 0 && system(command) == 0);
}

/* "=text" when the file is opened and holds that, else the error's name. */
static void check_open(const struct root *root, const char *path, const char *expected)
{
    char got[32] = "=";
    int fd = root_open_file(root, path);
    if (fd < 0) {
        snprintf(got, sizeof got, "%s", strerrorname_np(-fd));
    } else {
        ssize_t n = read(fd, got + 1, sizeof got - 2);
        got[n < 0 ? 0 : n + 1] = '\0';
        if (n < 0)
            snprintf(got, sizeof got, "%s", strerrorname_np(errno));
        CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        close(fd);
    }
    CHECK_MSG(strcmp(got, expected) == 0, "%s: %s, not %s (openat2: %d)", path, got, expected,
              root->has_openat2);
}

static void check_root(const struct root *root)
{
    check_open(root, "file", "=inside");
    check_open(root, "sub/file", "=below");
    check_open(root, "link", "=inside");
    check_open(root, "sub/up", "=inside");
    check_open(root, "sublink/file", "=below");
    check_open(root, "sublink/up", "=inside");
    check_open(root, "absolute/file", "=below");
    check_open(root, "out-and-in", "=inside");
    check_open(root, "", "EISDIR");
    check_open(root, "sub/", "EISDIR");
    check_open(root, "absolute/", "EISDIR");
    check_open(root, "fifo", "=");
    check_open(root, "none", "ENOENT");
    check_open(root, "none/file", "ENOENT");
    check_open(root, "file/", "ENOTDIR");
    check_open(root, "file/file", "ENOTDIR");
    check_open(root, "dangling", "ENOENT");
    check_open(root, "loop", "ELOOP");
    check_open(root, "escape", "EXDEV");
    check_open(root, "sub/escape", "EXDEV");
    check_open(root, "sublink/escape", "EXDEV");
    check_open(root, "parent", "EXDEV");
    check_open(root, "parent/secret", "EXDEV");
    check_open(root, "parent/root/file", "=inside");
    check_open(root, "passwd", "EXDEV");
    check_open(root, "beside", "EXDEV");
}

TEST(nothing_leaves_the_root)
{
    struct root root;
    enter_tree();
    CHECK_EQ(root_open(&root, "root"), 0);
    check_root(&root);
    root.has_openat2 = false;
    check_root(&root);
    /* The root may be moved while it is served. */
    CHECK(rename("root", "elsewhere") == 0);
    check_open(&root, "sub/up", "=inside");
    check_open(&root, "escape", "EXDEV");
    root_close(&root);
    leave_tree();
}

TEST(root_of_everything)
{
    struct root root;
    if (getenv("TEST_EMULATOR"))
        test_skip("an emulator's / is a directory of its own");
    CHECK_EQ(root_open(&root, "/"), 0);
    int fd = root_open_file(&root, "etc/passwd");
    CHECK_GE(fd, 0);
    close(fd);
    root.has_openat2 = false;
    fd = root_open_file(&root, "dev/null");
    CHECK_GE(fd, 0);
    close(fd);
    root_close(&root);
}

TEST(bad_roots)
{
    struct root root;
    CHECK_EQ(root_open(&root, "/nonexistent-directory"), -ENOENT);
    CHECK_EQ(root_open(&root, "/proc/self/status"), -ENOTDIR);
    CHECK_EQ(root_open(&root, ""), -ENOENT);
}

static void *exchange(void *stop)
{
    while (!atomic_load((atomic_bool *)stop))
        CHECK_EQ(renameat2(AT_FDCWD, "root/name", AT_FDCWD, "root/evil", RENAME_EXCHANGE), 0);
    return NULL;
}

/* Renaming, all the time, between a directory and a link that leads outside: what is opened is
 * never the file outside. */
TEST(no_race_leaves_the_root)
{
    struct root root;
    if (getenv("TEST_EMULATOR"))
        test_skip("threads under an emulator may starve each other");
    enter_tree();
    CHECK(symlink("..", "root/evil") == 0 && mkdir("root/good", 0755) == 0);
    make("root/good/secret", "inside");
    CHECK(rename("root/good", "root/name") == 0);
    CHECK_EQ(root_open(&root, "root"), 0);
    root.has_openat2 = test_seed() & 1;
    atomic_bool stop = false;
    pthread_t other;
    CHECK_EQ(pthread_create(&other, NULL, exchange, &stop), 0);
    int opened = 0, refused = 0;
    while (opened < 100 || refused < 100) {
        char got[8] = "";
        int fd = root_open_file(&root, "name/secret");
        opened += fd >= 0;
        refused += fd < 0;
        if (fd < 0)
            continue;
        CHECK_EQ(read(fd, got, 6), 6);
        CHECK_STR(got, "inside");
        close(fd);
    }
    atomic_store(&stop, true);
    CHECK_EQ(pthread_join(other, NULL), 0);
    root_close(&root);
    leave_tree();
}

static char *page_of(const char *directory, const char *path, size_t max)
{
    struct text page;
    CHECK_EQ(listing_make(open(directory, O_RDONLY | O_DIRECTORY), text_of(path), max, &page), 0);
    char *s = malloc(page.n + 1);
    memcpy(s, page.p, page.n);
    s[page.n] = '\0';
    free((char *)page.p);
    return s;
}

TEST(listings)
{
    enter_tree();
    char *page = page_of("root", "", 100);
    CHECK_CONTAINS(page, "<a href=\"file\">file</a>");
    CHECK_CONTAINS(page, "<a href=\"sub/\">sub/</a>");
    CHECK_CONTAINS(page, "<a href=\"sublink\">sublink</a>");
    CHECK(!strstr(page, "../"));
    CHECK(strstr(page, ">absolute<") < strstr(page, ">file<"));
    CHECK(strstr(page, ">file<") < strstr(page, ">sub/<"));
    free(page);
    CHECK(mkdir("names", 0755) == 0);
    make("names/<b>&\"'x", "");
    make("names/a:b?c#d%e", "");
    make("names/B", "");
    make("names/a", "");
    make("names/\x01\xc3\xa9", "");
    page = page_of("names", "p<q>/r", 5);
    CHECK_CONTAINS(page, "<h1>/p&lt;q&gt;/r</h1>");
    CHECK_CONTAINS(page, "<a href=\"../\">../</a>");
    CHECK_CONTAINS(page, "<a href=\"%3Cb%3E%26%22%27x\">&lt;b&gt;&amp;&quot;&#39;x</a>");
    CHECK_CONTAINS(page, "<a href=\"a%3Ab%3Fc%23d%25e\">a:b?c#d%e</a>");
    CHECK_CONTAINS(page, "<a href=\"%01%C3%A9\">&#xFFFD;\xc3\xa9</a>");
    CHECK(strstr(page, ">B<") < strstr(page, ">a<"));
    CHECK(!strstr(page, "Not all"));
    free(page);
    leave_tree();
}

TEST(long_listings_are_cut)
{
    enter_tree();
    CHECK(mkdir("many", 0755) == 0);
    for (int i = 0; i < 6; i++) {
        char name[32];
        snprintf(name, sizeof name, "many/%d", i);
        make(name, "");
    }
    char *page = page_of("many", "many", 5);
    CHECK_CONTAINS(page, "Not all names are shown");
    int names = 0;
    for (char *p = page; (p = strstr(p, "<li>")); p++)
        names++;
    CHECK_EQ(names, 6); /* and "../" */
    free(page);
    leave_tree();
}
