/* SPDX-License-Identifier: BSD-3-Clause */
/* linkcheck: follows the links of a web site, many pages at a time, and tells which lead nowhere.
 *
 *     linkcheck http://127.0.0.1:8080/      checks that site; status 1: broken links
 *     linkcheck                             checks a little site of its own, as a demonstration
 *
 * Each page is a goroutine: it fetches the page, and starts one more for each link not seen before.
 * A semaphore limits how many have a connection at once. */
#include <gamp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECTIONS = 8, PAGE_MAX = 1 << 20, PATH_LEN = 512 };
#define PATIENCE (5 * GAMP_SECOND)

struct page {
    struct page *next;
    char path[PATH_LEN];
    char from[PATH_LEN]; /* the page whose link led here first */
    int status;          /* of HTTP, or a negative errno value */
};

struct crawl {
    const char *host; /* "127.0.0.1:8080" */
    gamp_map *seen;
    gamp_sem connections;
    gamp_waitgroup wg;
    gamp_mutex lock;
    struct page *pages; /* by path; under the lock */
};

/* ---- one page ---- */

/* Reads to the end of the stream; what is there ends with a NUL. */
static ssize_t read_all(int fd, char *buf, size_t n)
{
    size_t len = 0;
    ssize_t r;

    while (len < n - 1 && (r = gamp_read(fd, buf + len, n - 1 - len)) != 0) {
        if (r < 0)
            return r;
        len += (size_t)r;
    }
    buf[len] = '\0';
    return (ssize_t)len;
}

