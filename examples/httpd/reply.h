/* SPDX-License-Identifier: BSD-3-Clause */
/* reply: one request's answer: status and fields, put into the connection's outgoing bytes. */
#ifndef HTTPD_REPLY_H
#define HTTPD_REPLY_H

#include "head.h"
#include "out.h"
#include "request.h"
#include "site.h"

enum { REPLY_PATH_ROOM = 4096 + 16 }; /* a path and the name of an index behind it */

/* One request and its answer. */
struct exchange {
    /* The connection's. */
    struct site *site;
    struct out *out;
    struct request *request;
    /* The answer's. */
    bool close;    /* the connection ends with it */
    int status;    /* 0 until there is one */
    uint64_t body; /* its length, for the log */
    /* The date as text, made once a second. */
    time_t second;
    char date[DATE_LEN];
    /* The path that is asked for. Last: few touch more than its beginning. */
    char path[REPLY_PATH_ROOM];
};

/* Now, to within the system's tick. */
time_t reply_now(void);

/* Ends a head begun at out_reserve: date, what becomes of the connection, blank line. Sends the
 * head on its way, and takes note of the status and the length. */
void reply_head_end(struct exchange *x, char *p, int status, uint64_t body);

/* Is the body to be sent? Not in the answer to HEAD. */
static inline bool reply_has_body(const struct exchange *x)
{
    return x->request->method != METHOD_HEAD;
}

/* A whole answer that says no more than its status. `fields` are complete lines to go with it. */
void reply_status(struct exchange *x, int status, struct text fields);

/* A whole answer with a generated page, which stays as it is until the next flush. */
void reply_page(struct exchange *x, struct text page);

#endif
