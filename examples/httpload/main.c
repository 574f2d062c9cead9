/* SPDX-License-Identifier: BSD-3-Clause */
/* httpload: loads an HTTP server and measures it.
 *
 *     httpload [-c CONNS] [-d SECONDS] [-p PIPELINE] URL
 *
 * CONNS connections (10) ask for the URL for SECONDS (10), PIPELINE requests (1) at a time, and
 * connect anew when the server closes. Prints requests per second, percentiles of the latency (from
 * the batch's sending to the answer's last byte) and errors, if there were any. Exit status 0 when
 * any request was answered, else 1; 2 for bad usage. */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <gamp.h>

#include "load.h"

struct options {
    int connections, pipeline;
    double seconds;
    char address[300]; /* HOST:PORT */
    char host[300];    /* as the URL has it, for the Host field */
    const char *path;
};

static bool number(const char *text, double low, double high, double *v)
{
    char *end;
    *v = strtod(text, &end);
    return end != text && !*end && isfinite(*v) && *v >= low && *v <= high;
}

/* http://HOST[:PORT][/PATH] */
static bool url(const char *text, struct options *o)
{
    if (strncmp(text, "http://", 7) != 0)
        return false;
    size_t n = strcspn(text + 7, "/");
    o->path = text[7 + n] ? text + 7 + n : "/";
    if (n == 0 || n >= sizeof o->host - 3 || strcspn(text, " \r\n") != strlen(text))
        return false;
    snprintf(o->host, sizeof o->host, "%.*s", (int)n, text + 7);
    const char *bracket = strrchr(o->host, ']');
    bool port = strchr(bracket ? bracket : o->host, ':') != NULL;
    snprintf(o->address, sizeof o->address, "%.296s%s", o->host, port ? "" : ":80");
    return true;
}

static bool options_parse(int argc, char **argv, struct options *o)
{
    int flag;
    double v;
    *o = (struct options){.connections = 10, .pipeline = 1, .seconds = 10};
    opterr = 0;
    while ((flag = getopt(argc, argv, "c:d:p:")) != -1) {
        if (flag == 'c' && number(optarg, 1, 1000000, &v))
            o->connections = (int)v;
        else if (flag == 'd' && number(optarg, 0.01, 1e6, &v))
            o->seconds = v;
        else if (flag == 'p' && number(optarg, 1, LOAD_PIPELINE_MAX, &v))
            o->pipeline = (int)v;
        else
            return false;
    }
    return optind + 1 == argc && url(argv[optind], o);
}

/* The batch of requests that every connection sends. */
static char *make_request(const struct options *o, size_t *len)
{
    char *one, *all;
    int n = asprintf(&one, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: httpload\r\n\r\n", o->path,
                     o->host);
    if (n < 0)
        return NULL;
    *len = (size_t)n * (size_t)o->pipeline;
    all = malloc(*len);
    for (int i = 0; all && i < o->pipeline; i++)
        memcpy(all + (size_t)n * (size_t)i, one, (size_t)n);
    free(one);
    return all;
}

static double ms(int64_t ns)
{
    return (double)ns / 1e6;
}

static void print(const struct load *l, const struct options *o, gamp_duration took)
{
    const struct histogram *h = &l->latency;
    double seconds = (double)took / 1e9;
    uint64_t broken = l->connect_errors + l->read_errors + l->write_errors + l->timeouts;
    printf("%d connections, pipeline %d\n", o->connections, o->pipeline);
    printf("%llu requests in %.2f s, %.1f MB read\n", (unsigned long long)h->count, seconds,
           (double)l->bytes / 1e6);
    printf("requests/s %.1f\n", (double)h->count / seconds);
    printf("latency p50 %.3f ms, p90 %.3f ms, p99 %.3f ms, max %.3f ms\n",
           ms(histogram_percentile(h, 50)), ms(histogram_percentile(h, 90)),
           ms(histogram_percentile(h, 99)), ms((int64_t)h->max));
    if (broken)
        printf("Socket errors: connect %llu, read %llu, write %llu, timeout %llu\n",
               (unsigned long long)l->connect_errors, (unsigned long long)l->read_errors,
               (unsigned long long)l->write_errors, (unsigned long long)l->timeouts);
    if (l->bad_statuses)
        printf("Non-2xx or 3xx responses: %llu\n", (unsigned long long)l->bad_statuses);
}

static int run(const struct options *o)
{
    gamp_waitgroup all = {0};
    gamp_time start = gamp_now();
    struct load *load = calloc(1, sizeof *load);
    char *request = load ? make_request(o, &load->request_len) : NULL;
    if (!request) {
        fprintf(stderr, "httpload: %s\n", strerror(ENOMEM));
        free(load);
        return 1;
    }
    load->address = o->address;
    load->request = request;
    load->pipeline = o->pipeline;
    load->end = start + (gamp_duration)(o->seconds * 1e9);
    for (int i = 0; i < o->connections; i++) {
        int err = gamp_waitgroup_go(&all, load_connection, load);
        if (err) {
            fprintf(stderr, "httpload: only %d connections: %s\n", i, strerror(-err));
            break;
        }
    }
    gamp_waitgroup_wait(&all);
    print(load, o, gamp_now() - start);
    bool answered = load->latency.count > 0;
    free(request);
    free(load);
    return answered ? 0 : 1;
}

GAMP_MAIN(argc, argv)
{
    struct options o;
    struct rlimit files;
    if (!options_parse(argc, argv, &o)) {
        fprintf(stderr, "usage: httpload [-c CONNS] [-d SECONDS] [-p PIPELINE] URL\n");
        return 2;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    return run(&o);
}