/* The status, or a negative errno value; buf is the whole answer, head and body. */
static int fetch(const char *host, const char *path, char *buf, size_t n)
{
    char request[PATH_LEN + 200];
    int fd = gamp_dial("tcp", host, gamp_now() + PATIENCE), status, len;
    ssize_t r;

    if (fd < 0)
        return fd;
    gamp_set_deadline(fd, gamp_now() + PATIENCE);
    len = snprintf(request, sizeof request, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", path, host);
    r = gamp_write_full(fd, request, (size_t)len);
    if (r == 0)
        r = read_all(fd, buf, n);
    gamp_close(fd);
    if (r < 0)
        return (int)r;
    return sscanf(buf, "HTTP/%*d.%*d %d", &status) == 1 ? status : -EPROTO;
}

/* ---- links ---- */

/* Takes "." and ".." out of a path that begins with a slash. */
static void normalise(char *path)
{
    char *out = path;

    for (char *in = path; *in;) {
        size_t n = 1 + strcspn(in + 1, "/");
        bool here = n == 2 && in[1] == '.';
        bool up = n == 3 && in[1] == '.' && in[2] == '.';

        if (up)
            while (out > path && *--out != '/')
                ;
        if (!here && !up) {
            memmove(out, in, n);
            out += n;
        } else if (in[n] == '\0') {
            *out++ = '/';
        }
        in += n;
    }
    *out = '\0';
}

/* Where a link of the page at `base` leads to on this host; false: elsewhere, or nowhere new. */
static bool resolve(const char *host, const char *base, const char *link, size_t n, char *path)
{
    char own[200];
    int prefix = snprintf(own, sizeof own, "http://%s/", host);
    size_t dir = (size_t)(strrchr(base, '/') + 1 - base);

    if (n > (size_t)prefix && strncmp(link, own, (size_t)prefix) == 0) {
        link += prefix - 1;
        n -= (size_t)prefix - 1;
    }
    for (size_t i = 0; i < n; i++) {
        if (link[i] == '#')
            n = i;
        else if (link[i] == ':')
            return false; /* another scheme or host */
    }
    if (n == 0 || (n > 1 && link[0] == '/' && link[1] == '/'))
        return false;
    if (link[0] == '/')
        dir = 0;
    if (dir + n >= PATH_LEN)
        return false;
    snprintf(path, PATH_LEN, "%.*s%.*s", (int)dir, base, (int)n, link);
    normalise(path);
    return true;
}

static void visit(struct crawl *c, const char *path, const char *from);

static void follow_links(struct crawl *c, const char *html, const char *base)
{
    char path[PATH_LEN];

    while ((html = strstr(html, "href=\"")) != NULL) {
        size_t n = strcspn(html += 6, "\"");

        if (resolve(c->host, base, html, n, path))
            visit(c, path, base);
        html += n;
    }
}

/* ---- the crawl ---- */

static void check(struct crawl *c, struct page *p)
{
    char *answer = malloc(PAGE_MAX);
    const char *body;

    gamp_sem_acquire(&c->connections, 1);
    p->status = answer ? fetch(c->host, p->path, answer, PAGE_MAX) : -ENOMEM;
    gamp_sem_release(&c->connections, 1);
    if (p->status == 200 && strstr(answer, "text/html") &&
        (body = strstr(answer, "\r\n\r\n")) != NULL)
        follow_links(c, body, p->path);
    free(answer);
}

/* Starts a goroutine for the page, unless there is or was one. */
static void visit(struct crawl *c, const char *path, const char *from)
{
    struct page *p, **at = &c->pages;
    void *seen;
    int err;

    if (gamp_map_load_or_store(c->seen, (gamp_bytes){path, strlen(path)}, c, &seen) != 0)
        return;
    p = calloc(1, sizeof *p);
    if (!p)
        return;
    snprintf(p->path, sizeof p->path, "%s", path);
    snprintf(p->from, sizeof p->from, "%s", from);
    gamp_mutex_lock(&c->lock);
    while (*at && strcmp((*at)->path, path) < 0)
        at = &(*at)->next;
    p->next = *at;
    *at = p;
    gamp_mutex_unlock(&c->lock);
    err = gamp_waitgroup_go(&c->wg, check, c, p);
    if (err < 0)
        p->status = err; /* otherwise it is the goroutine's to write */
}

/* Prints what was found and frees it; how many links are broken. */
static int report(struct crawl *c)
{
    struct page *p;
    int n = 0, broken = 0;

    for (; (p = c->pages) != NULL; n++) {
        printf("%d %s", p->status, p->path);
        if (p->status != 200) {
            printf("   linked from %s", p->from);
            broken++;
        }
        printf("\n");
        c->pages = p->next;
        free(p);
    }
    printf("%d pages, %d broken\n", n, broken);
    return broken;
}

/* How many links are broken, or a negative errno value. */
static int crawl(const char *host, const char *path)
{
    struct crawl c = {.host = host, .seen = gamp_map_new()};

    if (!c.seen)
        return -ENOMEM;
    gamp_sem_init(&c.connections, CONNECTIONS);
    visit(&c, path, "the command line");
    gamp_waitgroup_wait(&c.wg);
    gamp_map_free(c.seen);
    return report(&c);
}

/* ---- a little site of our own ---- */

static const struct {
    const char *path, *html;
} site[] = {
    {"/", "<a href=\"about.html\">About</a> <a href=\"/tea/\">Tea</a> <a href=\"#top\">Up</a>"},
    {"/about.html", "<a href=\"/\">Home</a> <a href=\"contact.html#phone\">Call us</a>"},
    {"/tea/", "<a href=\"green.html\">Green</a> <a href=\"black.html\">Black</a>"
              "<a href=\"../about.html\">About</a> <a href=\"mailto:tea@example.org\">Mail</a>"},
    {"/tea/green.html", "<a href=\"./black.html\">Black</a> <a href=\"sencha.html\">Sencha</a>"},
    {"/tea/black.html", "<a href=\"http://example.org/assam\">Assam</a> <a href=\"/tea/\">Tea</a>"},
};

static void answer(int fd)
{
    char buf[1024], path[PATH_LEN];
    const char *html = NULL;
    ssize_t n = gamp_read(fd, buf, sizeof buf - 1);
    int len;

    if (n > 0) {
        buf[n] = '\0';
        if (sscanf(buf, "GET %511s", path) == 1)
            for (size_t i = 0; i < sizeof site / sizeof *site; i++)
                if (strcmp(site[i].path, path) == 0)
                    html = site[i].html;
        len = snprintf(buf, sizeof buf, "HTTP/1.0 %s\r\nContent-Type: text/html\r\n\r\n%s",
                       html ? "200 OK" : "404 Not Found", html ? html : "not here");
        gamp_write_full(fd, buf, (size_t)len);
    }
    gamp_close(fd);
}

/* Until the listening socket is closed. */
static void serve(int lfd, gamp_waitgroup *wg)
{
    int fd;

    while ((fd = gamp_accept(lfd)) >= 0)
        if (gamp_waitgroup_go(wg, answer, fd) < 0)
            gamp_close(fd);
}

static int demonstrate(void)
{
    gamp_waitgroup wg = {0};
    char host[64];
    int lfd = gamp_listen("tcp", "127.0.0.1:0"), broken;

    if (lfd < 0 || gamp_local_addr(lfd, host, sizeof host) < 0 ||
        gamp_waitgroup_go(&wg, serve, lfd, &wg) < 0)
        return 1;
    broken = crawl(host, "/");
    gamp_close(lfd);
    gamp_waitgroup_wait(&wg);
    return broken == 2 ? 0 : 1;
}

GAMP_MAIN(argc, argv)
{
    char host[200], path[PATH_LEN] = "/";

    if (argc == 1)
        return demonstrate();
    if (argc != 2 || sscanf(argv[1], "http://%199[^/]%511s", host, path) < 1) {
        fprintf(stderr, "usage: linkcheck [http://HOST:PORT/PATH]\n");
        return 2;
    }
    return crawl(host, path) == 0 ? 0 : 1;
}
