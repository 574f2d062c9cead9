/* SPDX-License-Identifier: BSD-3-Clause */
/* planted: bugs that a sanitizer must find before its silence about the rest means anything.
 * The argument names the sanitizer; the exit status must be its own, 99. */
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int shared;

static void *write_shared(void *arg)
{
    (void)arg;
    shared++;
    return NULL;
}

static int race(void)
{
    pthread_t a, b;
    pthread_create(&a, NULL, write_shared, NULL);
    pthread_create(&b, NULL, write_shared, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    return shared;
}

static int use_after_free(void)
{
    char *volatile p = malloc(16);
    p[0] = 1;
    free((void *)p);
    return p[0];
}

static int overflow(int n)
{
    int volatile big = INT_MAX;
    return big + n;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    int r = 0;
    if (strcmp(what, "thread") == 0)
        r = race();
    else if (strcmp(what, "address") == 0)
        r = use_after_free();
    else if (strcmp(what, "undefined") == 0)
        r = overflow(argc);
    printf("%s: nothing found (%d)\n", what, r);
    return 0;
}
