/* SPDX-License-Identifier: BSD-3-Clause */
/* head: see head.h. */
#include "head.h"

static const struct {
    int status;
    struct text reason;
} reasons[] = {
    {200, TEXT("200 OK")},
    {206, TEXT("206 Partial Content")},
    {301, TEXT("301 Moved Permanently")},
    {304, TEXT("304 Not Modified")},
    {400, TEXT("400 Bad Request")},
    {403, TEXT("403 Forbidden")},
    {404, TEXT("404 Not Found")},
    {405, TEXT("405 Method Not Allowed")},
    {408, TEXT("408 Request Timeout")},
    {412, TEXT("412 Precondition Failed")},
    {413, TEXT("413 Content Too Large")},
    {414, TEXT("414 URI Too Long")},
    {416, TEXT("416 Range Not Satisfiable")},
    {417, TEXT("417 Expectation Failed")},
    {431, TEXT("431 Request Header Fields Too Large")},
    {500, TEXT("500 Internal Server Error")},
    {501, TEXT("501 Not Implemented")},
    {503, TEXT("503 Service Unavailable")},
    {505, TEXT("505 HTTP Version Not Supported")},
};

struct text head_reason(int status)
{
    size_t i = 0;
    while (i < sizeof reasons / sizeof reasons[0] - 1 && reasons[i].status != status)
        i++;
    return reasons[i].reason;
}

char *head_decimal(char *p, uint64_t v)
{
    char digits[20];
    size_t n = 0;
    do
        digits[n++] = (char)('0' + v % 10);
    while (v /= 10);
    while (n)
        *p++ = digits[--n];
    return p;
}

char *head_status(char *p, int status)
{
    p = head_text(p, TEXT("HTTP/1.1 "));
    p = head_text(p, head_reason(status));
    return head_text(p, TEXT("\r\nServer: gamp-httpd\r\n"));
}

char *head_field(char *p, struct text name, struct text value)
{
    p = head_text(p, name);
    p = head_text(p, value);
    return head_text(p, TEXT("\r\n"));
}

char *head_length(char *p, uint64_t length)
{
    p = head_decimal(head_text(p, TEXT("Content-Length: ")), length);
    return head_text(p, TEXT("\r\n"));
}

char *head_entity(char *p, const struct entity *e)
{
    char date[DATE_LEN];
    if (e->dated) {
        date_format(e->modified, date);
        p = head_field(p, TEXT("Last-Modified: "), (struct text){date, DATE_LEN});
    }
    p = head_field(p, TEXT("ETag: "), (struct text){e->etag, e->etag_len});
    return head_text(p, TEXT("Accept-Ranges: bytes\r\n"));
}

char *head_whole(char *p, const struct entity *e)
{
    p = head_status(p, 200);
    p = head_field(p, TEXT("Content-Type: "), e->type);
    p = head_length(p, e->size);
    return head_entity(p, e);
}
