/* SPDX-License-Identifier: BSD-3-Clause */
/* link: curl */
/* libcurl, unmodified and blocking, in 200 goroutines against the httpd of the examples. */
#define _GNU_SOURCE
#include "harness/clients.h"
#include <curl/curl.h>

enum { BODY = 100000 };

static char body[BODY];

struct answer {
    size_t n;
    bool wrong;
};

static size_t take(char *p, size_t size, size_t n, void *arg)
{
    struct answer *a = arg;

    n *= size;
    a->wrong = a->wrong || a->n + n > BODY || memcmp(p, body + a->n, n) != 0;
    a->n += n;
    return n;
}

static void client(int id)
{
    CURL *c = curl_easy_init();
    char url[64];

    CHECK(c != NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/file", clients.port);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
    for (int i = 0; i < CLIENT_ROUNDS; i++) {
        struct answer a = {0, false};
        long status = 0;
        CURLcode err;

        curl_easy_setopt(c, CURLOPT_WRITEDATA, &a);
        curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, (long)((id + i) % 3 == 0));
        err = curl_easy_perform(c);
        CHECK_MSG(err == CURLE_OK, "%s", curl_easy_strerror(err));
        curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
        CHECK_EQ(status, 200);
        CHECK_EQ(a.n, BODY);
        CHECK(!a.wrong);
        clients_answered();
    }
    curl_easy_cleanup(c);
}

static void run(void)
{
    clients_run("httpd");
}

/* The build puts it at ../../examples from here. */
static void httpd_path(char *path, size_t n)
{
    ssize_t len = readlink("/proc/self/exe", path, n - 1);

    CHECK_GT(len, 0);
    path[len] = '\0';
    for (int i = 0; i < 3; i++)
        *strrchr(path, '/') = '\0';
    strncat(path, "/examples/httpd", n - strlen(path) - 1);
    if (access(path, X_OK) != 0)
        test_skip("examples/httpd is not built");
}

TEST_WITHIN(libcurl, 120)
{
    char path[512], address[32], file[96];
    FILE *f;

    httpd_path(path, sizeof path);
    clients_prepare();
    for (int i = 0; i < BODY; i++)
        body[i] = (char)(i * 31 + i / 1000);
    snprintf(file, sizeof file, "%s/file", clients.dir);
    f = fopen(file, "w");
    CHECK(f && fwrite(body, 1, BODY, f) == BODY && fclose(f) == 0);
    snprintf(address, sizeof address, "127.0.0.1:%d", clients.port);
    clients_server((const char *const[]){path, "-l", address, clients.dir, NULL});
    CHECK_EQ(curl_global_init(CURL_GLOBAL_ALL), 0);
    test_go_run(run, gamp_run);
    clients_remove();
}
