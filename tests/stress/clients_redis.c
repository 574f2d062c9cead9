/* SPDX-License-Identifier: BSD-3-Clause */
/* link: hiredis */
/* hiredis, unmodified and blocking, in 200 goroutines against a Redis of its own. */
#define _GNU_SOURCE
#include "harness/clients.h"
#include <hiredis/hiredis.h>

static void client(int id)
{
    redisContext *c = redisConnect("127.0.0.1", clients.port);
    redisReply *r;

    CHECK(c && !c->err);
    for (int i = 0; i < CLIENT_ROUNDS; i++) {
        r = redisCommand(c, "SET key:%d value:%d:%d", id, id, i);
        CHECK(r && r->type == REDIS_REPLY_STATUS);
        freeReplyObject(r);
        /* Waits in the server, so that the thread waits for long. */
        r = redisCommand(c, "BLPOP nothing:%d 0.01", id);
        CHECK(r && r->type == REDIS_REPLY_NIL);
        freeReplyObject(r);
        r = redisCommand(c, "GET key:%d", id);
        CHECK(r && r->type == REDIS_REPLY_STRING);
        {
            char want[64];

            snprintf(want, sizeof want, "value:%d:%d", id, i);
            CHECK_STR(r->str, want);
        }
        freeReplyObject(r);
        clients_answered();
    }
    redisFree(c);
}

static void run(void)
{
    clients_run("redis");
}

TEST_WITHIN(hiredis, 120)
{
    clients_start("redis");
    test_go_run(run, gamp_run);
    clients_remove();
}
