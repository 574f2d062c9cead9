/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched/env.h"
#include "base/race.h"
#include "os/linux/print.h"
#include "sched/fatal.h"
#include "sched/schedt.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Under ThreadSanitizer a goroutine stopped inside the sanitizer would hold its locks, which the
 * runtime itself needs to make fibers: nobody is stopped by signal there unless asked for. */
struct debugvars debug = {.asyncpreemptoff = RACE_TSAN,
                          .directswitch = 1,
                          .preemptsignal = SIGURG,
                          .traceback = TRACEBACK_SINGLE};
int32_t env_procs;

static const struct key {
    const char *name;
    int32_t *value;
    int32_t min, max;
} keys[] = {
    {"schedtrace", &debug.schedtrace, 0, INT32_MAX},
    {"scheddetail", &debug.scheddetail, 0, 1},
    {"inittrace", &debug.inittrace, 0, 1},
    {"asyncpreemptoff", &debug.asyncpreemptoff, 0, 1},
    {"directswitch", &debug.directswitch, 0, 1},
    {"preemptsignal", &debug.preemptsignal, 1, 64},
};

/* Decimal digits, all of [s, end). */
static bool parse(const char *s, const char *end, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;

    if (s == end)
        return false;
    for (; s < end; s++) {
        uint64_t digit = (uint64_t)(*s - '0');

        if (*s < '0' || *s > '9' || digit > max || v > (max - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = v;
    return true;
}

static bool is(const char *s, const char *end, const char *word)
{
    return (size_t)(end - s) == strlen(word) && !memcmp(s, word, (size_t)(end - s));
}

static void complain(const char *variable, const char *s, const char *end)
{
    print_fd(2, "gamp: %s: ", variable);
    print_text(2, s, (size_t)MIN(end - s, 200));
    print_text(2, ": not understood, ignored\n", 26);
}

static bool set_key(const char *s, const char *eq, const char *end)
{
    uint64_t v;

    if (is(s, eq, "seed"))
        return parse(eq + 1, end, UINT64_MAX, &debug.seed);
    if (is(s, eq, "sched") && is(eq + 1, end, "random")) {
        debug.sched_random = 1;
        debug.directswitch = 0; /* it always takes the next one */
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (is(s, eq, keys[i].name)) {
            if (!parse(eq + 1, end, (uint64_t)keys[i].max, &v) || (int64_t)v < keys[i].min)
                return false;
            *keys[i].value = (int32_t)v;
            return true;
        }
    return false;
}

static void parse_debug(const char *s)
{
    while (*s) {
        const char *end = strchrnul(s, ',');
        const char *eq = memchr(s, '=', (size_t)(end - s));

        if (end > s && (!eq || !set_key(s, eq, end)))
            complain("GAMPDEBUG", s, end);
        s = *end ? end + 1 : end;
    }
}

static void parse_traceback(const char *s)
{
    static const char *const levels[] = {"none", "single", "all", "system", "crash"};

    for (size_t i = 0; i < ARRAY_LEN(levels); i++)
        if (!strcmp(s, levels[i])) {
            debug.traceback = (int32_t)i;
            return;
        }
    complain("GAMPTRACEBACK", s, s + strlen(s));
}

/* -1: malformed. */
static int32_t parse_procs(const char *s)
{
    uint64_t v;

    if (!s || !*s)
        return 0;
    return parse(s, s + strlen(s), INT32_MAX, &v) && v > 0 ? (int32_t)MIN(v, MAXPROCS) : -1;
}

int32_t env_maxprocs(void)
{
    return MAX(parse_procs(getenv("GAMPMAXPROCS")), 0);
}

void goenvs(void)
{
    const char *procs = getenv("GAMPMAXPROCS"), *dbg = getenv("GAMPDEBUG"),
               *tb = getenv("GAMPTRACEBACK");
    int32_t n = parse_procs(procs);

    if (n < 0)
        complain("GAMPMAXPROCS", procs, procs + strlen(procs));
    env_procs = MAX(n, 0);
    if (dbg)
        parse_debug(dbg);
    if (tb && *tb)
        parse_traceback(tb);
}
