/* SPDX-License-Identifier: BSD-3-Clause */
/* options: see options.h. */
#include "options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define USAGE "usage: httpd [-l ADDR:PORT] [-t SECONDS] [-k SECONDS] [-a] [-s] ROOT"

/* A positive number of seconds, fractions allowed, up to a year. */
static bool seconds(const char *text, int64_t *ns)
{
    char *end;
    double v = strtod(text, &end);
    if (end == text || *end || !isfinite(v) || v < 0.001 || v > 366.0 * 86400)
        return false;
    *ns = (int64_t)(v * 1e9);
    return true;
}

bool options_parse(int argc, char **argv, struct options *o, char *error, size_t n)
{
    int flag;
    *o = (struct options){.listen = "127.0.0.1:8080",
                          .head_time = INT64_C(10000000000),
                          .idle_time = INT64_C(60000000000)};
    opterr = 0;
    optind = 1;
    while ((flag = getopt(argc, argv, ":l:t:k:as")) != -1) {
        switch (flag) {
        case 'l':
            o->listen = optarg;
            break;
        case 'a':
            o->log = true;
            break;
        case 's':
            o->stats = true;
            break;
        case 't':
        case 'k':
            if (seconds(optarg, flag == 't' ? &o->head_time : &o->idle_time))
                break;
            snprintf(error, n, "-%c takes a number of seconds, not %s; " USAGE, flag, optarg);
            return false;
        case ':':
            snprintf(error, n, "-%c needs a value; " USAGE, optopt);
            return false;
        default:
            snprintf(error, n, "unknown flag -%c; " USAGE, optopt);
            return false;
        }
    }
    if (optind + 1 != argc) {
        snprintf(error, n, "%s; " USAGE, optind == argc ? "no ROOT" : "more than one ROOT");
        return false;
    }
    o->root = argv[optind];
    return true;
}
