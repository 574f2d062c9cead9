/* SPDX-License-Identifier: BSD-3-Clause */
/* httpd: serves the files of a directory over HTTP/1.1, one goroutine for each connection.
 *
 *     httpd [-l ADDR:PORT] [-t SECONDS] [-k SECONDS] [-a] [-s] ROOT
 *
 * Exit status: 0 after SIGTERM or SIGINT, 1 when the address cannot be used, 2 for bad usage; see
 * docs/httpd.md. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gamp.h>

#include "options.h"
#include "server.h"

/* Requests in progress may take so long to end after a signal. */
#define GRACE (10 * GAMP_SECOND)
/* And those that are cut off then, or the log's writer, so long. */
#define CUT GAMP_SECOND

static void print_stats(const struct server *s)
{
    gamp_sched_stats g;
    gamp_sched_stats_read(&g);
    const struct {
        const char *name;
        uint64_t value;
    } lines[] = {
        {"connections", s->accepted},
        {"requests", s->requests},
        {"goroutines", g.goroutines},
        {"created", g.created},
        {"procs", g.procs},
        {"threads", g.threads},
        {"idle_procs", g.idle_procs},
        {"spinning", g.spinning},
        {"global_queue", g.global_queue},
        {"switches", g.switches},
        {"steals", g.steals},
        {"handoffs", g.handoffs},
        {"preemptions", g.preemptions},
        {"strays", g.strays},
        {"stacks_reserved", g.stacks_reserved},
        {"stacks_resident", g.stacks_resident},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        printf("%s %llu\n", lines[i].name, (unsigned long long)lines[i].value);
    fflush(stdout);
}

static int fail(int status, const char *what, int err)
{
    fprintf(stderr, "httpd: %s: %s\n", what, strerror(-err));
    return status;
}

/* Waits for a signal, then for the requests in progress; a second signal cuts that short. Returns
 * whether all connections have ended. */
static bool run(struct server *s, gamp_chan *signals)
{
    int sig;
    gamp_chan_recv(signals, &sig);
    server_stop(s);
    if (gamp_select(GAMP_RECV(s->drained, NULL), GAMP_RECV(signals, &sig),
                    GAMP_AT(gamp_now() + GRACE)) == 0)
        return true;
    server_cut(s);
    return gamp_chan_recv_until(s->drained, NULL, gamp_now() + CUT) == -EPIPE;
}

static struct server server;
static struct accesslog access_log;

static int start(const struct options *o, gamp_chan *signals)
{
    char at[128];
    server.head_time = o->head_time;
    server.idle_time = o->idle_time;
    server.listener = gamp_listen("tcp", o->listen);
    if (server.listener < 0)
        return fail(1, o->listen, server.listener);
    int r = server_init(&server, o->root);
    if (r)
        return fail(2, o->root, r);
    if (o->log) {
        server.log = &access_log;
        access_log.fd = STDOUT_FILENO;
        r = accesslog_start(&access_log);
    }
    if (r == 0)
        r = gamp_local_addr(server.listener, at, sizeof at);
    if (r >= 0)
        r = gamp_signal_notify(signals, SIGTERM, SIGINT);
    if (r >= 0)
        r = gamp_go_with(GAMP_OPTIONS(.name = "accept"), server_accept, &server);
    if (r < 0)
        return fail(1, "start", r);
    printf("listening on http://%s/\n", at);
    fflush(stdout);
    return 0;
}

static void log_end(void)
{
    uint64_t lost = accesslog_end(&access_log, gamp_now() + CUT);
    if (lost)
        fprintf(stderr, "httpd: %llu lines of the access log were lost\n",
                (unsigned long long)lost);
}

GAMP_MAIN(argc, argv)
{
    struct options o;
    char error[256];
    if (!options_parse(argc, argv, &o, error, sizeof error)) {
        fprintf(stderr, "httpd: %s\n", error);
        return 2;
    }
    gamp_chan *signals = gamp_chan_of(int, 2);
    if (!signals)
        return fail(1, "start", -ENOMEM);
    int status = start(&o, signals);
    if (status == 0) {
        bool ended = run(&server, signals);
        if (o.log)
            log_end();
        if (o.stats)
            print_stats(&server);
        if (ended)
            server_free(&server);
    }
    gamp_signal_stop(signals);
    gamp_chan_unref(signals);
    return status;
}
