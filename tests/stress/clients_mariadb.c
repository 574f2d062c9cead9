/* SPDX-License-Identifier: BSD-3-Clause */
/* link: mariadb */
/* libmariadb, unmodified and blocking, in 200 goroutines against a MariaDB of its own. */
#define _GNU_SOURCE
#include "harness/clients.h"
#include <mariadb/mysql.h>

static void client(int id)
{
    MYSQL *c = mysql_init(NULL);

    CHECK(c != NULL);
    CHECK_MSG(mysql_real_connect(c, "127.0.0.1", "root", NULL, NULL, (unsigned)clients.port, NULL,
                                 0) != NULL,
              "%s", mysql_error(c));
    for (int i = 0; i < CLIENT_ROUNDS; i++) {
        char query[128], want[32];
        MYSQL_RES *r;
        MYSQL_ROW row;

        snprintf(query, sizeof query, "select %d * 1000 + %d, sleep(0.01)", id, i);
        snprintf(want, sizeof want, "%d", id * 1000 + i);
        CHECK_MSG(mysql_query(c, query) == 0, "%s", mysql_error(c));
        r = mysql_store_result(c);
        CHECK(r != NULL);
        row = mysql_fetch_row(r);
        CHECK(row != NULL);
        CHECK_STR(row[0], want);
        CHECK_STR(row[1], "0");
        mysql_free_result(r);
        clients_answered();
    }
    mysql_close(c);
}

static void run(void)
{
    clients_run("mariadb");
}

TEST_WITHIN(libmariadb, 240)
{
    clients_start("mariadb");
    CHECK_EQ(mysql_library_init(0, NULL, NULL), 0);
    test_go_run(run, gamp_run);
    mysql_library_end();
    clients_remove();
}
