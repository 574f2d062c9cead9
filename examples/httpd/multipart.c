/* SPDX-License-Identifier: BSD-3-Clause */
/* multipart: each range is a part with its own small head; the whole length is known before the
 * first byte goes out. The boundary is drawn anew for each answer, so that no file can contain it.
 */
#include <sys/random.h>

#include "content.h"
#include "range.h"

enum { BOUNDARY_LEN = 24 };

/* What stands before a part's bytes, the CRLF that ends the part before it included. */
static size_t part_head(char *out, const char boundary[BOUNDARY_LEN], const struct file *f,
                        const struct range *r, bool first)
{
    char *p = head_text(out, first ? TEXT("--") : TEXT("\r\n--"));
    p = head_text(p, (struct text){boundary, BOUNDARY_LEN});
    p = head_field(head_text(p, TEXT("\r\n")), TEXT("Content-Type: "), f->entity.type);
    p = head_decimal(head_text(p, TEXT("Content-Range: bytes ")), r->first);
    p = head_decimal(head_text(p, TEXT("-")), r->last);
    p = head_decimal(head_text(p, TEXT("/")), f->entity.size);
    return (size_t)(head_text(p, TEXT("\r\n\r\n")) - out);
}

static size_t ending(char *out, const char boundary[BOUNDARY_LEN])
{
    char *p = head_text(out, TEXT("\r\n--"));
    p = head_text(p, (struct text){boundary, BOUNDARY_LEN});
    return (size_t)(head_text(p, TEXT("--\r\n")) - out);
}

static void boundary_draw(char out[BOUNDARY_LEN])
{
    unsigned char random[BOUNDARY_LEN];
    while (getrandom(random, sizeof random, 0) != sizeof random)
        ; /* at start-up, or by a signal, cut short */
    for (unsigned i = 0; i < BOUNDARY_LEN; i++)
        out[i] = "0123456789abcdefghijklmnopqrstuv"[random[i] & 31];
}

void multipart_serve(struct exchange *x, struct file *f, const struct range *ranges, size_t n)
{
    char boundary[BOUNDARY_LEN], head[HEAD_ROOM];
    boundary_draw(boundary);
    uint64_t length = ending(head, boundary);
    for (size_t i = 0; i < n; i++)
        length +=
            part_head(head, boundary, f, &ranges[i], i == 0) + ranges[i].last - ranges[i].first + 1;
    char *p = head_status(out_reserve(x->out, HEAD_ROOM), 206);
    p = head_text(p, TEXT("Content-Type: multipart/byteranges; boundary="));
    p = head_field(p, (struct text){boundary, BOUNDARY_LEN}, TEXT(""));
    p = head_length(p, length);
    p = head_entity(p, &f->entity);
    reply_head_end(x, p, 206, length);
    for (size_t i = 0; i < n; i++) {
        size_t len = part_head(out_reserve(x->out, HEAD_ROOM), boundary, f, &ranges[i], i == 0);
        out_took(x->out, len);
        content_bytes(x, f, ranges[i].first, ranges[i].last - ranges[i].first + 1);
    }
    out_took(x->out, ending(out_reserve(x->out, HEAD_ROOM), boundary));
}
