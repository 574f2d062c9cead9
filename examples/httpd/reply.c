/* SPDX-License-Identifier: BSD-3-Clause */
/* reply: see reply.h. */
#include "reply.h"

time_t reply_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now.tv_sec;
}

void reply_head_end(struct exchange *x, char *p, int status, uint64_t body)
{
    time_t now = reply_now();
    if (now != x->second) {
        x->second = now;
        date_format(now, x->date);
    }
    p = head_field(p, TEXT("Date: "), (struct text){x->date, DATE_LEN});
    if (x->close)
        p = head_text(p, TEXT("Connection: close\r\n"));
    else if (x->request->minor == 0)
        p = head_text(p, TEXT("Connection: keep-alive\r\n"));
    p = head_text(p, TEXT("\r\n"));
    out_took(x->out, (size_t)(p - (x->out->buf + x->out->used)));
    x->status = status;
    x->body = reply_has_body(x) ? body : 0;
}

void reply_status(struct exchange *x, int status, struct text fields)
{
    struct text reason = head_reason(status);
    char *p = out_reserve(x->out, HEAD_ROOM + fields.n);
    p = head_status(p, status);
    p = head_text(p, fields);
    if (status == 304) {
        reply_head_end(x, p, status, 0);
        return;
    }
    p = head_text(p, TEXT("Content-Type: text/plain; charset=utf-8\r\n"));
    p = head_length(p, reason.n + 1);
    reply_head_end(x, p, status, reason.n + 1);
    if (reply_has_body(x)) {
        out_text(x->out, reason);
        out_text(x->out, TEXT("\n"));
    }
}

void reply_page(struct exchange *x, struct text page)
{
    char *p = out_reserve(x->out, HEAD_ROOM);
    p = head_status(p, 200);
    p = head_text(p, TEXT("Content-Type: text/html; charset=utf-8\r\n"));
    p = head_length(p, page.n);
    reply_head_end(x, p, 200, page.n);
    if (!reply_has_body(x))
        return;
    if (page.n <= OUT_ROOM - HEAD_ROOM)
        out_text(x->out, page);
    else
        out_memory(x->out, page.p, page.n);
}
