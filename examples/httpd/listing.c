/* SPDX-License-Identifier: BSD-3-Clause */
/* listing: see listing.h. Names are bytes that anybody may have chosen: on the page they are
 * escaped for HTML, in links for URIs, so that no name is markup, another host or a script. */
#define _GNU_SOURCE
#include "listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "path.h"

/* Names, each with a byte before it: '/' for a directory, else ' '. */
struct entries {
    char **at;
    size_t n, room;
    bool cut; /* there are more */
};

/* A page that grows; once memory is short it stays so. */
struct page {
    char *p;
    size_t n, room;
    bool failed;
};

static void put(struct page *g, struct text t)
{
    if (g->failed)
        return;
    if (g->room - g->n < t.n) {
        size_t room = 2 * g->room + t.n + 1024;
        char *p = realloc(g->p, room);
        if (!p) {
            g->failed = true;
            return;
        }
        g->p = p;
        g->room = room;
    }
    memcpy(g->p + g->n, t.p, t.n);
    g->n += t.n;
}

static void put_escaped(struct page *g, struct text t)
{
    for (size_t i = 0; i < t.n; i++) {
        struct text one = {t.p + i, 1};
        switch (t.p[i]) {
        case '&':
            one = TEXT("&amp;");
            break;
        case '<':
            one = TEXT("&lt;");
            break;
        case '>':
            one = TEXT("&gt;");
            break;
        case '"':
            one = TEXT("&quot;");
            break;
        case '\'':
            one = TEXT("&#39;");
            break;
        default:
            if ((unsigned char)t.p[i] < ' ' || t.p[i] == 0x7f)
                one = TEXT("&#xFFFD;");
        }
        put(g, one);
    }
}

static void put_entry(struct page *g, const char *entry)
{
    struct text name = {entry + 1, strlen(entry + 1)};
    bool directory = entry[0] == '/';
    char link[3 * (NAME_MAX + 1)];
    put(g, TEXT("<li><a href=\""));
    put(g, (struct text){link, path_encode(name, link)});
    put(g, directory ? TEXT("/\">") : TEXT("\">"));
    put_escaped(g, name);
    put(g, directory ? TEXT("/</a></li>\n") : TEXT("</a></li>\n"));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a + 1, *(char *const *)b + 1);
}

/* Links are not looked behind: what they lead to may lie outside the root. */
static bool is_directory(int dir, const struct dirent *d)
{
    struct stat st;
    if (d->d_type != DT_UNKNOWN)
        return d->d_type == DT_DIR;
    return fstatat(dir, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static int add(struct entries *list, int dir, const struct dirent *d)
{
    size_t n = strlen(d->d_name) + 1;
    if (list->n == list->room) {
        size_t room = list->room ? 2 * list->room : 64;
        char **at = realloc(list->at, room * sizeof *at);
        if (!at)
            return -ENOMEM;
        list->at = at;
        list->room = room;
    }
    char *entry = malloc(1 + n);
    if (!entry)
        return -ENOMEM;
    entry[0] = is_directory(dir, d) ? '/' : ' ';
    memcpy(entry + 1, d->d_name, n);
    list->at[list->n++] = entry;
    return 0;
}

/* All names but "." and "..", at most max. */
static int gather(DIR *d, size_t max, struct entries *list)
{
    for (;;) {
        errno = 0;
        struct dirent *e = readdir(d);
        if (!e)
            return -errno;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (list->n == max) {
            list->cut = true;
            return 0;
        }
        int r = add(list, dirfd(d), e);
        if (r)
            return r;
    }
}

static void write_page(struct page *g, struct text path, struct entries *list)
{
    put(g, TEXT("<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<title>/"));
    put_escaped(g, path);
    put(g, TEXT("</title>\n</head>\n<body>\n<h1>/"));
    put_escaped(g, path);
    put(g, TEXT("</h1>\n<ul>\n"));
    if (path.n)
        put(g, TEXT("<li><a href=\"../\">../</a></li>\n"));
    size_t shown = 0;
    while (shown < list->n && g->n < LISTING_BYTES_MAX)
        put_entry(g, list->at[shown++]);
    put(g, TEXT("</ul>\n"));
    if (list->cut || shown < list->n)
        put(g, TEXT("<p>Not all names are shown.</p>\n"));
    put(g, TEXT("</body>\n</html>\n"));
}

int listing_make(int dir, struct text path, size_t max, struct text *page)
{
    struct entries list = {0};
    struct page g = {0};
    DIR *d = fdopendir(dir);
    if (!d) {
        int err = errno;
        close(dir);
        return -err;
    }
    int result = gather(d, max, &list);
    closedir(d);
    if (result == 0) {
        if (list.n)
            qsort(list.at, list.n, sizeof *list.at, by_name);
        write_page(&g, path, &list);
        result = g.failed ? -ENOMEM : 0;
    }
    for (size_t i = 0; i < list.n; i++)
        free(list.at[i]);
    free(list.at);
    if (result)
        free(g.p);
    else
        *page = (struct text){g.p, g.n};
    return result;
}
