/* SPDX-License-Identifier: BSD-3-Clause */
/* link: pq */
/* libpq, unmodified and blocking, in 200 goroutines against a PostgreSQL of its own. */
#define _GNU_SOURCE
#include "harness/clients.h"
#include <postgresql/libpq-fe.h>

static PGconn *connect_to(void)
{
    char info[128];

    snprintf(info, sizeof info,
             "host=127.0.0.1 port=%d user=test dbname=postgres connect_timeout=100", clients.port);
    return PQconnectdb(info);
}

static void client(int id)
{
    PGconn *c = connect_to();

    CHECK_MSG(PQstatus(c) == CONNECTION_OK, "%s", PQerrorMessage(c));
    for (int i = 0; i < CLIENT_ROUNDS; i++) {
        char a[16], b[16], want[32];
        const char *values[] = {a, b};
        PGresult *r;

        snprintf(a, sizeof a, "%d", id);
        snprintf(b, sizeof b, "%d", i);
        snprintf(want, sizeof want, "%d", id * 1000 + i);
        r = PQexecParams(c, "select $1::int * 1000 + $2::int, pg_sleep(0.01)", 2, NULL, values,
                         NULL, NULL, 0);
        CHECK_MSG(PQresultStatus(r) == PGRES_TUPLES_OK, "%s", PQerrorMessage(c));
        CHECK_STR(PQgetvalue(r, 0, 0), want);
        PQclear(r);
        clients_answered();
    }
    PQfinish(c);
}

static void run(void)
{
    clients_run("postgres");
}

TEST_WITHIN(libpq, 240)
{
    clients_start("postgres");
    /* It listens before it answers. */
    for (;;) {
        PGconn *c = connect_to();
        bool up = PQstatus(c) == CONNECTION_OK;

        PQfinish(c);
        if (up)
            break;
        usleep(50000);
    }
    test_go_run(run, gamp_run);
    clients_remove();
}
