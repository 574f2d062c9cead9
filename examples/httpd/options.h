/* SPDX-License-Identifier: BSD-3-Clause */
/* options: what the command line says. */
#ifndef HTTPD_OPTIONS_H
#define HTTPD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct options {
    const char *listen; /* -l ADDR:PORT */
    const char *root;
    bool log;          /* -a */
    bool stats;        /* -s */
    int64_t head_time; /* -t SECONDS, in nanoseconds */
    int64_t idle_time; /* -k SECONDS, in nanoseconds */
};

/* Fills o; false, and one line without its newline in error, when the arguments are wrong. */
bool options_parse(int argc, char **argv, struct options *o, char *error, size_t n);

#endif
